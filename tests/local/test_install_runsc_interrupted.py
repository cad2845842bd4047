"""scripts/install-runsc killed at each step or run twice at once, what is in its way, and what it takes away again."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from installer import Installer, snapshot, write_programs
from release_server import ReleaseServer
from releases import Release, published

OLD = Release("20260907.0")
NEW = Release("20260914.0")
# What moves from one state to another: killed before each call of one of these, the script has stood at all of its states.
# Where `rm` only makes room, the others are enough.
CHANGING = ("ln", "mv", "rm", "sync")
# SIGKILL to the whole process group, as of a machine that is switched off.
KILL_AT = """
echo >>"$COUNT"
[ "$(wc -l <"$COUNT")" -ne "$KILL_AT" ] || kill -9 0
PATH=${{PATH#*:}} exec {name} "$@"
"""


@pytest.fixture
def server():
    with ReleaseServer() as running:
        running.publish(published("gvisor.tar.bz2", OLD.tarball()))
        yield running


@pytest.fixture
def installer(tmp_path, server):
    return Installer(tmp_path, server.url)


@pytest.fixture
def killed_at(installer, tmp_path):
    """killed_at(n, arguments...) kills it before its nth change, and tells whether it came so far."""
    count = tmp_path / "count"

    def run(step, *arguments, changing=CHANGING):
        count.write_text("")
        programs = write_programs(tmp_path / "programs", {name: KILL_AT.format(name=name) for name in changing})
        done = installer.run(*arguments, programs=programs, COUNT=str(count), KILL_AT=str(step))
        assert done.status in (0, -9), done.stderr
        return done.status == -9

    return run


def install_by_hand(folder, release):
    """As gVisor's own guide has it."""
    write_programs(folder, release.programs())


def assert_whole(installer, release):
    assert installer.inventory() == [release.name] * 3
    store = {path.name: path.is_symlink() for path in (installer.to / ".gvisor").iterdir()}
    assert [name for name, is_link in store.items() if name.startswith("sha512-") and not is_link] == \
        [os.readlink(installer.to / ".gvisor/current")]
    assert not [name for name in store if name.startswith(("new", "old", "next"))]


def test_an_update_that_is_killed_leaves_one_release_and_the_next_run_finishes_it(installer, server, killed_at):
    assert installer.run("--no-verify").status == 0
    before = OLD
    step = 0
    killed = True
    while killed:
        step += 1
        release = Release(f"update-{step}")
        server.publish(published("gvisor.tar.bz2", release.tarball()))
        killed = killed_at(step, "--no-verify")
        assert installer.inventory() in ([before.name] * 3, [release.name] * 3)
        assert installer.run("--no-verify").status == 0
        assert_whole(installer, release)
        before = release
    assert step > 8


def test_taking_over_from_an_installation_by_hand_may_be_killed_too(installer, server, killed_at):
    step = 0
    killed = True
    while killed:
        step += 1
        shutil.rmtree(installer.to, ignore_errors=True)
        install_by_hand(installer.to, NEW)
        killed = killed_at(step, "--no-verify", changing=("ln", "mv"))
        assert len(set(installer.inventory())) == 1
        assert installer.run("--no-verify").status == 0
        assert_whole(installer, OLD)
    assert step > 8


def test_an_uninstallation_that_is_killed_is_finished_by_the_next(installer, killed_at, tmp_path):
    installer.to.mkdir()
    install_by_hand(installer.to, NEW)
    before = installer.snapshot()
    assert installer.run("--no-verify").status == 0
    installed = shutil.copytree(installer.to, tmp_path / "installed", symlinks=True)
    step = 0
    killed = True
    while killed:
        step += 1
        shutil.rmtree(installer.to)
        shutil.copytree(installed, installer.to, symlinks=True)
        killed = killed_at(step, "--uninstall")
        assert installer.run("--uninstall").status == 0
        assert installer.snapshot() == before
    assert step > 4


def test_two_installations_at_once_both_succeed(installer):
    with ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(lambda _: installer.run(), range(2)))
    assert [done.status for done in outcomes] == [0, 0], outcomes
    assert_whole(installer, OLD)


def test_uninstalling_takes_away_exactly_what_was_installed(installer):
    write_programs(installer.to, {"other": "true"})
    before = installer.snapshot()
    assert installer.run().status == 0
    assert installer.snapshot() != before
    done = installer.run("--uninstall")
    assert (done.status, f"removed: gVisor {OLD.name}" in done.stderr) == (0, True), done.stderr
    assert installer.snapshot() == before


def test_uninstalling_what_is_not_there_changes_nothing(installer):
    install_by_hand(installer.to, NEW)
    before = installer.snapshot()
    done = installer.run("--uninstall")
    assert (done.status, "nothing of this script" in done.stderr) == (0, True)
    assert installer.snapshot() == before


def test_uninstalling_leaves_a_runsc_that_somebody_put_in_place_of_ours(installer):
    assert installer.run().status == 0
    (installer.to / "runsc").unlink()
    install_by_hand(installer.to, Release("by-hand", shim=False))
    assert installer.run("--uninstall").status == 0
    assert (installer.to / "runsc").read_bytes() == Release("by-hand").runsc


def test_a_verification_that_fails_leaves_an_installation_by_hand(installer, server):
    install_by_hand(installer.to, NEW)
    before = snapshot(installer.to)
    server.publish(published("gvisor.tar.bz2", Release("1", do="exit 1").tarball()))
    assert installer.run().status == 6
    assert snapshot(installer.to) == before

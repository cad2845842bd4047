"""What scripts/install-runsc brings, from where and to where."""

import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from installer import SCRIPTS, Installer, snapshot, write_programs
from release_server import ReleaseServer, Stalled, Status, Truncated
from releases import Release, make_tarball, published, sha512

OLD = Release("20260907.0")
NEW = Release("20260914.0")
PIECES = ["say.sh", *sorted(piece.name for piece in (SCRIPTS / "lib").glob("runsc_*.sh"))]


@pytest.fixture
def server():
    with ReleaseServer() as running:
        yield running


@pytest.fixture
def installer(tmp_path, server):
    return Installer(tmp_path, server.url)


@pytest.fixture(scope="module")
def folder_with_old(tmp_path_factory):
    """A folder that OLD was installed into; to be copied, not changed."""
    with ReleaseServer() as server:
        server.publish(published("gvisor.tar.bz2", OLD.tarball()))
        installer = Installer(tmp_path_factory.mktemp("old"), server.url)
        done = installer.run()
    assert done.status == 0, done.stderr
    return installer.to


@pytest.fixture
def old_installed(installer, server, folder_with_old):
    """The installer, with OLD installed and NEW published."""
    shutil.copytree(folder_with_old, installer.to, symlinks=True)
    server.publish(published("gvisor.tar.bz2", NEW.tarball()))
    return installer


@pytest.fixture
def open_folder():
    """A folder that every user may enter, with a copy of the script and what it needs, and nothing else of the repository."""
    folder = Path(tempfile.mkdtemp(prefix="fumehood-installer-"))
    folder.chmod(0o755)
    (folder / "share/lib").mkdir(parents=True)
    shutil.copy(SCRIPTS / "install-runsc", folder / "share")
    for piece in PIECES:
        shutil.copy(SCRIPTS / "lib" / piece, folder / "share/lib")
    (folder / "home").mkdir()
    (folder / "home").chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def not_root():
    """The beginning of a command that shall not run as root."""
    return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs") if os.geteuid() == 0 else ()


def starts_a_sandbox(runsc, folder):
    root = folder / "root"
    root.mkdir()
    shutil.copy(shutil.which("busybox"), root / "busybox")
    done = subprocess.run([runsc, "--root", folder / "state", "--network=none", "do", "-quiet", "-root", root, "-cwd", "/",
                           "/busybox", "echo", "inside"], capture_output=True, text=True, timeout=30, check=False)
    return done.stdout == "inside\n"


# Layouts of releases.

def test_a_real_release_is_installed_whole_and_starts_sandboxes(installer, server, runsc, tmp_path):
    server.publish(published("gvisor.tar.bz2", make_tarball(
        {"runsc": runsc.read_bytes(), "containerd-shim-runsc-v1": NEW.shim_program, "gvisor-bin/of_no_use": b"sidecar"})))
    done = installer.run()
    assert (done.status, done.stdout) == (0, f"{installer.to}/runsc\n"), done.stderr
    assert (installer.to / "runsc").read_bytes() == runsc.read_bytes()
    assert ((installer.to / "runsc").resolve().parent / "gvisor-bin/of_no_use").read_text() == "sidecar"
    assert starts_a_sandbox(installer.to / "runsc", tmp_path)


def test_a_release_of_single_files_is_installed_with_its_shim(installer, server, runsc):
    server.publish(published("runsc", runsc.read_bytes()) | published("containerd-shim-runsc-v1", OLD.shim_program))
    done = installer.run()
    assert done.status == 0, done.stderr
    assert (installer.to / "runsc").read_bytes() == runsc.read_bytes()
    assert (installer.to / "containerd-shim-runsc-v1").read_bytes() == OLD.shim_program


def test_the_oldest_releases_have_no_shim(installer, server):
    server.publish(published("runsc", OLD.runsc), release="20200622")
    done = installer.run("--release", "20200622")
    assert done.status == 0, done.stderr
    assert (installer.to / "runsc").read_bytes() == OLD.runsc
    assert not os.path.lexists(installer.to / "containerd-shim-runsc-v1")


def test_everybody_may_run_what_is_installed(installer, server):
    server.publish(published("gvisor.tar.bz2", NEW.tarball()))
    assert installer.run(before=("sh", "-c", 'umask 077; exec "$@"', "sh")).status == 0
    for path in installer.to.rglob("*"):
        mode = path.stat().st_mode
        wanted = 0o5 if mode & 0o100 else 0o4
        assert (mode & wanted, mode & 0o22) == (wanted, 0), path


def test_a_user_who_is_not_root_installs_a_runsc_that_starts_without_root(open_folder, runsc, server):
    installer = Installer(open_folder / "home", server.url, open_folder / "share/install-runsc")
    server.publish(published("runsc", runsc.read_bytes()))
    done = installer.run(before=not_root())
    assert done.status == 0, done.stderr
    assert "not verified" not in done.stderr


def test_a_machine_without_busybox_verifies_with_its_own_echo(installer, server, runsc, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for folder in reversed(os.environ["PATH"].split(":")):
        for program in Path(folder).glob("*"):
            (programs / program.name).unlink(missing_ok=True)
            (programs / program.name).symlink_to(program)
    (programs / "busybox").unlink()
    server.publish(published("runsc", runsc.read_bytes()))
    done = installer.run(PATH=str(programs))
    assert done.status == 0, done.stderr


# Updates.

def test_an_update_replaces_the_whole_set(old_installed):
    assert old_installed.inventory() == [OLD.name] * 3
    done = old_installed.run()
    assert done.status == 0, done.stderr
    assert old_installed.inventory() == [NEW.name] * 3
    sets = [path for path in (old_installed.to / ".gvisor").iterdir() if path.is_dir() and not path.is_symlink()]
    assert len(sets) == 1


def test_the_resolved_path_of_a_replaced_runsc_leads_to_its_successor(old_installed):
    resolved = (old_installed.to / "runsc").resolve()
    assert old_installed.run().status == 0
    assert resolved.read_bytes() == NEW.runsc


def test_an_update_to_a_release_without_a_shim_leaves_none(old_installed, server):
    server.publish(published("gvisor.tar.bz2", Release("20260921.0", shim=False).tarball()))
    assert old_installed.run().status == 0
    assert old_installed.inventory() == ["20260921.0"] * 2


def test_a_downgrade_brings_back_a_release_that_was_replaced(old_installed, server):
    assert old_installed.run().status == 0
    server.publish(published("gvisor.tar.bz2", OLD.tarball()))
    assert old_installed.run().status == 0
    assert old_installed.inventory() == [OLD.name] * 3


def test_what_is_there_already_is_neither_downloaded_nor_touched(old_installed, server):
    assert old_installed.run().status == 0
    before = old_installed.snapshot()
    server.requests.clear()
    done = old_installed.run()
    assert (done.status, "there already: gVisor 20260914.0" in done.stderr) == (0, True), done.stderr
    assert server.requests == [f"/latest/{platform.machine()}/gvisor.tar.bz2.sha512"]
    assert old_installed.snapshot() == before


# Failures: each says what went wrong, and leaves what was installed as it was.

def damaged(content):
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def links_outside():
    link = tarfile.TarInfo("gvisor-bin/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return link


@dataclass(frozen=True)
class Failure:
    name: str
    files: dict
    status: int
    says: tuple
    options: tuple = ()


TARBALL = NEW.tarball()
GOOD = published("gvisor.tar.bz2", TARBALL)
NO_TARBALL = {"gvisor.tar.bz2": Status(404), "gvisor.tar.bz2.sha512": Status(404)}
FAILURES = [
    Failure("DamagedTarball", GOOD | {"gvisor.tar.bz2": damaged(TARBALL)}, 5, ("gvisor.tar.bz2 hashes to", "--base-url")),
    Failure("TruncatedTarball", GOOD | {"gvisor.tar.bz2": Truncated(TARBALL)}, 4, (f"broke off after {len(TARBALL) // 2} bytes",)),
    Failure("StalledTarball", GOOD | {"gvisor.tar.bz2": Stalled(TARBALL)}, 4, ("nothing came for 1 s", "--stall"), ("--stall", "1")),
    Failure("MissingTarball", GOOD | {"gvisor.tar.bz2": Status(404)}, 4, ("but not", "itself")),
    Failure("ForbiddenTarball", GOOD | {"gvisor.tar.bz2": Status(403)}, 4, ("HTTP 403",)),
    Failure("MissingRelease", NO_TARBALL, 4, ('no release "latest"', "--release")),
    Failure("MissingChecksum", GOOD | {"gvisor.tar.bz2.sha512": Status(404)}, 5, ("not its checksum",)),
    Failure("ChecksumOfSomethingElse", GOOD | {"gvisor.tar.bz2.sha512": b"0" * 128 + b"  gvisor.tar.bz2\n"}, 5, ("instead of 0000000",)),
    Failure("ChecksumIsAPage", GOOD | {"gvisor.tar.bz2.sha512": b"<html>please log in</html>"}, 5, ('no SHA-512 sum but "<html>',)),
    Failure("ChecksumIsEmpty", GOOD | {"gvisor.tar.bz2.sha512": b""}, 5, ("no SHA-512 sum",)),
    Failure("OtherChecksumThanAskedFor", GOOD, 5, ("not the file that you want",), ("--sha512", "1" * 128)),
    Failure("DamagedShimOfSingleFiles", NO_TARBALL | published("runsc", NEW.runsc)
            | published("containerd-shim-runsc-v1", NEW.shim_program) | {"containerd-shim-runsc-v1": b"damaged"}, 5,
            ("containerd-shim-runsc-v1 hashes to",)),
    Failure("NoTarball", published("gvisor.tar.bz2", b"BZh9 is how it begins"), 1, ("cannot unpack",)),
    Failure("TarballWithoutRunsc", published("gvisor.tar.bz2", make_tarball({"README": b"hello"})), 6, ("holds no runsc",)),
    Failure("TarballWithALink", published("gvisor.tar.bz2", Release("1", extra=(links_outside(),)).tarball()), 6, ("links or devices",)),
    Failure("RunscFails", published("gvisor.tar.bz2", Release("1", do="echo no such platform >&2; exit 1").tarball()), 6,
            ("no such platform", "exit status 1", "--no-verify")),
    Failure("RunscDoesNothing", published("gvisor.tar.bz2", Release("1", do="exit 0").tarball()), 6, ("no sandbox starts",)),
    Failure("RunscIsForAnotherMachine", published("gvisor.tar.bz2", make_tarball({"runsc": b"\x7fELF of another"})), 6,
            ("no sandbox starts",)),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_a_failure_says_why_and_leaves_what_was_installed(old_installed, server, failure):
    server.publish(failure.files)
    before = old_installed.snapshot()
    done = old_installed.run(*failure.options)
    assert done.status == failure.status, done.stderr
    assert done.stdout == ""
    assert not [words for words in failure.says if words not in done.stderr], done.stderr
    assert f"what was installed before stays: gVisor {OLD.name}" in done.stderr
    assert old_installed.snapshot() == before


def test_a_first_installation_that_fails_leaves_nothing(installer):
    assert installer.run().status == 4
    assert snapshot(installer.to) == {}


def test_no_verify_installs_what_starts_no_sandbox_and_says_so(old_installed, server):
    server.publish(published("gvisor.tar.bz2", Release("20260921.0", do="exit 1").tarball()))
    done = old_installed.run("--no-verify")
    assert (done.status, "not verified" in done.stderr) == (0, True), done.stderr
    assert old_installed.inventory() == ["20260921.0"] * 3


def test_without_a_network_a_file_and_the_source_are_suggested(installer):
    done = installer.run("--base-url", "http://127.0.0.1:1")
    assert done.status == 4
    assert "cannot reach http://127.0.0.1:1/" in done.stderr
    assert "--file" in done.stderr and "--from-source" in done.stderr


# Files that are here already.

def test_a_tarball_is_installed_without_a_network(installer, server, tmp_path):
    write_programs(tmp_path, published("gvisor.tar.bz2", TARBALL))
    done = installer.run("--file", "gvisor.tar.bz2")
    assert done.status == 0, done.stderr
    assert installer.inventory() == [NEW.name] * 3
    assert server.requests == []


def test_a_single_runsc_is_installed_by_the_checksum_given(installer, tmp_path):
    (tmp_path / "runsc").write_bytes(NEW.runsc)
    assert installer.run("--file", "runsc", "--sha512", sha512(NEW.runsc).upper()).status == 0
    assert (installer.to / "runsc").read_bytes() == NEW.runsc


@pytest.mark.parametrize(("files", "options", "status", "says"), [
    ({"runsc": NEW.runsc}, (), 5, "runsc.sha512 is not here"),
    ({"runsc": NEW.runsc}, ("--sha512", "0" * 128), 5, "runsc hashes to"),
    (published("runsc", NEW.runsc) | {"runsc": OLD.runsc}, (), 5, "runsc hashes to"),
    ({}, ("--sha512", "0" * 128), 4, "cannot read the file runsc"),
], ids=["NoChecksum", "OtherChecksumGiven", "OtherChecksumBeside", "NoFile"])
def test_a_file_without_the_right_checksum_is_refused(installer, tmp_path, files, options, status, says):
    write_programs(tmp_path, files)
    done = installer.run("--file", "runsc", *options)
    assert (done.status, says in done.stderr) == (status, True), done.stderr
    assert not os.path.lexists(installer.to / "runsc")


# The source.

def test_the_source_is_not_built_twice(installer, tmp_path):
    stamp = subprocess.run(["bash", "-c", 'source "$1/lib/find_tools.sh"; wanted_stamp runsc', "bash", SCRIPTS],
                           capture_output=True, text=True, check=True).stdout
    write_programs(tmp_path / "cache/tools/bin", {"runsc": NEW.runsc, ".runsc.stamp": stamp.encode()})
    done = installer.run("--from-source", FUMEHOOD_CACHE=str(tmp_path / "cache"))
    assert done.status == 0, done.stderr
    assert (installer.to / "runsc").read_bytes() == NEW.runsc


def test_a_copy_outside_of_the_repository_installs_releases_but_does_not_build(open_folder, server):
    installer = Installer(open_folder / "home", server.url, open_folder / "share/install-runsc")
    server.publish(GOOD)
    assert installer.run().status == 0
    done = installer.run("--from-source")
    assert (done.status, "--from-source needs Fumehood's repository" in done.stderr) == (1, True), done.stderr
    done = installer.run("--base-url", "http://127.0.0.1:1")
    assert "--file" in done.stderr and "--from-source" not in done.stderr


# Mirrors and proxies.

def test_this_machine_is_reached_without_the_proxy(installer, server):
    server.publish(GOOD)
    assert installer.run(http_proxy="http://127.0.0.1:1", https_proxy="http://127.0.0.1:1", no_proxy="example.org").status == 0


def test_another_machine_is_reached_through_the_proxy(installer, server):
    server.publish(GOOD, release="mirror/latest")
    done = installer.run("--base-url", "http://releases.invalid/mirror/", http_proxy=server.url)
    assert done.status == 0, done.stderr
    assert server.requests[0].startswith("http://releases.invalid/mirror/latest/")


@pytest.mark.parametrize(("options", "warns"), [((), True), (("--sha512", sha512(TARBALL)), False)], ids=["Alone", "WithAChecksum"])
def test_a_mirror_without_tls_is_warned_of(installer, server, options, warns):
    server.publish(GOOD)
    done = installer.run("--base-url", "http://releases.invalid", *options, http_proxy=server.url)
    assert (done.status, "is not https" in done.stderr) == (0, warns), done.stderr


# Machines.

def uname(tmp_path, system="Linux", release="6.1.0", machine="x86_64"):
    return write_programs(tmp_path / "programs", {
        "uname": f'case $1 in -s) echo {system} ;; -r) echo {release} ;; -m) echo {machine} ;; esac'})


@pytest.mark.parametrize(("machine", "says"), [
    ({"machine": "riscv64"}, "this machine is riscv64, and gVisor is made for x86_64 and aarch64"),
    ({"system": "Darwin"}, "this is Darwin"),
    ({"release": "4.9.0-13-amd64"}, "this is 4.9.0-13-amd64"),
    ({"release": "4.14.76"}, "this is 4.14.76"),
], ids=["Architecture", "System", "Kernel", "LastTooOldKernel"])
def test_a_machine_that_gvisor_does_not_run_on_is_named(installer, server, tmp_path, machine, says):
    done = installer.run(programs=uname(tmp_path, **machine))
    assert (done.status, says in done.stderr) == (3, True), done.stderr
    assert server.requests == []


@pytest.mark.parametrize(("release", "warns"), [("5.5.19-generic", True), ("5.6.0", False), ("5.10.0-8-amd64", False), ("6.1", False)])
def test_a_kernel_too_old_for_new_releases_is_warned_of(installer, tmp_path, release, warns):
    done = installer.run("--dry-run", programs=uname(tmp_path, release=release))
    assert (done.status, "need 5.6" in done.stderr) == (0, warns), done.stderr


@pytest.mark.parametrize(("machine", "options", "asks_for"), [
    ("aarch64", (), "aarch64"), ("arm64", (), "aarch64"), ("x86_64", ("--arch", "arm64"), "aarch64"),
    ("riscv64", ("--arch", "amd64"), "x86_64"),
])
def test_the_architecture_is_called_what_releases_call_it(installer, tmp_path, server, machine, options, asks_for):
    server.publish(GOOD, architecture=asks_for)
    done = installer.run(*options, programs=uname(tmp_path, machine=machine))
    assert done.status == 0, done.stderr
    assert ("not verified: this machine can't" in done.stderr) == bool(options)
    assert installer.inventory() == [NEW.name] * 3


# Usage.

@pytest.mark.parametrize(("options", "says"), [
    (("--frobnicate",), "--frobnicate"), (("--release", "yesterday"), "yesterday"), (("--release",), "needs a value"),
    (("--arch", "sparc"), "sparc"), (("--base-url", "ftp://example.org"), "ftp://example.org"), (("--sha512", "abc"), "128"),
    (("--stall", "soon"), "soon"), (("--file", "runsc", "--from-source"), "exclude"), (("--system",), "exclude"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_what_is_not_understood_is_refused(installer, options, says):
    done = installer.run(*options)
    assert (done.status, says in done.stderr) == (2, True), done.stderr
    assert not installer.to.exists()


def test_help_tells_every_option_and_exit_status(installer):
    done = installer.run("--help")
    assert done.status == 0
    options = [line.strip().split(")")[0] for line in (SCRIPTS / "lib/runsc_options.sh").read_text().splitlines()
               if line.strip().startswith("--") and ")" in line]
    assert len(options) > 10
    assert not [option for option in options if option not in done.stdout]


@pytest.mark.parametrize(("folders", "cwd", "environment", "goes_to"), [
    ((".venv/bin", "active/bin"), ".", {"VIRTUAL_ENV": "active"}, "active/bin"),
    ((".venv/bin",), ".", {"VIRTUAL_ENV": "gone"}, ".venv/bin"),
    ((".git", ".venv/bin", "a/b"), "a/b", {}, ".venv/bin"),
    ((".git", "a/b"), "a/b", {}, "bin"),
    (("a",), "a", {}, "a/bin"),
], ids=["ActiveEnvironment", "EnvironmentOfTheFolder", "EnvironmentOfTheProject", "BinOfTheProject", "BinOfTheFolder"])
def test_the_destination_is_chosen_and_the_reason_said(installer, tmp_path, folders, cwd, environment, goes_to):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    environment = {name: str(tmp_path / folder) for name, folder in environment.items()}
    done = installer.run("--dry-run", cwd=tmp_path / cwd, to=False, **environment)
    assert done.stderr.startswith(f"destination: {tmp_path / goes_to} ("), done.stderr


def test_system_asks_sudo_where_that_is_needed(open_folder, server):
    programs = write_programs(open_folder / "programs", {"sudo": 'echo "sudo $*"'})
    installer = Installer(open_folder / "home", server.url, open_folder / "share/install-runsc")
    done = installer.run("--system", before=not_root(), programs=programs, to=False, https_proxy="http://proxy.invalid")
    assert done.status == 0, done.stderr
    assert done.stdout == (f"sudo env FUMEHOOD_GVISOR_URL={server.url} https_proxy=http://proxy.invalid "
                           f"{open_folder}/share/install-runsc --system\n")


def test_a_folder_that_may_not_be_written_to_is_named(open_folder, server):
    installer = Installer(open_folder / "home", server.url, open_folder / "share/install-runsc")
    installer.to = open_folder / "closed"
    done = installer.run(before=not_root())
    assert (done.status, f"cannot write to {installer.to}" in done.stderr) == (1, True), done.stderr


def test_a_dry_run_asks_nobody_and_changes_nothing(old_installed, server):
    before = old_installed.snapshot()
    done = old_installed.run("--dry-run")
    assert (done.status, f"there now: gVisor {OLD.name}" in done.stderr, server.url in done.stderr) == (0, True, True), done.stderr
    assert old_installed.run("--dry-run", "--uninstall").status == 0
    assert old_installed.snapshot() == before
    assert server.requests == []


def test_quiet_says_nothing_of_a_success_and_why_of_a_failure(old_installed, server):
    programs = {"PATH": f"{old_installed.to}:{os.environ['PATH']}"}
    done = old_installed.run("--quiet", **programs)
    assert (done.status, done.stdout, done.stderr) == (0, f"{old_installed.to}/runsc\n", "")
    server.publish({"gvisor.tar.bz2.sha512": Status(403)})
    assert "HTTP 403" in old_installed.run("--quiet", **programs).stderr


def test_another_runsc_earlier_on_the_path_is_warned_of(installer, server, tmp_path):
    server.publish(GOOD)
    done = installer.run(programs=write_programs(tmp_path / "programs", {"runsc": OLD.runsc}))
    assert f"the PATH finds {tmp_path}/programs/runsc first" in done.stderr


def test_a_release_too_old_for_fumehood_is_warned_of(installer, server):
    server.publish(published("runsc", NEW.runsc.replace(b"-shared-root", b"-other")))
    done = installer.run()
    assert (done.status, "older than Fumehood's own sandboxes need" in done.stderr) == (0, True), done.stderr

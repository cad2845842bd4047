"""Repositories as nobody would like them: of any owner, with files that aren't, and changed while they are mounted."""

import os
import shutil
import socket
import stat
import subprocess
import threading

import pytest

from sandbox_commands import condition, outcome

pytestmark = pytest.mark.needs_executor

BOTH = pytest.mark.parametrize("access", ["ReadOnly", "Ephemeral"])


def make_private(folder, owner):
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, owner, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)


def git(folder, *arguments):
    subprocess.run(["git", "-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "-C", folder, *arguments], check=True)


@pytest.fixture
def mounted():
    """Mounts a file system on a directory, as the node sees it; it is gone after the test."""
    targets = []

    def mount(folder):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs", folder], check=True)
        targets.append(folder)

    yield mount
    for target in targets:
        subprocess.run(["umount", target], check=True)


@BOTH
def test_git_works_in_a_repository_of_another_owner(run, repository, access):
    path, folder = repository({"committed": "as committed\n"})
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=first")
    (folder / "committed").write_text("changed\n")
    make_private(folder, 4242)

    command = run(shell="git status --short && git log --format=%s", repository={"path": path, "access": access}, image="debian")

    assert command["status"].get("stderr", "") == ""
    assert command["status"]["stdout"] == " M committed\nfirst\n"


def test_git_may_commit_where_it_may_write(run, repository):
    path, folder = repository({"file": ""})
    git(folder, "init", "--quiet")
    make_private(folder, 4242)

    command = run(shell="git add file && git -c user.name=a -c user.email=b commit --quiet --message=inside && git log --format=%s",
                  repository={"path": path, "access": "Ephemeral"}, image="debian")

    assert command["status"]["stdout"] == "inside\n"
    assert list((folder / ".git/refs/heads").iterdir()) == []


@BOTH
def test_a_fifo_leads_nowhere(run, repository, access):
    path, folder = repository({"file": ""})
    os.mkfifo(folder / "fifo")
    (folder / "fifo").chmod(0o666)
    # Whoever opened it on the node would be answered.
    end = os.open(folder / "fifo", os.O_RDWR | os.O_NONBLOCK)
    os.write(end, b"from the node\n")

    command = run(shell="cat fifo", repository={"path": path, "access": access}, timeoutSeconds=2)

    assert "node" not in command["status"].get("stdout", "")
    assert os.read(end, 100) == b"from the node\n"
    os.close(end)


@BOTH
def test_a_socket_leads_nowhere(run, repository, hostile, access):
    path, folder = repository({"file": ""})
    shutil.copy(hostile, folder / "hostile")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(folder)  # the path of a socket is short
        listener.bind("socket")
        os.chdir(here)
        (folder / "socket").chmod(0o777)
        listener.listen()
        listener.setblocking(False)

        command = run(command=["./hostile", "connect"], repository={"path": path, "access": access})

        assert command["status"]["stdout"] == "Connection refused\n"
        with pytest.raises(BlockingIOError):
            listener.accept()


@BOTH
def test_devices_are_none(run, repository, access):
    path, folder = repository({"file": ""})
    for name, kind, device in (("kmsg", stat.S_IFCHR, (1, 11)), ("disk", stat.S_IFBLK, (254, 0))):
        os.mknod(folder / name, kind | 0o666, os.makedev(*device))
        (folder / name).chmod(0o666)

    command = run(shell="for d in kmsg disk; do head -c 1 $d || echo refused; done", repository={"path": path, "access": access})

    assert command["status"]["stdout"] == "refused\n" * 2


@BOTH
def test_a_setuid_program_gives_nothing(run, repository, access):
    path, folder = repository({"file": ""})
    shutil.copy("/bin/busybox", folder / "id")
    (folder / "id").chmod(0o6755)
    os.chown(folder, 1000, 1000)  # the repository is somebody's, the program is root's
    (folder / "id").chmod(0o6755)

    command = run(shell="stat -c %u id; ./id -u; ./id -g", repository={"path": path, "access": access})

    assert command["status"]["stdout"] == "0\n1000\n1000\n"


def test_what_is_mounted_in_it_is_read_only_too(run, repository, mounted):
    path, folder = repository({"below/hidden": "beneath the mount\n", "file": ""})
    mounted(folder / "below")
    (folder / "below/shown").write_text("mounted\n")
    (folder / "below").chmod(0o777)

    command = run(shell="cat below/*; touch below/new", repository={"path": path})

    # Where the executor learns of later mounts it shows them, else what is beneath; never anything to write to.
    assert command["status"]["stdout"] in ("mounted\n", "beneath the mount\n")
    assert "Read-only file system" in command["status"]["stderr"]
    assert sorted(entry.name for entry in (folder / "below").iterdir()) == ["shown"]


def test_a_mount_that_comes_later_is_not_let_in(commands, executors, repository, mounted):
    path, folder = repository({"below/file": "as it was\n"})
    commands.create("it", {"repository": {"path": path}, "shell": "for i in $(seq 30); do ls below; sleep 0.1; done; touch below/new"})
    commands.wait_until("it", lambda command: command.get("status", {}).get("phase") == "Running")
    mounted(folder / "below")
    (folder / "below/late").write_text("late\n")
    (folder / "below").chmod(0o777)

    command = commands.wait_finished("it")

    assert command["status"]["stdout"] == "file\n" * 30
    assert "Read-only file system" in command["status"]["stderr"]
    assert sorted(entry.name for entry in (folder / "below").iterdir()) == ["late"]


def test_a_race_of_renames_never_shows_what_is_not_a_repository(run, repository, tmp_path):
    path, folder = repository({"file": "the repository\n"})
    (tmp_path / "file").write_text("secret of the node\n")
    trap = folder.with_name(folder.name + "-trap")
    trap.symlink_to(tmp_path)
    done = threading.Event()

    def exchange():
        spare = folder.with_name(folder.name + "-spare")
        while not done.is_set():
            folder.rename(spare)
            trap.rename(folder)
            folder.rename(trap)
            spare.rename(folder)

    racer = threading.Thread(target=exchange)
    racer.start()
    try:
        seen = [run(shell="cat file", repository={"path": path}, retryLimit=0) for _ in range(40)]
    finally:
        done.set()
        racer.join()
        trap.unlink()

    for command in seen:
        if outcome(command) == ("Succeeded", "ExitedZero"):
            assert command["status"]["stdout"] == "the repository\n"
        else:
            assert outcome(command) == ("Failed", "RepositoryUnavailable"), condition(command, "Succeeded")
    assert {outcome(command)[0] for command in seen} >= {"Succeeded"}

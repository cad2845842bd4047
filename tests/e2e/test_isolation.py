"""What a command cannot do: write its repository, leave it, reach a network, or see the machine."""

import hashlib
import socket

import pytest

from sandbox_commands import condition, outcome

pytestmark = pytest.mark.needs_executor


READ_ONLY = "Read-only file system"
# Who does not own a file is told so first.
REFUSALS = {"chmod 777 file.txt": [READ_ONLY, "Operation not permitted"]}


def fingerprint(folder):
    """Everything that a change of the folder would change."""
    entries = []
    for path in sorted([folder, *folder.rglob("*")]):
        stat = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
        entries.append((str(path), stat.st_mode, stat.st_uid, stat.st_size, stat.st_mtime_ns, content))
    return entries


def test_status_says_what_confined_the_command(run):
    command = run(shell="true")

    isolation = command["status"]["isolation"]
    assert condition(command, "Isolated")["status"] == "True"
    assert isolation | {"version": "", "platform": ""} == {
        "runtimeClass": "gvisor", "handler": "runsc", "runtime": "runsc", "version": "", "platform": "", "network": "none",
        "repository": "ReadOnly"}
    assert isolation["version"] and isolation["platform"]


def test_kernel_is_gvisor(run):
    assert "Starting gVisor" in run(command=["dmesg"])["status"]["stdout"]


@pytest.mark.parametrize("write", [
    pytest.param("echo x > new-file", id="create"),
    pytest.param("echo x >> file.txt", id="append"),
    pytest.param(": > file.txt", id="truncate"),
    pytest.param("rm file.txt", id="remove"),
    pytest.param("rm -r folder", id="remove-folder"),
    pytest.param("mkdir another", id="make-folder"),
    pytest.param("mv file.txt moved.txt", id="rename"),
    pytest.param("ln file.txt hard-link", id="link"),
    pytest.param("ln -s file.txt symbolic-link", id="symlink"),
    pytest.param("chmod 777 file.txt", id="chmod"),
    pytest.param("touch file.txt", id="touch"),
    pytest.param("mknod pipe p", id="mknod"),
])
def test_repository_is_read_only(run, repository, write):
    path, folder = repository({"file.txt": "content\n", "folder/inner.txt": "inner\n"})
    # Even permission bits that allow everything allow nothing.
    for entry in [folder, *folder.rglob("*")]:
        entry.chmod(0o777)
    before = fingerprint(folder)

    command = run(shell=write, repository={"path": path})

    assert outcome(command) == ("Failed", "ExitedNonZero")
    assert any(why in command["status"]["stderr"] for why in REFUSALS.get(write, [READ_ONLY]))
    assert fingerprint(folder) == before


@pytest.mark.parametrize("attempt", [
    "mount -o remount,rw /workspace", "umount /workspace", "mount -t tmpfs none /workspace", "chroot / true"])
def test_mounts_cannot_be_changed(run, attempt):
    assert outcome(run(shell=attempt)) == ("Failed", "ExitedNonZero")


def test_scratch_is_writable_and_not_shared(run):
    first = run(shell="echo secret > /tmp/left-behind && echo x > \"$HOME/file\" && cat /tmp/left-behind")
    second = run(shell="cat /tmp/left-behind")

    assert (outcome(first)[0], first["status"]["stdout"]) == ("Succeeded", "secret\n")
    assert outcome(second)[0] == "Failed"


def test_repository_behind_a_symbolic_link_is_refused(run, repository, tmp_path):
    (tmp_path / "secret.txt").write_text("secret\n")
    path, folder = repository({"file.txt": "content\n"})
    (folder / "link").symlink_to(tmp_path)

    command = run(shell="cat secret.txt", repository={"path": f"{path}/link"})

    assert outcome(command) == ("Failed", "RepositoryUnavailable")
    assert "secret" not in command["status"].get("stdout", "")


def test_symbolic_link_inside_leads_nowhere(run, repository, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret\n")
    path, folder = repository({"file.txt": "content\n"})
    (folder / "absolute").symlink_to(secret)
    (folder / "relative").symlink_to("../" * 20 + str(secret).lstrip("/"))

    command = run(shell="cat absolute; cat relative", repository={"path": path})

    assert outcome(command) == ("Failed", "ExitedNonZero")
    assert command["status"]["stdout"] == ""


def test_neighbouring_repositories_are_not_seen(run, repository):
    mine, _ = repository({"file.txt": "mine\n"})
    neighbour, _ = repository({"file.txt": "theirs\n"})

    command = run(shell=f"ls ..; cat ../{neighbour}/file.txt", repository={"path": mine})

    assert outcome(command)[0] == "Failed"
    assert "theirs" not in command["status"]["stdout"] and neighbour not in command["status"]["stdout"]


def test_there_is_no_network_interface_but_loopback(run):
    lines = run(command=["cat", "/proc/net/dev"])["status"]["stdout"].splitlines()

    assert {line.split(":")[0].strip() for line in lines if ":" in line} <= {"lo"}


@pytest.mark.parametrize("target", ["192.0.2.1 80", "169.254.169.254 80", "10.96.0.1 443"])
def test_nothing_can_be_connected_to(run, target):
    assert outcome(run(shell=f"nc -w 2 {target} </dev/null")) == ("Failed", "ExitedNonZero")


def test_loopback_of_the_machine_is_not_reached(run):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        command = run(shell=f"nc -w 2 127.0.0.1 {port} </dev/null")

        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert outcome(command) == ("Failed", "ExitedNonZero")


def test_names_are_not_resolved(run):
    assert outcome(run(shell="nslookup kubernetes.default.svc", timeoutSeconds=30))[0] != "Succeeded"


def test_command_is_not_root_and_cannot_become_it(run):
    command = run(shell="id -u; id -g; su -c id 2>&1; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status")

    lines = command["status"]["stdout"].splitlines()
    assert lines[0] == "1000"
    assert "uid=0" not in command["status"]["stdout"]
    capabilities = dict(line.split(":\t") for line in lines if line.startswith("Cap"))
    assert set(capabilities.values()) == {"0000000000000000"}


def test_processes_and_files_of_the_machine_are_not_seen(run):
    command = run(shell="ps; ls /var/run/secrets /run/containerd /root /proc/1/root 2>&1; cat /proc/1/environ 2>&1")

    shown = command["status"]["stdout"]
    assert "KUBERNETES" not in shown and "runsc" not in shown and "executor" not in shown


@pytest.mark.parametrize("signal", ["KILL", "STOP", "TERM"])
def test_init_cannot_be_disturbed(run, signal):
    command = run(shell=f"kill -{signal} 1; echo status $?", timeoutSeconds=20)

    assert outcome(command) == ("Succeeded", "ExitedZero")
    assert command["status"]["stdout"] == "status 1\n"

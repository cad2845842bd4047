"""`fumehood doctor`: each thing that sandboxes depend on is broken in turn, and it has to be told."""

import ctypes
import json
import os
import re
import shutil
import signal
import struct
import subprocess
from dataclasses import dataclass, field

import pytest

from backends import NOBODY_SPECIAL, basic_environment, copy_programs, let_everybody_in
from installer import SCRIPTS, write_programs
from release_server import ReleaseServer


@dataclass
class Doctor:
    """`fumehood doctor` as one user, where everything works until a test breaks it."""

    program: os.PathLike
    environment: dict
    cwd: os.PathLike
    uid: int = 0
    before: list = field(default_factory=list)  # a command that starts it
    prepare: object = None  # is called in its process before it is started

    def run(self, *arguments, **options):
        privileges = {"user": self.uid, "group": self.uid, "extra_groups": []} if self.uid else {}
        return subprocess.run([*self.before, self.program, "doctor", *arguments], env=self.environment, cwd=self.cwd, text=True,
                              capture_output=True, timeout=120, check=False, preexec_fn=self.prepare, **privileges | options)

    def report(self, *arguments):
        """Its exit status, the isolation that it says would be taken, and its checks by name."""
        ran = self.run("--json", *arguments)
        report = json.loads(ran.stdout)
        assert report["healthy"] == (ran.returncode == 0), ran
        return ran.returncode, report["isolation"], {check["name"]: check for check in report["checks"]}


def assert_failed(check, found, fix):
    assert check["state"] == "failed", check
    assert found in check["found"] and fix in check["fix"], check
    assert check["why"], check


def states(checks):
    return {name: check["state"] for name, check in checks.items()}


@pytest.fixture(scope="module")
def programs(program, runsc, tmp_path_factory):
    """A folder that everybody may look into, with all that `fumehood` needs of ours."""
    folder = tmp_path_factory.mktemp("programs")
    let_everybody_in(folder)
    (folder / "bin").mkdir()
    copy_programs(program, runsc, folder / "bin")
    (folder / "share").mkdir()
    (folder / "share/fumehood").symlink_to(program.parent.parent / "share/fumehood")
    return folder


@pytest.fixture
def doctor(programs, tmp_path):
    """As root, without a Docker engine."""
    let_everybody_in(tmp_path)
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "README").write_text("read me\n")
    environment = basic_environment(tmp_path) | {"DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock"}
    return Doctor(programs / "bin/fumehood", environment, repository)


@pytest.fixture
def docker_doctor(doctor, programs, docker):
    """With an engine that has gVisor."""
    docker.configure(runtimes={"runsc": {"path": str(programs / "bin/runsc")}})
    doctor.environment = docker.environment | {"HOME": doctor.environment["HOME"]}
    return doctor


NAMES = """architecture kernel runsc runsc-version runsc-layout installer download sandbox-systrap sandbox-ptrace sandbox-kvm
repository user-namespaces cgroup seccomp apparmor yama docker docker-engine docker-group docker-runtime docker-image
docker-sandbox docker-mounts disk clock""".split()


@pytest.mark.parametrize("uid", [0, NOBODY_SPECIAL], ids=["root", "rootless"])
def test_where_runsc_works_nothing_has_failed(doctor, uid):
    doctor.uid = uid
    status, isolation, checks = doctor.report()
    assert (status, isolation) == (0, "runsc")
    assert list(checks) == NAMES
    assert "failed" not in states(checks).values()
    for name in ("runsc", "runsc-version", "sandbox-systrap", "repository", "disk"):
        assert checks[name]["state"] == "ok", checks[name]
    # The engine that isn't there isn't needed.
    assert checks["docker-engine"]["state"] == "note" and checks["docker-engine"]["fix"]


def test_without_a_cgroup_it_says_that_memory_has_no_limit(doctor):
    doctor.uid = NOBODY_SPECIAL
    assert "no memory limit" in doctor.report()[2]["cgroup"]["found"]


def test_every_check_is_in_the_documentation():
    documentation = (SCRIPTS.parent / "docs/troubleshooting-local.md").read_text()
    rows = documentation.split("## By check")[1].splitlines()
    assert [name for row in rows if row.startswith("| `") for name in re.findall("`([^`]+)`", row.split("|")[1])] == NAMES
    by_symptom = documentation.split("## By symptom")[1].split("## By check")[0]
    cells = "".join(row.split("|")[2] for row in by_symptom.splitlines() if row.startswith("| "))
    assert set(re.findall("`([a-z-]+)`", cells)) <= set(NAMES)


def test_text_is_for_people(doctor):
    doctor.environment["FUMEHOOD_RUNSC"] = "/nowhere/runsc"
    ran = doctor.run()
    assert ran.returncode == 1
    assert 'FAILED   runsc' in ran.stdout and "/nowhere/runsc" in ran.stdout
    assert "fix: fumehood install" in ran.stdout
    assert "fumehood run --isolation=auto can't work here" in ran.stdout
    assert ran.stderr == ""


def test_architecture(doctor):
    doctor.before = ["setarch", "linux32"]
    assert_failed(doctor.report()[2]["architecture"], "i686", "64-bit")


def test_kernel(doctor):
    doctor.before = ["setarch", "--uname-2.6"]
    doctor.environment["FUMEHOOD_RUNSC"] = "/nowhere/runsc"
    assert_failed(doctor.report()[2]["kernel"], "Linux 2.6.", "newer kernel")


def test_no_runsc(doctor, tmp_path):
    doctor.environment["FUMEHOOD_RUNSC"] = str(tmp_path / "nowhere/runsc")
    status, isolation, checks = doctor.report()
    assert (status, isolation) == (1, None)
    assert_failed(checks["runsc"], "nowhere/runsc", "fumehood install")
    assert states(checks)["sandbox-systrap"] == "skipped"
    assert states(checks)["installer"] == "ok"


@pytest.mark.parametrize("script,found", [
    pytest.param("""[ "$1" = flags ] && echo "-root -network" >&2; echo runsc version release-20240101.0""", "no --shared-root", id="old"),
    pytest.param("echo this is something else", "doesn't answer as gVisor", id="something-else"),
    pytest.param("exit 3", "exit status 3", id="broken"),
])
def test_runsc_version(doctor, tmp_path, script, found):
    write_programs(tmp_path, {"runsc": script})
    status, _, checks = doctor.report(f"--runsc={tmp_path}/runsc")
    assert status == 1
    assert_failed(checks["runsc-version"], found, "fumehood install")


def test_runsc_that_only_its_owner_may_read(doctor, programs, tmp_path):
    shutil.copy(programs / "bin/runsc", tmp_path / "runsc")
    (tmp_path / "runsc").chmod(0o700)
    check = doctor.report(f"--runsc={tmp_path}/runsc")[2]["runsc-layout"]
    # Root's sandboxes start all the same.
    assert check["state"] == "note" and "only its owner" in check["found"] and "chmod a+rx" in check["fix"]


@pytest.mark.parametrize("release,state", [("20260801.0", "note"), ("20261101.0", "failed")])
def test_runsc_without_what_belongs_to_it(doctor, tmp_path, release, state):
    words = f'[ "$1" = flags ] && echo -shared-root; echo runsc version release-{release}'
    write_programs(tmp_path, {"runsc": words})
    check = doctor.report(f"--runsc={tmp_path}/runsc")[2]["runsc-layout"]
    assert (check["state"], check["found"]) == (state, "there is no gvisor-bin/ beside it")
    (tmp_path / "gvisor-bin").mkdir()
    assert doctor.report(f"--runsc={tmp_path}/runsc")[2]["runsc-layout"]["state"] == "ok"


def test_installer_that_may_not_write(doctor, tmp_path):
    doctor.uid = NOBODY_SPECIAL
    doctor.environment["FUMEHOOD_RUNSC"] = "/nowhere/runsc"
    (tmp_path / "env/bin").mkdir(parents=True)
    doctor.environment["VIRTUAL_ENV"] = str(tmp_path / "env")
    assert_failed(doctor.report()[2]["installer"], f"{tmp_path}/env/bin", "--system")


def test_download(doctor):
    doctor.environment["FUMEHOOD_RUNSC"] = "/nowhere/runsc"
    with ReleaseServer() as server:
        doctor.environment |= {"FUMEHOOD_GVISOR_URL": server.url, "no_proxy": "127.0.0.1"}
        assert_failed(doctor.report()[2]["download"], "404", "FUMEHOOD_GVISOR_URL")
        server.files[f"/latest/{os.uname().machine}/gvisor.tar.bz2.sha512"] = b"0" * 128
        assert doctor.report()[2]["download"]["state"] == "ok"
    assert_failed(doctor.report()[2]["download"], "can't be had", "network")


def test_platform_that_does_not_start(doctor, programs, tmp_path):
    # A runsc that only starts with another platform.
    write_programs(tmp_path, {"runsc": f'case "$*" in *--platform=systrap*) echo no such luck >&2; exit 1;; esac; exec {programs}/bin/runsc "$@"'})
    status, _, checks = doctor.report(f"--runsc={tmp_path}/runsc")
    assert status == 1
    assert_failed(checks["sandbox-systrap"], "no such luck", "--platform=systrap")
    assert states(checks)["sandbox-ptrace"] == "ok"
    status, isolation, checks = doctor.report(f"--runsc={tmp_path}/runsc", "--platform=ptrace")
    assert (status, isolation, states(checks)["sandbox-systrap"]) == (0, "runsc", "note")


def test_repository_that_is_not_there(doctor, tmp_path):
    status, _, checks = doctor.report("--repo=nowhere")
    assert status == 1
    assert_failed(checks["repository"], "nowhere", "--repo")


def test_repository_that_a_command_may_not_read(doctor, tmp_path):
    doctor.uid = NOBODY_SPECIAL
    (tmp_path / "closed").mkdir()
    os.chown(tmp_path / "closed", NOBODY_SPECIAL, NOBODY_SPECIAL)
    (tmp_path / "closed").chmod(0o700)
    status, _, checks = doctor.report(f"--repo={tmp_path}/closed")
    assert status == 1 and checks["sandbox-systrap"]["state"] == "ok", checks["sandbox-systrap"]
    assert_failed(checks["repository"], "can't be listed in a sandbox", "chmod")


def test_user_namespaces(doctor, tmp_path):
    doctor.before = ["unshare", "--user", "--map-root-user", "sh", "-c",
                     'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$@"', "sh"]
    status, _, checks = doctor.report()
    assert status == 1
    assert_failed(checks["user-namespaces"], "max_user_namespaces is 0", "user.max_user_namespaces")
    assert states(checks)["sandbox-systrap"] == "failed"


def deny(*numbers):
    """Puts a seccomp filter on this process, as containers have one: these system calls fail with EPERM."""
    load, equal, answer = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
    allow, errno_eperm = 0x7FFF0000, 0x00050000 | 1
    program = [(load, 0, 0, 0)]
    for left, number in zip(range(len(numbers), 0, -1), numbers):
        program.append((equal, left, 0, number))
    program += [(answer, 0, 0, allow), (answer, 0, 0, errno_eperm)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    described = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    pr_set_no_new_privs, pr_set_seccomp, filter_mode = 38, 22, 2
    if libc.prctl(pr_set_no_new_privs, 1, 0, 0, 0) or libc.prctl(pr_set_seccomp, filter_mode, ctypes.byref(described), 0, 0):
        raise OSError(ctypes.get_errno(), "put a seccomp filter on")


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the filter is written with the numbers of x86_64")
def test_seccomp(doctor):
    mount, pivot_root, unshare = 165, 155, 272
    doctor.prepare = lambda: deny(mount, pivot_root, unshare)
    status, _, checks = doctor.report()
    assert status == 1
    assert_failed(checks["seccomp"], "mode 2", "seccomp=unconfined")
    assert_failed(checks["sandbox-systrap"], "not permitted", "repair what else has failed")


def test_disk(doctor):
    doctor.before = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=64k tmpfs /run && exec "$@"', "sh"]
    status, _, checks = doctor.report()
    assert_failed(checks["disk"], "0 MiB in /run", "df -h")


def test_clock(doctor, programs):
    program = programs / "bin/fumehood"
    before = program.stat()
    try:
        os.utime(program, (2**31, 2**31))
        assert_failed(doctor.report()[2]["clock"], "before this program was made", "set-ntp")
    finally:
        os.utime(program, (before.st_atime, before.st_mtime))


def test_with_docker_everything_is_well(docker_doctor):
    status, isolation, checks = docker_doctor.report("--isolation=docker")
    assert (status, isolation) == (0, "docker")
    assert {name: state for name, state in states(checks).items() if name.startswith("docker")} == {
        name: "ok" for name in NAMES if name.startswith("docker")}


def test_where_only_docker_works_what_runsc_lacks_is_a_note(docker_doctor):
    docker_doctor.environment["FUMEHOOD_RUNSC"] = "/nowhere/runsc"
    status, isolation, checks = docker_doctor.report()
    assert (status, isolation) == (0, "docker")
    assert (states(checks)["runsc"], states(checks)["docker-sandbox"]) == ("note", "ok")


def test_no_docker(doctor, tmp_path):
    doctor.environment["PATH"] = "/usr/bin:/bin:/usr/sbin:/sbin"
    status, _, checks = doctor.report("--isolation=docker", f"--docker={tmp_path}/docker")
    assert status == 1
    assert_failed(checks["docker"], "docker", "install Docker Engine")
    assert states(checks)["docker-engine"] == "skipped"


def test_no_engine(doctor):
    status, _, checks = doctor.report("--isolation=docker")
    assert status == 1
    assert_failed(checks["docker-engine"], "no-engine.sock", "systemctl start docker")
    assert states(checks)["docker-group"] == "skipped"


def test_user_outside_of_the_group_docker(docker_doctor, docker):
    docker_doctor.uid = NOBODY_SPECIAL
    socket = docker.environment["DOCKER_HOST"].removeprefix("unix://")
    for parent in [*docker.state.parents][:1] + [docker.state]:
        parent.chmod(parent.stat().st_mode | 0o011)
    os.chmod(socket, 0o660)
    status, _, checks = docker_doctor.report("--isolation=docker")
    assert status == 1
    assert_failed(checks["docker-group"], socket, "usermod -aG docker")
    assert_failed(checks["docker-engine"], "permission denied", "docker-group")


def test_runtime_that_is_not_registered(docker_doctor, docker):
    docker.configure()
    status, _, checks = docker_doctor.report("--isolation=docker")
    assert status == 1
    assert_failed(checks["docker-runtime"], "no runtime runsc; it has", "fumehood setup-docker")
    assert states(checks)["docker-sandbox"] == "skipped"


def test_runtime_that_does_not_start(docker_doctor, docker, tmp_path):
    write_programs(tmp_path, {"runsc": "echo broken on purpose >&2; exit 1"})
    docker.configure(runtimes={"runsc": {"path": str(tmp_path / "runsc")}})
    status, _, checks = docker_doctor.report("--isolation=docker")
    assert status == 1
    assert_failed(checks["docker-sandbox"], "OCI runtime", "journalctl -u docker")


def test_image_that_the_engine_does_not_have(docker_doctor):
    status, _, checks = docker_doctor.report("--isolation=docker", "--image=no-such-image")
    assert status == 1
    assert_failed(checks["docker-image"], "no-such-image", "docker pull no-such-image")


def test_directory_that_is_another_one_for_the_engine(docker_doctor):
    # In a mount namespace of its own this process sees another directory at the path than the engine does.
    docker_doctor.before = ["unshare", "--mount", "sh", "-c",
                            f'mount -t tmpfs tmpfs "{docker_doctor.cwd}" && touch "{docker_doctor.cwd}/other" && cd "{docker_doctor.cwd}" && exec "$@"', "sh"]
    status, _, checks = docker_doctor.report("--isolation=docker")
    assert status == 1
    assert_failed(checks["docker-mounts"], "others in a sandbox", "File sharing")


def test_what_is_wrong_with_the_command_line_is_told(doctor):
    ran = doctor.run("--isolation=unknown")
    assert ran.returncode == 125 and "auto, runsc, docker or process" in ran.stderr


def test_nothing_is_left_of_it(doctor):
    doctor.report()
    left = subprocess.run(["pgrep", "-f", str(doctor.program)], capture_output=True, text=True, check=False).stdout
    assert left == "", [os.kill(int(pid), signal.SIGKILL) for pid in left.split()]


@pytest.mark.parametrize("subcommand,script", [("install", "install-runsc"), ("setup-docker", "setup-docker")])
def test_scripts_take_what_follows(doctor, subcommand, script):
    helped = subprocess.run([doctor.program, subcommand, "--help"], env=doctor.environment, capture_output=True, text=True, check=False)
    assert helped.returncode == 0 and f"scripts/{script}" in helped.stdout
    refused = subprocess.run([doctor.program, subcommand, "--no-such-option"], env=doctor.environment, capture_output=True, text=True, check=False)
    assert refused.returncode != 0 and "--no-such-option" in refused.stderr


def test_scripts_that_are_not_there_are_missed(doctor, tmp_path):
    (tmp_path / "bin").mkdir()
    shutil.copy(doctor.program, tmp_path / "bin/fumehood")
    ran = subprocess.run([tmp_path / "bin/fumehood", "install"], env=doctor.environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 125
    assert ran.stderr == f"fumehood: there is no install-runsc in {tmp_path}/share/fumehood/scripts: it is installed together with this program\n"

"""scripts/setup-docker, against a real Docker engine and a real runsc."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from docker_engine import SCRIPTS

REPOSITORY = SCRIPTS.parent
IN_GVISOR = ("run", "--rm", "--runtime=runsc", "--network=none", "--pull=never", "busybox", "dmesg")
NOT_WORKING = {
    "refuses to start": ("#!/bin/sh\nexit 1\n", "ended with status 1"),
    "no program": ("this is not a program\n", "exec format error"),
    "not gVisor": ('#!/bin/sh\nexec runc "$@"\n', "is not gVisor"),
}


class Outcome:
    def __init__(self, done):
        self.status, self.stdout, self.said = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"status {self.status}\n{self.stdout}{self.said}"


def setup_docker(engine, *arguments, script=SCRIPTS / "setup-docker", prefix=(), **environment):
    command = [*prefix, script, *arguments]
    if "--daemon-json" not in arguments and "XDG_CONFIG_HOME" not in environment:
        command += ["--daemon-json", engine.daemon_json]
    return Outcome(subprocess.run(command, env=engine.environment | environment, check=False,
                                  capture_output=True, text=True, timeout=60))


def read(engine):
    return json.loads(engine.daemon_json.read_text())


def folder_of(engine):
    """All that is beside daemon.json, by name."""
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns)
            for file in engine.state.glob("daemon.json*")}


@pytest.fixture
def program(tmp_path):
    """Makes a program: program("#!/bin/sh…") returns its path."""
    def make(text, mode=0o755, name="runsc"):
        file = tmp_path / "programs" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file
    return make


@pytest.fixture
def pretend(docker, program):
    """Puts a program first on the PATH: pretend("uname", "echo Darwin") returns the environment for that."""
    def make(name, body):
        file = program(f"#!/bin/sh\n{body}\n", name=name)
        return {"PATH": f"{file.parent}:{docker.environment['PATH']}"}
    return make


def pretend_answer(docker, pretend, question, answer):
    """A docker that answers one question differently."""
    real = shutil.which("docker", path=docker.environment["PATH"])
    return pretend("docker", f"""case "$*" in *'{question}'*) echo '{answer}' ;; *) exec '{real}' "$@" ;; esac""")


def test_containers_run_in_gvisor_once_it_is_registered(docker, runsc):
    assert docker.docker(*IN_GVISOR).returncode == 125
    outcome = setup_docker(docker, "--runsc", runsc)
    assert outcome.status == 0, outcome
    assert "Starting gVisor" in docker.docker(*IN_GVISOR).stdout


def test_what_else_is_in_the_file_stays(docker, runsc):
    docker.configure(labels=["unit=ä"], debug=False, **{"max-concurrent-downloads": 7},
                     runtimes={"other": {"path": "/usr/bin/env", "runtimeArgs": ["--x"]}})
    before = read(docker)
    assert setup_docker(docker, "--runsc", runsc).status == 0
    after = read(docker)
    assert list(after) == list(before)
    assert after["runtimes"].pop("runsc") == {"path": str(runsc)}
    assert after == before
    assert docker.runtimes() == {"runc": "runc", "other": "/usr/bin/env", "runsc": str(runsc)}


def test_mode_and_owner_of_the_file_stay(docker, runsc):
    docker.daemon_json.chmod(0o640)
    os.chown(docker.daemon_json, 1234, 2345)
    assert setup_docker(docker, "--runsc", runsc).status == 0
    status = docker.daemon_json.stat()
    assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o640, 1234, 2345)


def test_a_link_to_the_file_stays_a_link(docker, runsc, tmp_path):
    link = tmp_path / "daemon.json"
    link.symlink_to(docker.daemon_json)
    assert setup_docker(docker, "--runsc", runsc, "--daemon-json", link).status == 0
    assert link.is_symlink()
    assert read(docker)["runtimes"]["runsc"]["path"] == str(runsc)


def test_arguments_that_somebody_gave_the_runtime_stay(docker, runsc):
    docker.configure(runtimes={"runsc": {"path": "/usr/bin/env", "runtimeArgs": ["--host-uds=none"]}})
    assert setup_docker(docker, "--runsc", runsc).status == 0
    assert read(docker)["runtimes"]["runsc"] == {"path": str(runsc), "runtimeArgs": ["--host-uds=none"]}


def test_the_change_is_shown_and_the_file_as_it_was_is_kept(docker, runsc):
    before = docker.daemon_json.read_bytes()
    outcome = setup_docker(docker, "--runsc", runsc)
    assert f'+      "path": "{runsc}"' in outcome.stdout.splitlines(), outcome
    [copy] = docker.state.glob("daemon.json.*")
    assert copy.read_bytes() == before
    assert str(copy) in outcome.said


def test_a_second_run_changes_nothing(docker, runsc):
    assert setup_docker(docker, "--runsc", runsc).status == 0
    before = folder_of(docker)
    outcome = setup_docker(docker, "--runsc", runsc)
    assert (outcome.status, outcome.stdout) == (0, ""), outcome
    assert folder_of(docker) == before


def test_a_dry_run_shows_the_change_and_makes_none(docker, runsc):
    before = folder_of(docker)
    outcome = setup_docker(docker, "--runsc", runsc, "--dry-run")
    assert outcome.status == 0 and f'"path": "{runsc}"' in outcome.stdout, outcome
    assert folder_of(docker) == before
    assert "runsc" not in docker.runtimes()


def test_docker_reads_the_file_later_where_it_must_not_now(docker, runsc):
    assert setup_docker(docker, "--runsc", runsc, "--no-restart").status == 0
    assert "runsc" not in docker.runtimes()
    check = setup_docker(docker, "--check")
    assert check.status == 3 and "has not read it" in check.said, check
    assert setup_docker(docker, "--runsc", runsc).status == 0
    assert docker.runtimes()["runsc"] == str(runsc)


@pytest.mark.parametrize("others", [{}, {"other": {"path": "/usr/bin/env"}}], ids=["alone", "beside another"])
def test_undo_removes_the_runtime_and_nothing_else(docker, runsc, others):
    docker.configure(runtimes=others)
    assert setup_docker(docker, "--runsc", runsc).status == 0
    assert setup_docker(docker, "--undo").status == 0
    assert read(docker) == docker.configuration | ({"runtimes": others} if others else {})
    assert "runsc" not in docker.runtimes()
    before = folder_of(docker)
    assert setup_docker(docker, "--undo").status == 0
    assert folder_of(docker) == before


def test_undo_leaves_the_default_runtime_alone(docker):
    text = '{"default-runtime": "runsc", "runtimes": {"runsc": {"path": "/usr/bin/env"}}}'
    docker.daemon_json.write_text(text)
    outcome = setup_docker(docker, "--undo")
    assert outcome.status == 1 and "default-runtime" in outcome.said, outcome
    assert docker.daemon_json.read_text() == text


@pytest.mark.parametrize(("text", "said"), [
    (b'{\n  "debug": true,\n}\n', "line 3, column 1"),
    (b'["runsc"]', "not a JSON object"),
    (b'{"runtimes": ["runsc"]}', '"runtimes" is not a JSON object'),
    (b'{"debug": true, "debug": false}', '"debug" is there twice'),
    (b'{"runtimes": {"runsc": {"runtimeType": "io.containerd.runsc.v1"}}}', "containerd shim"),
    (b'{"labels": ["\xff"]}', "utf-8"),
], ids=["a comma too much", "no object", "runtimes are no object", "a key twice", "a shim", "not UTF-8"])
def test_a_file_that_cannot_be_edited_is_left_alone(docker, runsc, text, said):
    docker.daemon_json.write_bytes(text)
    before = folder_of(docker)
    outcome = setup_docker(docker, "--runsc", runsc)
    assert outcome.status == 1 and said in outcome.said and str(docker.daemon_json) in outcome.said, outcome
    assert folder_of(docker) == before


def test_a_file_that_dockerd_would_not_take_is_not_written(docker, runsc, pretend):
    environment = pretend("dockerd", 'case "$*" in --help) echo "--validate" ;; *) echo "no such option: ours"; exit 1 ;; esac')
    before = folder_of(docker)
    outcome = setup_docker(docker, "--runsc", runsc, **environment)
    assert outcome.status == 1 and "no such option: ours" in outcome.said, outcome
    assert folder_of(docker) == before


def test_where_docker_is_a_service_the_service_reloads_it(docker, runsc, pretend):
    docker.daemon_json.write_text("{}")
    environment = pretend("systemctl", f"""[ "$*" != "reload docker" ] || kill -HUP {docker.pid()}""")
    outcome = setup_docker(docker, "--runsc", runsc, **environment)
    assert outcome.status == 0, outcome
    assert docker.runtimes()["runsc"] == str(runsc)


@pytest.mark.parametrize("text", [None, '{"pidfile": "/nobody"}'], ids=["none before", "one before"])
def test_a_docker_that_cannot_be_told_keeps_its_file(docker, runsc, tmp_path, text):
    file = tmp_path / "daemon.json"
    if text:
        file.write_text(text)
    outcome = setup_docker(docker, "--runsc", runsc, "--daemon-json", file)
    assert outcome.status == 1 and "cannot find the running dockerd" in outcome.said, outcome
    assert [one.read_text() for one in tmp_path.glob("daemon.json*")] == ([text] if text else [])
    assert docker.runtimes() == {"runc": "runc"}


def test_another_process_with_the_number_in_the_pid_file_is_not_signalled(docker, runsc, tmp_path):
    bystander = subprocess.Popen(["sleep", "60"])
    (tmp_path / "docker.pid").write_text(str(bystander.pid))
    (tmp_path / "daemon.json").write_text(json.dumps({"pidfile": str(tmp_path / "docker.pid")}))
    try:
        outcome = setup_docker(docker, "--runsc", runsc, "--daemon-json", tmp_path / "daemon.json")
        assert outcome.status == 1 and "cannot find the running dockerd" in outcome.said, outcome
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize(("text", "said"), NOT_WORKING.values(), ids=NOT_WORKING)
def test_a_runsc_that_does_not_work_is_taken_out_again(docker, program, text, said):
    before = folder_of(docker)
    outcome = setup_docker(docker, "--runsc", program(text))
    assert outcome.status == 1 and said in outcome.said and "does not work" in outcome.said, outcome
    assert folder_of(docker) == before
    assert docker.runtimes() == {"runc": "runc"}


def test_a_runsc_that_works_is_back_after_one_that_does_not(docker, runsc, program):
    assert setup_docker(docker, "--runsc", runsc).status == 0
    before = folder_of(docker)
    assert setup_docker(docker, "--runsc", program("#!/bin/sh\nexit 1\n")).status == 1
    assert folder_of(docker) == before
    assert "Starting gVisor" in docker.docker(*IN_GVISOR).stdout


@pytest.mark.parametrize(("mode", "said"), [(0o750, "chmod a+rx"), (0o757, "chmod o-w"), (0o644, "chmod a+rx")], ids=["for its group", "written by all", "no program"])
def test_a_runsc_with_the_wrong_mode_is_refused(docker, program, mode, said):
    before = folder_of(docker)
    outcome = setup_docker(docker, "--runsc", program("#!/bin/sh\n", mode=mode))
    assert outcome.status == 1 and said in outcome.said, outcome
    assert folder_of(docker) == before


def test_a_runsc_that_is_not_there_is_refused(docker, tmp_path):
    outcome = setup_docker(docker, "--runsc", tmp_path / "runsc")
    assert outcome.status == 1 and "is not a file" in outcome.said, outcome


def test_without_a_path_the_runsc_on_the_path_is_taken(docker, runsc, tmp_path):
    (tmp_path / "runsc").symlink_to(runsc)
    outcome = setup_docker(docker, PATH=f"{tmp_path}:{docker.environment['PATH']}")
    assert outcome.status == 0, outcome
    assert docker.runtimes()["runsc"] == str(tmp_path / "runsc")


def test_check_tells_by_its_status(docker, runsc, program):
    assert setup_docker(docker, "--check").status == 3
    docker.configure(runtimes={"runsc": {"path": str(program(NOT_WORKING["not gVisor"][0]))}})
    assert setup_docker(docker, "--check").status == 4
    docker.configure(runtimes={"runsc": {"path": str(runsc)}})
    assert setup_docker(docker, "--check").status == 0


def test_without_the_image_busybox_one_is_made_and_removed(docker, runsc):
    assert docker.docker("tag", "busybox", "kept").returncode == 0
    assert docker.docker("rmi", "busybox").returncode == 0
    try:
        assert setup_docker(docker, "--runsc", runsc).status == 0
        assert docker.docker("images", "--format", "{{.Repository}}").stdout.split() == ["kept"]
    finally:
        docker.docker("tag", "kept", "busybox")
        docker.docker("rmi", "kept")


@pytest.mark.parametrize("arguments", [("--check",), ()], ids=["check", "register"])
def test_a_docker_that_is_not_there_is_said(docker, tmp_path, arguments):
    for program in Path("/usr/bin").iterdir():
        if program.name != "docker":
            (tmp_path / program.name).symlink_to(program)
    outcome = setup_docker(docker, *arguments, PATH=str(tmp_path))
    assert outcome.status == 1 and "install Docker first" in outcome.said, outcome


def test_a_docker_that_does_not_run_is_said(docker, tmp_path):
    outcome = setup_docker(docker, "--check", DOCKER_HOST=f"unix://{tmp_path}/nobody.sock")
    assert outcome.status == 1 and "Docker does not answer: Cannot connect" in outcome.said, outcome


def test_who_may_not_speak_to_docker_is_told(docker):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(SCRIPTS, folder / "scripts")
        shutil.copy(shutil.which("docker", path=docker.environment["PATH"]), folder)
        outcome = setup_docker(docker, "--check", script=folder / "scripts/setup-docker",
                               prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
                               PATH=f"{folder}:/usr/bin:/bin", HOME=name)
    assert outcome.status == 1 and "you may not speak to Docker" in outcome.said, outcome


def test_a_docker_elsewhere_is_not_configured_here(docker, runsc, pretend):
    environment = pretend_answer(docker, pretend, "context inspect", "ssh://elsewhere")
    outcome = setup_docker(docker, "--runsc", runsc, **environment)
    assert outcome.status == 1 and "another machine (ssh://elsewhere)" in outcome.said, outcome


def test_the_file_of_a_rootless_docker_is_in_the_home_of_its_user(docker, runsc, pretend, tmp_path):
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/daemon.json").symlink_to(docker.daemon_json)
    environment = pretend_answer(docker, pretend, "SecurityOptions", '["name=rootless"]')
    outcome = setup_docker(docker, "--runsc", runsc, XDG_CONFIG_HOME=str(tmp_path), **environment)
    assert outcome.status == 0, outcome
    assert docker.runtimes()["runsc"] == str(runsc)


@pytest.mark.parametrize("where", ["macOS", "Docker Desktop"])
def test_docker_desktop_has_a_page_of_its_own(docker, pretend, where):
    environment = (pretend("uname", "echo Darwin") if where == "macOS" else
                   pretend_answer(docker, pretend, "OperatingSystem", "Docker Desktop"))
    outcome = setup_docker(docker, "--check", **environment)
    assert outcome.status == 1 and "docs/docker-desktop.md" in outcome.said, outcome
    assert (REPOSITORY / "docs/docker-desktop.md").is_file()

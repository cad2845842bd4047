"""`fumehood run --isolation=docker`: what is said when the engine can't do it, and what becomes of the containers of runs that died."""

import json
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from backends import Backend

OWNER = "dev.fumehood.owner"


@pytest.fixture
def backend(docker, program, runsc, tmp_path):
    docker.configure(runtimes={"runsc": {"path": str(runsc)}})
    return Backend("docker", program, docker.environment | {"HOME": str(tmp_path)})


def error(ran):
    return json.loads(ran.stdout)["error"]["message"]


def test_the_engines_version_is_told(backend, docker, tmp_path):
    version = docker.docker("version", "--format", "{{.Server.Version}}").stdout.strip()

    assert backend.result("--", "true", cwd=tmp_path)["isolation"]["version"] == f"docker {version}"


@pytest.mark.parametrize("image", ["busybox", "no-such-image"])
def test_an_engine_without_the_runtime(backend, docker, tmp_path, image):
    docker.configure()

    ran = backend.run("--json", f"--image={image}", "--", "true", cwd=tmp_path)

    assert ran.returncode == 125
    assert error(ran).startswith('the Docker engine has no runtime "runsc": scripts/setup-docker registers it')


def test_an_image_that_the_engine_does_not_have(backend, tmp_path):
    result = backend.result("--image=no-such-image", "--", "true", cwd=tmp_path)

    assert (result["returncode"], result["reason"]) == (125, "ImageUnavailable")
    assert result["message"].endswith("docker pull no-such-image")


def test_no_engine(backend, tmp_path):
    away = replace(backend, environment=backend.environment | {"DOCKER_HOST": f"unix://{tmp_path}/nowhere.sock"})

    ran = away.run("--json", "--", "true", cwd=tmp_path)

    assert ran.returncode == 125
    assert "nowhere.sock" in error(ran)


@pytest.mark.parametrize("text", ["docker: I am the command", "docker: Error response from daemon: Unknown runtime specified runsc"])
def test_a_command_that_imitates_the_engine_gains_nothing(backend, tmp_path, text):
    ran = backend.run("--json", "--shell", f"echo '{text}' >&2; exit 125", cwd=tmp_path)

    assert ran.returncode == 125
    assert "no runtime" not in error(ran) and text in error(ran)


def test_an_engine_that_is_silent_has_not_run_the_command(backend, tmp_path):
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\ncase $1 in run) exec sleep 1000 ;; *) echo "no answer" >&2; exit 1 ;; esac\n')
    docker.chmod(0o755)

    ran = backend.run("--json", f"--docker={docker}", "--timeout=1s", "--", "true", cwd=tmp_path)

    assert ran.returncode == 125
    assert error(ran) == "run a container: Docker says: no answer"


class TestAbandonedContainers:
    """Of runs whose process has died, and its watchman with it."""

    def test_the_next_run_has_it_removed(self, backend, docker, tmp_path):
        died = backend.start("--", "sh", "-c", "echo begun; exec sleep 1000", cwd=tmp_path)
        assert died.stdout.readline() == "begun\n"
        watchman, = [pid for pid, arguments in children(died.pid) if "read done" in arguments]
        os.kill(watchman, signal.SIGKILL)
        died.kill()
        died.wait()
        left, = containers(docker)
        assert docker.docker("inspect", "--format={{.State.Running}}", left).stdout == "true\n"

        backend.result("--", "true", cwd=tmp_path)

        wait_until(lambda: not containers(docker))

    def test_what_may_have_an_owner_stays(self, backend, docker, tmp_path):
        alive = backend.start("--", "sh", "-c", "echo begun; exec sleep 1000", cwd=tmp_path)
        assert alive.stdout.readline() == "begun\n"
        of_the_living, = containers(docker)
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        here, gone = os.readlink("/proc/self/ns/pid"), subprocess.Popen(["true"])
        gone.wait()
        labels = {"abandoned": f"{boot}/{here}/{gone.pid}/1",
                  "of-another-boot": f"0{boot[1:]}x/{here}/{gone.pid}/1",
                  "of-another-namespace": f"{boot}/pid:[1]/{gone.pid}/1",
                  "of-nobody": ""}
        made = {name: docker.docker("run", "--detach", "--network=none", f"--label={OWNER}={label}", "busybox", "sleep", "1000").stdout.strip()
                for name, label in labels.items()}

        backend.result("--", "true", cwd=tmp_path)

        wait_until(lambda: made["abandoned"] not in containers(docker))
        wait_until(lambda: processes_of(backend.program) == [alive.pid])
        assert set(containers(docker)) == {of_the_living, made["of-another-boot"], made["of-another-namespace"], made["of-nobody"]}
        alive.terminate()
        assert alive.wait(timeout=30) == 128 + signal.SIGTERM

    def test_it_is_looked_for_once_an_hour(self, backend, docker, tmp_path):
        backend.result("--", "true", cwd=tmp_path)
        wait_until(lambda: processes_of(backend.program) == [])
        remembered = tmp_path / ".cache/fumehood/docker_tidied.json"
        before, hour = remembered.stat(), remembered.read_text()

        backend.result("--", "true", cwd=tmp_path)

        assert remembered.stat() == before or remembered.read_text() != hour

    @pytest.fixture(autouse=True)
    def nothing_stays(self, docker):
        yield
        left = containers(docker)
        if left:
            docker.docker("rm", "--force", *left)


def containers(docker):
    return docker.docker("ps", "--all", "--quiet", "--no-trunc", f"--filter=label={OWNER}").stdout.split()


def children(pid):
    listed = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid=,args="], check=True, capture_output=True, text=True).stdout
    return [(int(line.split(maxsplit=1)[0]), line) for line in listed.splitlines()]


def processes_of(program):
    """Those that execute its file."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and executes(entry, program)]


def executes(process, program):
    try:
        return os.readlink(process / "exe") == str(program.resolve())
    except OSError:  # it has ended
        return False


def wait_until(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)

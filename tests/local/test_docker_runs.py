"""`fumehood run --isolation=docker`: what is said when the engine can't do it."""

import json
from dataclasses import replace

import pytest

from backends import Backend


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

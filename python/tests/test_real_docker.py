"""Real commands in containers of a real Docker engine, whose runtime is gVisor."""

import json
import subprocess

import pytest
from conftest import setting

from fumehood import InvalidRequest, run_command_isolated, run_shell_command_isolated


@pytest.fixture(autouse=True)
def engine(installed, monkeypatch):
    """The engine that the environment names, as scripts/docker-engine exports it."""
    setting("DOCKER_HOST")
    for name, path in installed.items():
        monkeypatch.setenv(name, str(path))


def containers():
    listed = subprocess.run(["docker", "ps", "--all", "--format", "{{json .Names}}"], capture_output=True, check=True)
    return [json.loads(line) for line in listed.stdout.splitlines()]


def test_a_command_has_gvisor_around_it(repository):
    result = run_shell_command_isolated(
        "pwd; cat greeting.txt; dmesg | head -n 1", repo_path=repository, isolation="docker"
    )
    assert result.stdout.startswith("/workspace\nhello\n")
    assert "Starting gVisor" in result.stdout
    assert (result.isolation.backend, result.isolation.network) == ("docker", "none")
    assert containers() == []


def test_a_command_cannot_change_its_repository(repository):
    result = run_shell_command_isolated("echo changed >greeting.txt", repo_path=repository, isolation="docker")
    assert not result.success
    assert (repository / "greeting.txt").read_text() == "hello\n"


def test_a_timeout_keeps_the_output_and_leaves_no_container(repository):
    result = run_shell_command_isolated("echo before; sleep 600", repo_path=repository, isolation="docker", timeout=3)
    assert (result.returncode, result.timed_out, result.stdout) == (124, True, "before\n")
    assert containers() == []


def test_a_program_that_is_not_there_is_a_result(repository):
    result = run_command_isolated(["no-such-program"], repo_path=repository, isolation="docker")
    assert (result.returncode, result.reason) == (127, "CommandNotFound")


def test_an_image_that_is_not_there_is_told(repository):
    with pytest.raises(InvalidRequest, match="docker pull no-such-image"):
        run_command_isolated(["true"], repo_path=repository, isolation="docker", image="no-such-image")

"""`fumehood run`: the same command in every isolation, and what each keeps apart."""

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace

import pytest

from backends import ALL, ISOLATED, NOBODY_SPECIAL, on


@on(*ALL)
def test_output_and_status_are_the_commands_own(backend, repository):
    ran = backend.run("--", "sh", "-c", "cat README; echo wrong >&2; exit 7", cwd=repository)

    assert (ran.returncode, ran.stdout) == (7, "read me\n")
    assert ran.stderr.endswith("wrong\n")


@on(*ALL)
def test_json_tells_everything(backend, repository):
    result = backend.result("--", "sh", "-c", "echo out; echo err >&2", cwd=repository)

    assert (result["success"], result["returncode"], result["reason"]) == (True, 0, "Exited")
    assert (result["stdout"], result["stderr"], result["timed_out"]) == ("out\n", "err\n", False)
    assert result["isolation"]["backend"] == backend.isolation
    assert result["isolation"]["network"] == ("host" if backend.isolation == "process" else "none")
    assert result["duration_ms"] >= 0


@on(*ALL)
def test_time_limit_keeps_what_was_written(backend, repository):
    result = backend.result("--timeout=2s", "--", "sh", "-c", "echo begun; exec sleep 1000", cwd=repository)

    assert (result["timed_out"], result["returncode"], result["reason"]) == (True, 124, "TimedOut")
    assert result["stdout"] == "begun\n"
    assert result["duration_ms"] < 15_000


@on(*ALL)
@pytest.mark.parametrize("command,status,reason", [
    pytest.param(["no-such-program"], 127, "CommandNotFound", id="not-found"),
    pytest.param(["/workspace"], 126, "CommandNotExecutable", id="a-directory"),
    pytest.param(["sh", "-c", "kill -9 $$"], 137, "Signaled", id="signal"),
    pytest.param(["sh", "-c", "exit 125"], 125, "Exited", id="own-125"),
    pytest.param(["sh", "-c", "exit 127"], 127, "Exited", id="own-127"),
])
def test_ways_to_end(backend, repository, command, status, reason):
    if backend.isolation == "process" and command == ["/workspace"]:
        command = ["/usr"]

    result = backend.result("--", *command, cwd=repository)

    assert (result["returncode"], result["reason"]) == (status, reason), result


@on(*ALL)
def test_environment_is_what_was_given(backend, repository):
    environment = backend.environment | {"SECRET": "of the caller"}

    result = replace(backend, environment=environment).result(
        "--env=GREETING=good day", "--env=EMPTY=", "--", "sh", "-c", 'echo "$GREETING|$EMPTY|$SECRET|$HOME"', cwd=repository)

    assert result["stdout"] == "good day|||/tmp\n"


@on(*ALL)
def test_standard_input_is_empty_unless_asked_for(backend, repository):
    assert backend.result("--", "cat", cwd=repository, stdin="not wanted")["stdout"] == ""
    assert backend.result("--stdin", "--", "cat", cwd=repository, stdin="wanted")["stdout"] == "wanted"


@on("process")
@pytest.mark.parametrize("argument", ["[a,b]", "", "--", "--json", "-x", "{}", "a b", "ä", "$HOME", "%", "[]", "[a,b"])
def test_arguments_arrive_as_they_are(backend, repository, argument):
    assert backend.result("--", "printf", "%s|", argument, "end", cwd=repository)["stdout"] == f"{argument}|end|"


@on(*ALL)
def test_shell_script(backend, repository):
    assert backend.result("--shell", "cat README | tr a-z A-Z && echo $((6 * 7))", cwd=repository)["stdout"] == "READ ME\n42\n"


@on(*ALL)
def test_output_that_is_not_text(backend, repository):
    result = backend.result("--", "printf", r"\377\001", cwd=repository)

    assert (result["output_encoding"], result["stdout"]) == ("base64", "/wE=")


@on(*ALL)
def test_long_output_is_shortened_in_the_middle(backend, repository):
    result = backend.result("--max-output=1000", "--shell", "printf begin; head -c 100000 /dev/zero | tr '\\0' x; printf end", cwd=repository)

    assert (result["stdout_truncated"], result["stdout_bytes"]) == (True, 100_008)
    assert result["stdout"].startswith("beginx") and result["stdout"].endswith("xend")
    assert len(result["stdout"]) < 1_100


@on(*ISOLATED)
def test_nothing_can_be_written_into_the_repository(backend, repository):
    before = {path: path.stat() for path in repository.rglob("*")}
    repository.chmod(0o777)

    result = backend.result("--shell", "touch new; echo x > README; rm -rf src; mkdir d; ls", cwd=repository)

    assert result["stdout"].split() == ["README", "src"]
    assert {path: path.stat() for path in repository.rglob("*")} == before


@on(*ISOLATED)
def test_there_is_no_network_and_none_of_the_hosts_files(backend, repository):
    result = backend.result("--shell", "cat /proc/net/dev | tail -n +3 | cut -d: -f1; find /root /home /srv -mindepth 1 2>/dev/null", cwd=repository)

    assert [line.strip() for line in result["stdout"].splitlines() if line.strip() not in ("lo", "")] == [], result


@on(*ISOLATED)
def test_scratch_space_can_be_written_and_executed(backend, repository):
    result = backend.result("--shell", "printf '#!/bin/sh\\necho ran\\n' > /tmp/x && chmod +x /tmp/x && /tmp/x", cwd=repository)

    assert result["stdout"] == "ran\n", result


@on(*ALL)
def test_working_directory_below_the_repository(backend, repository):
    result = backend.result(f"--repo={repository}", "--workdir=src", "--", "cat", "main", "../README", cwd=repository)

    assert result["stdout"] == "main\nread me\n"


@on(*ISOLATED)
def test_working_directory_beside_the_repository(backend, repository, tmp_path):
    worktree = tmp_path / "worktree"
    worktree.mkdir()
    (worktree / ".git").write_text(f"gitdir: {repository}/.git\n")

    result = backend.result(f"--repo={repository}", f"--workdir={worktree}", "--shell", f"pwd; cat .git; cat {repository}/README; touch {repository}/x",
                            cwd="/")

    assert result["stdout"] == f"/workspace\ngitdir: {repository}/.git\nread me\n", result
    assert not (repository / "x").exists()


@on(*ALL)
def test_a_signal_ends_the_command(backend, repository, tmp_path):
    started = backend.start("--", "sh", "-c", "echo begun; exec sleep 1000", cwd=repository)
    assert started.stdout.readline() == "begun\n"

    started.send_signal(signal.SIGINT)

    assert started.wait(timeout=30) == 128 + signal.SIGINT


@on(*ALL)
def test_a_reader_that_leaves_ends_the_command(backend, repository):
    started = backend.start("--", "sh", "-c", "while :; do echo y; done", cwd=repository)
    assert started.stdout.readline() == "y\n"

    started.stdout.close()

    assert started.wait(timeout=30) == 128 + signal.SIGPIPE


@on(*ISOLATED)
def test_nothing_is_left_of_a_killed_run(backend, repository, request):
    mark = f"sleep 98765{os.getpid()}"
    started = backend.start("--", "sh", "-c", f"echo begun; exec {mark}", cwd=repository)
    assert started.stdout.readline() == "begun\n"

    started.kill()
    started.wait()

    deadline = time.monotonic() + 30
    while leftovers(backend, mark):
        assert time.monotonic() < deadline, leftovers(backend, mark)
        time.sleep(0.1)


def leftovers(backend, mark):
    """What is there of a run: containers, or processes whose command line says that they belong to it."""
    if backend.isolation == "docker":
        return subprocess.run(["docker", "ps", "-aq", "--filter=label=dev.fumehood.owner"], env=backend.environment,
                              check=True, capture_output=True, text=True).stdout.split()
    processes = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout.splitlines()
    return [line for line in processes if str(backend.program.parent) in line or mark in line]


@on("process")
def test_no_isolation_is_said_loudly(backend, repository):
    ran = backend.run("--", "true", cwd=repository)

    assert "WITHOUT ISOLATION" in ran.stderr


class TestChoice:
    """--isolation=auto"""

    @on("runsc")
    def test_runsc_comes_first_and_the_answer_is_kept(self, backend, repository, tmp_path):
        auto = replace(backend, isolation="auto")

        assert auto.result("--", "true", cwd=repository)["isolation"]["backend"] == "runsc"

        assert json.loads((tmp_path / ".cache/fumehood/isolation.json").read_text())["isolation"] == "runsc"
        assert auto.result("--", "true", cwd=repository)["isolation"]["backend"] == "runsc"

    @on("docker")
    def test_docker_comes_second(self, backend, repository):
        broken = backend.environment | {"FUMEHOOD_RUNSC": "/bin/false"}

        result = replace(backend, isolation="auto", environment=broken).result("--", "true", cwd=repository)

        assert result["isolation"]["backend"] == "docker"

    @on("runsc")
    def test_it_never_falls_back_to_nothing_by_itself(self, backend, repository, tmp_path):
        nothing = replace(backend, isolation="auto",
                          environment={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "FUMEHOOD_RUNSC": "/bin/false", "DOCKER_HOST": "unix:///nowhere"})

        ran = nothing.run("--", "sh", "-c", "echo ran", cwd=repository)

        assert (ran.returncode, ran.stdout) == (125, "")
        assert "the command was not run" in ran.stderr
        assert "runsc: " in ran.stderr and "docker: " in ran.stderr

    @on("runsc")
    def test_a_fallback_that_was_allowed_is_said(self, backend, repository, tmp_path):
        nothing = replace(backend, isolation="auto",
                          environment={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "FUMEHOOD_RUNSC": "/bin/false", "DOCKER_HOST": "unix:///nowhere"})

        ran = nothing.run("--allow-unisolated-fallback", "--json", "--", "sh", "-c", "echo ran", cwd=repository)

        result = json.loads(ran.stdout)
        assert (result["stdout"], result["isolation"]["backend"], result["isolation"]["runtime"]) == ("ran\n", "process", "none")
        assert "WITHOUT ISOLATION" in ran.stderr

    @on("runsc")
    def test_a_program_in_the_repository_is_never_used(self, backend, repository):
        """Neither a runsc nor a docker: the repository is what nobody trusts."""
        for name in ("runsc", "docker", "bin/runsc", ".venv/bin/runsc"):
            trap = repository / name
            trap.parent.mkdir(parents=True, exist_ok=True)
            trap.write_text("#!/bin/sh\ntouch /tmp/trapped\n")
            trap.chmod(0o755)
        environment = backend.environment | {"PATH": f".:{backend.environment['PATH']}:"}

        result = replace(backend, isolation="auto", environment=environment).result("--", "true", cwd=repository)

        assert result["isolation"]["backend"] == "runsc"


@on("runsc")
def test_another_runsc_in_the_place_of_a_known_one_is_asked_who_it_is(backend, repository, tmp_path):
    runsc = tmp_path / "runsc"
    shutil.copy(backend.program.parent / "runsc", runsc)
    version = backend.result(f"--runsc={runsc}", "--", "true", cwd=repository)["isolation"]["version"]
    assert backend.result(f"--runsc={runsc}", "--", "true", cwd=repository)["isolation"]["version"] == version
    runsc.write_text("#!/bin/sh\necho something else\n")

    ran = backend.run(f"--runsc={runsc}", "--", "true", cwd=repository)

    assert (ran.returncode, ran.stdout) == (125, "")
    assert 'said "something else"; is this gVisor\'s runsc?' in ran.stderr


class TestBadInput:
    @on("runsc")
    @pytest.mark.parametrize("arguments,says", [
        pytest.param([], "no command", id="no-command"),
        pytest.param(["--repo=/nowhere", "--", "true"], '"/nowhere"', id="no-repository"),
        pytest.param(["--repo=/", "--", "true"], "whole file system", id="root"),
        pytest.param(["--repo=/etc/passwd", "--", "true"], "not a directory", id="a-file"),
        pytest.param(["--repo=/usr", "--workdir=/var/tmp", "--", "true"], "where a sandbox has", id="hides-the-sandboxes-own"),
        pytest.param(["--env=NONSENSE", "--", "true"], "NAME=value", id="environment"),
        pytest.param(["--image=/nowhere", "--", "true"], "/nowhere", id="no-image"),
    ])
    def test_is_told_with_125(self, backend, repository, arguments, says):
        ran = backend.run(*arguments, cwd=repository)

        assert ran.returncode == 125
        assert says in ran.stderr

    @on("runsc")
    @pytest.mark.parametrize("arguments", [["--timeout=soon"], ["--isolation=jail"], ["--no-such-option"]])
    def test_of_the_command_line_too(self, backend, repository, arguments):
        assert backend.run(*arguments, "--", "true", cwd=repository).returncode == 125

        ran = backend.run(*arguments, "--json", "--", "true", cwd=repository)
        assert (ran.returncode, json.loads(ran.stdout)["error"]["code"]) == (125, "invalid")

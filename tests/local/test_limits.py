"""What a command may use, in each isolation."""

import pytest

from backends import ISOLATED, on


MEMORY_BOMB = "x=$(head -c 400000000 /dev/zero | tr '\\0' x); echo ${#x}"


@on("runsc", "docker")
def test_what_needs_more_memory_than_it_may_have_is_killed(backend, repository):
    result = backend.result("--memory=128Mi", "--shell", MEMORY_BOMB, cwd=repository)

    assert (result["returncode"], result["reason"], result["oom_killed"]) == (137, "OOMKilled", True)
    assert result["isolation"]["memory_limit_bytes"] == 128 << 20


@on("runsc", "docker")
def test_limits_are_reported_as_they_hold(backend, repository):
    result = backend.result("--memory=256Mi", "--cpus=0.5", "--pids=30", "--scratch=8Mi", "--", "true", cwd=repository)

    limits = {key: value for key, value in result["isolation"].items() if "limit" in key}
    assert limits == {"memory_limit_bytes": 256 << 20, "cpu_limit_millis": 500, "pids_limit": 30,
                      "scratch_limit_bytes": 8 << 20}
    assert result["oom_killed"] is False


@on(*ISOLATED)
def test_processes_and_scratch_space_are_limited_everywhere(backend, repository):
    result = backend.result("--pids=10", "--scratch=4Mi", "--shell",
                            "dd if=/dev/zero of=/tmp/x bs=1M count=8 2>&1 | tail -n 1 >/dev/null; wc -c </tmp/x; "
                            "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 20 & done; echo survived", cwd=repository)

    assert result["stdout"].startswith(str(4 << 20))
    assert "survived" not in result["stdout"] or "fork" in result["stderr"]
    assert "fork" in result["stderr"], "the shell could not make another process"


@on("runsc-rootless")
def test_a_limit_that_cannot_be_enforced_is_a_refusal_with_the_reason(backend, repository):
    ran = backend.run("--memory=256Mi", "--", "echo", "ran", cwd=repository)

    assert (ran.returncode, ran.stdout) == (125, "")
    assert "memory can't be limited here" in ran.stderr
    assert "ermission denied" in ran.stderr


@on("process")
def test_without_isolation_there_are_no_limits(backend, repository):
    ran = backend.run("--pids=10", "--", "echo", "ran", cwd=repository)

    assert (ran.returncode, ran.stdout) == (125, "")
    assert "without isolation there are no limits" in ran.stderr


@pytest.mark.parametrize("option", ["--memory=1Mi", "--memory=lots", "--cpus=0", "--pids=0", "--pids=x", "--scratch=0"])
@on("runsc")
def test_a_limit_that_cannot_be_is_refused(backend, repository, option):
    ran = backend.run(option, "--", "echo", "ran", cwd=repository)

    assert (ran.returncode, ran.stdout) == (125, "")
    assert option.split("=")[0] in ran.stderr

"""What a command may use: asked for in spec.resources, enforced on the node, told in the status."""

import pytest

from sandbox_commands import condition, outcome

pytestmark = pytest.mark.needs_executor

MEBIBYTE = 1 << 20
# A shell that needs 400 MB for one variable.
MEMORY_BOMB = "x=$(head -c 400000000 /dev/zero | tr '\\0' x); echo ${#x}"


def test_limits_hold_as_the_status_says(run):
    command = run(shell="grep MemTotal /proc/meminfo; head -c 20000000 /dev/zero >/tmp/x 2>/dev/null; wc -c </tmp/x",
                  resources={"cpu": "500m", "memory": "192Mi", "pids": 50, "scratch": "4Mi"})

    assert command["status"]["resources"] == {"cpu": "500m", "memory": "192Mi", "pids": 50, "scratch": "4Mi"}
    assert command["status"]["stdout"].split() == ["MemTotal:", str(192 * 1024), "kB", str(4 * MEBIBYTE)]


def test_what_is_not_asked_for_has_the_administrators_default(run):
    command = run(shell="grep MemTotal /proc/meminfo")

    resources = command["status"]["resources"]
    assert set(resources) == {"cpu", "memory", "pids", "scratch"}
    assert resources["memory"].endswith("Mi")
    assert command["status"]["stdout"].split()[1] == str(int(resources["memory"].removesuffix("Mi")) * 1024)


def test_a_command_that_needs_too_much_memory_is_oom_killed(run):
    command = run(shell=MEMORY_BOMB, resources={"memory": "128Mi"})

    assert outcome(command) == ("Failed", "OOMKilled")
    assert command["status"]["oomKilled"] is True
    assert command["status"]["attempt"] == 1
    assert "memory" in condition(command, "Succeeded")["message"]


def test_a_command_that_was_not_is_not(run):
    assert not run(shell="kill -9 $$")["status"].get("oomKilled", False)


def test_a_fork_bomb_ends_at_its_time_limit_and_harms_nobody(run):
    command = run(shell="bomb() { bomb | bomb & }; while true; do bomb; done", timeoutSeconds=3,
                  resources={"pids": 40, "memory": "512Mi"})

    # A shell that can't fork gives up, or is killed when its time is over.
    assert outcome(command) in [("TimedOut", "DeadlineExceeded"), ("Failed", "ExitedNonZero")]
    assert "fork" in command["status"]["stderr"]
    assert outcome(run(shell="true")) == ("Succeeded", "ExitedZero")


def test_usage_is_told(run):
    usage = run(shell="x=$(head -c 30000000 /dev/zero | tr '\\0' x); echo ${#x}")["status"]["usage"]

    assert usage["cpuMillis"] > 0
    assert 30_000_000 < usage["peakMemoryBytes"] < 1 << 30


def test_a_cpu_limit_slows_down(run):
    command = run(shell="timeout 2 sh -c 'while true; do :; done'", resources={"cpu": "100m"})

    # A tenth of two seconds, and what the sandbox itself does.
    assert command["status"]["usage"]["cpuMillis"] < 900

"""An executor that was told what it has to give is never given more than that."""

import pytest

from sandbox_commands import condition, outcome, waits_because

pytestmark = pytest.mark.needs_executor

SLEEPING = {"shell": "sleep 300", "timeoutSeconds": 600}


def is_running(command):
    return command.get("status", {}).get("phase") == "Running"


@pytest.mark.parametrize(("option", "value", "half", "too_much"), [
    ("allocatable_cpu", "1500m", {"cpu": "1"}, {"cpu": "1501m"}),
    ("allocatable_memory", "300Mi", {"memory": "200Mi"}, {"memory": "301Mi"}),
])
def test_limits_stay_within_what_is_allocatable(commands, other, option, value, half, too_much):
    other.start(**{option: value})
    other.wait_until_ready_is("True")
    commands.create("first", other.spec(resources=half, **SLEEPING))
    commands.wait_until("first", is_running)

    commands.create("second", other.spec(resources=half, shell="true"))
    commands.create("never", other.spec(resources=too_much, shell="true"))

    commands.wait_until("second", waits_because("Queued"))
    never = commands.wait_until("never", waits_because("NoExecutorAvailable"))
    assert next(iter(too_much.values())) in condition(never, "Scheduled")["message"]
    commands.cancel("first")
    assert outcome(commands.wait_finished("second")) == ("Succeeded", "ExitedZero")


def test_what_is_allocatable_is_shown(cluster, other):
    other.start(allocatable_cpu="8", allocatable_memory="16Gi")
    other.wait_until_ready_is("True")

    shown = cluster.kubectl("get", "sandboxexecutor", other.node, "-o", "jsonpath={.status.allocatable}").stdout

    assert shown == '{"cpu":"8","memory":"16Gi"}'


def test_a_wrong_quantity_is_refused_at_the_start(other):
    other.start(allocatable_memory="16GB")

    assert other.exit_status() != 0
    assert '--allocatable-memory: "16GB" is not a quantity' in other.log.read_text()

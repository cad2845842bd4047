"""What the administrator allows per namespace, and who comes first when there are fewer slots than commands."""

from contextlib import contextmanager

import pytest

from administrator import REFUSED, TAKEN, Administrator
from sandbox_commands import SandboxCommands, condition, outcome, waits_because
from specs import SAMPLE

pytestmark = pytest.mark.needs_executor

SLEEPING = SAMPLE | {"shell": "sleep 300", "timeoutSeconds": 600}
SHORT = SAMPLE | {"shell": "true"}


@pytest.fixture
def new_commands(cluster, new_namespace):
    """Makes the commands of one namespace after the other."""
    return lambda: SandboxCommands(cluster.api, new_namespace())


@contextmanager
def all_slots_taken(executors, commands):
    """Whatever is created meanwhile waits. In the end one slot becomes free, and it stays the only one until they all have run."""
    names = [f"sleeping-{number}" for number in range(sum(one["status"]["slots"] for one in executors))]
    for name in names:
        commands.create(name, SLEEPING)
    for name in names:
        commands.wait_until(name, lambda command: command.get("status", {}).get("phase") == "Running")
    yield
    commands.cancel(names[0])


def wait_until_queued(*lists):
    for commands, names in lists:
        for name in names:
            commands.wait_until(name, waits_because("Queued"))


def in_order_of_their_end(*lists):
    ended = [(commands.wait_finished(name)["status"]["completionTime"], name) for commands, names in lists for name in names]
    return [name for _, name in sorted(ended)]


def test_namespaces_take_turns(executors, new_commands):
    crowd, guest = new_commands(), new_commands()
    many, few = [f"crowd-{number}" for number in range(5)], ["guest-0", "guest-1"]
    with all_slots_taken(executors, new_commands()):
        for commands, names in ((crowd, many), (guest, few)):
            for name in names:
                commands.create(name, SHORT)
            wait_until_queued((commands, names))

    order = in_order_of_their_end((crowd, many), (guest, few))

    assert order == ["crowd-0", "guest-0", "crowd-1", "guest-1", "crowd-2", "crowd-3", "crowd-4"]


def test_the_higher_priority_comes_first(executors, new_commands):
    commands = new_commands()
    with all_slots_taken(executors, new_commands()):
        for name, priority in (("low", -5), ("ordinary", 0), ("high", 7), ("higher", 8)):
            commands.create(name, SHORT | {"priority": priority})
        names = ["low", "ordinary", "high", "higher"]
        wait_until_queued((commands, names))

    assert in_order_of_their_end((commands, names)) == ["higher", "high", "ordinary", "low"]


def test_a_priority_above_the_maximum_counts_as_the_maximum(executors, configure, new_commands):
    modest, pushy = new_commands(), new_commands()
    configure({"namespaces": [{"name": pushy.namespace, "maximum": {"priority": 0}}]})
    with all_slots_taken(executors, new_commands()):
        modest.create("modest", SHORT | {"priority": 1})
        pushy.create("pushy", SHORT | {"priority": 1000})
        wait_until_queued((modest, ["modest"]), (pushy, ["pushy"]))

    assert in_order_of_their_end((modest, ["modest"]), (pushy, ["pushy"])) == ["modest", "pushy"]


def test_a_namespace_has_so_many_running_and_no_more(executors, configure, new_commands):
    limited, other = new_commands(), new_commands()
    configure({"namespaces": [{"name": limited.namespace, "maximum": {"running": 1}}]})
    limited.create("first", SLEEPING)
    limited.wait_until("first", lambda command: command.get("status", {}).get("phase") == "Running")
    limited.create("second", SHORT)

    waiting = limited.wait_until("second", waits_because("QuotaExceeded"))
    assert "at most 1 running at a time" in condition(waiting, "Scheduled")["message"]
    assert outcome(other.run("free", SHORT)) == ("Succeeded", "ExitedZero")

    limited.cancel("first")
    assert outcome(limited.wait_finished("second")) == ("Succeeded", "ExitedZero")


def test_a_higher_quota_lets_waiting_commands_start(executors, configure, new_commands):
    limited = new_commands()
    configure({"default": {"maximum": {"running": 0}}})
    limited.create("it", SHORT)
    limited.wait_until("it", waits_because("QuotaExceeded"))

    configure({"default": {"maximum": {"running": 1}}})

    assert outcome(limited.wait_finished("it")) == ("Succeeded", "ExitedZero")


@pytest.mark.parametrize(("spec", "says"), [
    ({"resources": {"cpu": 3}}, "spec.resources.cpu: 3 is above the maximum of the namespace, 2"),
    ({"resources": {"memory": "2Gi"}}, "spec.resources.memory: 2Gi is above the maximum of the namespace, 1Gi"),
    ({"resources": {"pids": 101}}, "spec.resources.pids: 101 is above the maximum of the namespace, 100"),
    ({"resources": {"scratch": "65Mi"}}, "spec.resources.scratch: 65Mi is above the maximum of the namespace, 64Mi"),
    ({"timeoutSeconds": 61}, "spec.timeoutSeconds: 61 is above the maximum of the namespace, 60"),
    ({"output": {"maxBytes": 16385}}, "spec.output.maxBytes: 16385 is above the maximum of the namespace, 16384"),
])
def test_more_than_the_maximum_is_refused_with_the_numbers(configure, commands, spec, says):
    small = {"cpu": 1, "memory": "128Mi", "pids": 50, "scratch": "16Mi"}
    configure({"default": {"resources": small, "maximum": {
        "resources": {"cpu": 2, "memory": "1Gi", "pids": 100, "scratch": "64Mi"}, "timeoutSeconds": 60, "outputBytes": 16384}}})

    command = commands.run("it", SHORT | spec)

    assert outcome(command) == ("Failed", "InvalidSpec")
    assert condition(command, "Finished")["message"] == says
    assert "nodeName" not in command["status"]


def test_the_limits_that_hold_are_in_the_status(configure, commands):
    configure({"default": {"resources": {"cpu": "500m", "memory": "128Mi", "pids": 64, "scratch": "32Mi"}}})

    asked = commands.run("asked", SHORT | {"resources": {"memory": "0.25Gi", "pids": 32}})
    silent = commands.run("silent", SHORT)

    assert asked["status"]["resources"] == {"cpu": "500m", "memory": "256Mi", "pids": 32, "scratch": "32Mi"}
    assert silent["status"]["resources"] == {"cpu": "500m", "memory": "128Mi", "pids": 64, "scratch": "32Mi"}


def test_an_image_has_variables_unless_the_command_sets_them(configure, commands):
    configure({"images": [{"name": "default", "env": [{"name": "FROM_IMAGE", "value": "yes"}, {"name": "BOTH", "value": "image"}]}]})

    command = commands.run("it", SAMPLE | {"shell": "echo $FROM_IMAGE $BOTH", "env": [{"name": "BOTH", "value": "command"}]})

    assert command["status"]["stdout"] == "yes command\n"


def test_a_configuration_that_is_wrong_changes_nothing(configure, commands, state):
    configure({"default": {"maximum": {"timeoutSeconds": 60}}})

    said = Administrator(state).write("default:\n  maximum:\n    timeoutSeconds: 1h\n", REFUSED)

    for line in said.values():
        assert "configuration.yaml:3: default.maximum.timeoutSeconds: must be a whole number" in line
    assert outcome(commands.run("still", SHORT | {"timeoutSeconds": 61})) == ("Failed", "InvalidSpec")
    Administrator(state).write("{}", TAKEN)
    assert outcome(commands.run("again", SHORT | {"timeoutSeconds": 61})) == ("Succeeded", "ExitedZero")

"""Waiting, cancelling, deleting, ageing out, crowds, and what all that costs the API server."""

import json
import time
import uuid

import pytest
from kubernetes import client, watch

from sandbox_commands import condition, is_finished, outcome, refusal_of, waits_because
from specs import SAMPLE

pytestmark = pytest.mark.needs_executor

SLEEPING = SAMPLE | {"shell": "echo started; sleep 300", "timeoutSeconds": 600}
WAITING = SAMPLE | {"shell": "true", "image": "no-such-image"}


def is_bound(command):
    return command.get("status", {}).get("phase") in ("Scheduled", "Running")


def is_running(command):
    return command.get("status", {}).get("phase") == "Running"


def wait_for_event(cluster, commands, name, reason, deadline=30):
    """The Event with that reason about that command."""
    events = client.EventsV1Api(cluster.api)

    def is_wanted(event):
        return event.regarding.name == name and event.reason == reason

    listed = events.list_namespaced_event(commands.namespace)
    for event in filter(is_wanted, listed.items):
        return event
    for seen in watch.Watch().stream(events.list_namespaced_event, commands.namespace, timeout_seconds=deadline,
                                     resource_version=listed.metadata.resource_version):
        if is_wanted(seen["object"]):
            return seen["object"]
    raise AssertionError(f"no Event {reason} about {name} within {deadline} s")


def test_unknown_image_waits_and_says_so(cluster, executors, commands):
    commands.create("it", WAITING)

    waiting = commands.wait_until("it", waits_because("ImageNotFound"))

    assert waiting["status"]["phase"] == "Pending"
    assert "no-such-image" in condition(waiting, "Scheduled")["message"]
    assert not is_finished(waiting)
    assert wait_for_event(cluster, commands, "it", "ImageNotFound").type == "Warning"


def test_missing_runtime_class_waits_until_it_exists(executors, commands, runtime_class):
    name = f"e2e-{uuid.uuid4().hex[:10]}"
    commands.create("it", SAMPLE | {"shell": "echo ran", "runtimeClassName": name})
    waiting = commands.wait_until("it", waits_because("RuntimeClassNotFound"))
    assert name in condition(waiting, "Scheduled")["message"]

    runtime_class(name, executors[0]["status"]["handlers"][0])

    finished = commands.wait_finished("it")
    assert (outcome(finished), finished["status"]["stdout"]) == (("Succeeded", "ExitedZero"), "ran\n")
    assert finished["status"]["isolation"]["runtimeClass"] == name


def test_handler_that_no_executor_has_is_never_replaced_by_another(executors, commands, runtime_class):
    name = f"e2e-{uuid.uuid4().hex[:10]}"
    runtime_class(name, "no-such-handler")
    commands.create("it", SAMPLE | {"shell": "true", "runtimeClassName": name})

    waiting = commands.wait_until("it", waits_because("NoExecutorAvailable"))

    assert "no-such-handler" in condition(waiting, "Scheduled")["message"]


def test_node_selector_that_no_node_meets_waits(executors, commands):
    commands.create("it", SAMPLE | {"shell": "true", "nodeSelector": {"e2e.fumehood.dev/planet": "mars"}})

    waiting = commands.wait_until("it", waits_because("NoExecutorAvailable"))

    assert "e2e.fumehood.dev/planet" in condition(waiting, "Scheduled")["message"]


def test_cancel_while_waiting(executors, commands):
    commands.create("it", WAITING)
    commands.wait_until("it", waits_because("ImageNotFound"))

    commands.cancel("it")

    finished = commands.wait_finished("it")
    assert outcome(finished) == ("Cancelled", "Cancelled")
    assert "startTime" not in finished["status"] and "nodeName" not in finished["status"]


def test_created_cancelled_never_runs(executors, commands):
    finished = commands.run("it", SAMPLE | {"shell": "true", "cancel": True})

    assert outcome(finished) == ("Cancelled", "Cancelled")
    assert "nodeName" not in finished["status"]


def test_cancel_while_running_keeps_the_output_so_far(executors, commands):
    commands.create("it", SLEEPING)
    commands.wait_until("it", is_running)

    commands.cancel("it")

    finished = commands.wait_finished("it", deadline=30)
    assert outcome(finished) == ("Cancelled", "Cancelled")
    assert finished["status"]["stdout"] == "started\n"
    assert "exitCode" not in finished["status"]


def test_deleting_running_commands_frees_their_slots(executors, commands):
    slots = sum(executor["status"]["slots"] for executor in executors)
    for number in range(slots):
        commands.create(f"sleeping-{number}", SLEEPING)
    for number in range(slots):
        commands.wait_until(f"sleeping-{number}", is_bound)
    commands.create("next", SAMPLE | {"shell": "echo my turn"})
    commands.wait_until("next", waits_because("Queued"))

    for number in range(slots):
        commands.delete(f"sleeping-{number}")

    assert commands.wait_finished("next", deadline=30)["status"]["stdout"] == "my turn\n"


def test_same_name_again_is_another_command(executors, commands):
    commands.create("it", SLEEPING)
    old = commands.wait_until("it", is_bound)
    commands.delete("it")

    finished = commands.run("it", SAMPLE | {"shell": "echo second"})

    assert finished["metadata"]["uid"] != old["metadata"]["uid"]
    assert finished["status"]["stdout"] == "second\n"


@pytest.mark.parametrize("ttl", [0, 1])
def test_finished_command_is_deleted_after_its_ttl(executors, commands, ttl):
    commands.create("it", SAMPLE | {"shell": "true", "ttlSecondsAfterFinished": ttl})

    commands.wait_gone("it", deadline=30)


def test_result_stays_as_it_is(run, commands):
    finished = run(shell="echo hello")
    name = finished["metadata"]["name"]

    assert refusal_of(lambda: commands.patch_status(name, {"status": {"stdout": "forged"}})).code == 422
    assert commands.get(name)["status"] == finished["status"]


def test_fifty_commands_at_once(executors, commands):
    names = [f"one-of-{number}" for number in range(50)]
    for name in names:
        commands.create(name, SAMPLE | {"command": ["echo", name]})

    finished, deadline = {}, time.monotonic() + 120
    for event in commands.events(120):
        if is_finished(event["object"]):
            finished[event["object"]["metadata"]["name"]] = event["object"]
        if len(finished) == len(names) or time.monotonic() > deadline:
            break

    assert {name: command["status"]["stdout"] for name, command in finished.items()} == {name: f"{name}\n" for name in names}
    assert {outcome(command) for command in finished.values()} == {("Succeeded", "ExitedZero")}
    assert {command["status"]["attempt"] for command in finished.values()} == {1}


def writes(audit_log, namespace, name):
    """Each write of the command that the API server accepted, in its order: "create", "patch status", …"""
    found = []
    for line in audit_log.read_text().splitlines():
        entry = json.loads(line)
        target = entry.get("objectRef", {})
        if (target.get("resource"), target.get("namespace"), target.get("name")) == ("sandboxcommands", namespace, name) \
                and entry["verb"] not in ("get", "list", "watch") and entry.get("responseStatus", {}).get("code", 500) < 300:
            found.append((entry["requestReceivedTimestamp"], f"{entry['verb']} {target.get('subresource', '')}".strip()))
    return [write for _, write in sorted(found)]


def test_short_command_costs_two_status_writes_and_no_event(cluster, executors, commands, audit_log):
    # One that takes longer than half a second is reported as running too; a busy machine gets several chances.
    for number in range(10):
        name = f"short-{number}"
        finished = commands.run(name, SAMPLE | {"shell": "true"})
        if finished["status"]["startupMillis"] + finished["status"]["durationMillis"] < 400:
            break

    # The API server logs a request after it has answered it, which may be after a watch has shown what it changed.
    commands.delete(name)
    wanted = ["create", "patch status", "patch status", "delete"]
    deadline = time.monotonic() + 10
    while len(writes(audit_log, commands.namespace, name)) < len(wanted) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert writes(audit_log, commands.namespace, name) == wanted
    events = client.EventsV1Api(cluster.api).list_namespaced_event(commands.namespace).items
    assert [event.reason for event in events if event.regarding.name == name] == []

"""Who may write the status of a command: the API server refuses everybody else, whatever roles they have been given."""

from dataclasses import dataclass

import pytest

from identities import EVERYTHING, HERE, THERE, Identities
from sandbox_commands import SandboxCommands, refusal_of
from specs import FINISHED, PARKED, bound

POLICY = "ValidatingAdmissionPolicy 'fumehood-sandboxcommands'"
WAITING = {"phase": "Pending"}
BOUND_HERE, BOUND_THERE = bound(HERE), bound(THERE)
FORGED = {"stdout": "forged\n"}
# What nobody but the author of an accepted write changes. The controller adds to it why a parked command waits.
KEPT = ("phase", "nodeName", "executor", "attempt", "retries", "exitCode", "stdout", "completionTime")

USERS_MAY_NOT = "may not write the status of a SandboxCommand, only Fumehood may"
NO_NODE = "this executor's token names no node"
CONTROLLERS_FIELDS = "are written by the controller only"
EXECUTORS_PHASES = "an executor sets status.phase to Running, to an end, or to Pending"
NEVER_AGAIN = "its result is never written again"
NEVER_CHANGES = "the status of a finished command never changes"


def not_yours(node):
    return f"is bound to {node}"


def put(**values):
    """The operations of a JSON patch that sets those members of the status."""
    return [{"op": "add", "path": f"/status/{name}", "value": value} for name, value in values.items()]


def removal(path):
    return [{"op": "remove", "path": path}]


def provided(path, value):
    """The operation that makes the patch fail where the object is another than the sender thinks."""
    return [{"op": "test", "path": path, "value": value}]


@dataclass(frozen=True)
class Write:
    """A JSON patch of a status, and who sends it."""

    name: str
    writer: str
    before: dict
    patch: list
    says: str = ""


RESULT = put(**FINISHED)
HAND_BACK = put(phase="Pending")

REFUSED = [
    Write("result-of-another-node", "there", BOUND_HERE, RESULT, not_yours(f'node "{HERE}"')),
    Write("hand-back-of-another-node", "there", BOUND_HERE, HAND_BACK, not_yours(f'node "{HERE}"')),
    Write("start-on-another-node", "there", BOUND_HERE, put(phase="Running"), not_yours(f'node "{HERE}"')),
    Write("late-result-after-rebinding-elsewhere", "here", bound(THERE, attempt=2), RESULT, not_yours(f'node "{THERE}"')),
    Write("result-of-an-unbound-command", "here", WAITING, RESULT, not_yours("no node")),
    Write("binding-by-an-executor", "here", WAITING, put(**BOUND_HERE), not_yours("no node")),
    Write("taking-over-by-an-executor", "there", BOUND_HERE, put(**bound(THERE, attempt=2)), not_yours(f'node "{HERE}"')),
    Write("result-with-an-unbound-token", "unbound", BOUND_HERE, RESULT, NO_NODE),
    Write("result-with-the-token-of-a-pod-without-node", "unscheduled", BOUND_HERE, RESULT, NO_NODE),
    Write("unbound-command-with-an-unbound-token", "unbound", WAITING, put(phase="Running"), NO_NODE),
    Write("same-result-again", "here", BOUND_HERE | FINISHED, RESULT, NEVER_AGAIN),
    Write("next-attempt", "here", BOUND_HERE, RESULT + put(attempt=2), CONTROLLERS_FIELDS),
    Write("other-node-with-a-next-attempt", "here", BOUND_HERE, HAND_BACK + put(attempt=2, nodeName=THERE), CONTROLLERS_FIELDS),
    Write("other-executor-with-a-next-attempt", "here", BOUND_HERE, HAND_BACK + put(attempt=2, executor={"podName": "mine"}),
          CONTROLLERS_FIELDS),
    Write("retries-counted", "here", BOUND_HERE, HAND_BACK + put(retries=1), CONTROLLERS_FIELDS),
    Write("queued-time-set", "here", BOUND_HERE, RESULT + put(queuedTime="2026-01-01T00:00:00Z"), CONTROLLERS_FIELDS),
    Write("queued-time-removed", "here", BOUND_HERE | {"queuedTime": "2026-01-01T00:00:00Z"},
          RESULT + removal("/status/queuedTime"), CONTROLLERS_FIELDS),
    Write("scheduled-again", "here", BOUND_HERE | {"phase": "Running"}, put(phase="Scheduled"), EXECUTORS_PHASES),
    Write("without-a-phase", "here", BOUND_HERE, removal("/status/phase"), EXECUTORS_PHASES),
    Write("result-by-a-user", "owner", BOUND_HERE, RESULT, USERS_MAY_NOT),
    Write("result-by-a-cluster-wide-user", "cluster-owner", BOUND_HERE, RESULT, USERS_MAY_NOT),
    Write("output-by-a-user", "owner", BOUND_HERE, put(**FORGED), USERS_MAY_NOT),
    Write("binding-by-a-user", "owner", WAITING, put(**BOUND_HERE), USERS_MAY_NOT),
    Write("removal-by-a-user", "owner", WAITING, removal("/status"), USERS_MAY_NOT),
    Write("null-by-a-user", "owner", WAITING, [{"op": "replace", "path": "/status", "value": None}], USERS_MAY_NOT),
    Write("removal-by-an-executor", "here", WAITING, removal("/status"), not_yours("no node")),
]

# The CRD's own rules come first, and hold for those as well who may write.
REFUSED_BY_THE_CRD = [
    Write("another-result-by-the-executor", "here", BOUND_HERE | FINISHED, RESULT + put(**FORGED), NEVER_CHANGES),
    Write("another-result-by-the-controller", "controller", BOUND_HERE | FINISHED, put(**FORGED), NEVER_CHANGES),
    Write("reopened-by-the-controller", "controller", BOUND_HERE | FINISHED, put(phase="Pending") + removal("/status/completionTime"),
          NEVER_CHANGES),
    Write("bound-again-after-the-end", "controller", BOUND_HERE | FINISHED, put(**bound(THERE, attempt=2)), NEVER_CHANGES),
    Write("other-node-within-an-attempt", "here", BOUND_HERE, put(nodeName=THERE), "change only together with a higher"),
    Write("other-pod-within-an-attempt", "here", BOUND_HERE, put(executor={"podName": "mine"}), "change only together with a higher"),
    Write("removal-while-bound", "here", BOUND_HERE, removal("/status"), "status.attempt only grows"),
    Write("removal-after-the-end-by-the-controller", "controller", BOUND_HERE | FINISHED, removal("/status"), NEVER_CHANGES),
]

ACCEPTED = [
    Write("start", "here", BOUND_HERE, put(phase="Running", startTime="2026-01-01T00:00:00Z")),
    Write("result", "here", BOUND_HERE, RESULT),
    Write("result-of-a-command-that-waited", "here", BOUND_HERE | {"queuedTime": "2026-01-01T00:00:00Z", "retries": 1}, RESULT),
    Write("failure", "here", BOUND_HERE, put(phase="Failed", completionTime="2026-01-01T00:00:00Z", exitCode=1)),
    Write("cancellation", "here", BOUND_HERE, put(phase="Cancelled", completionTime="2026-01-01T00:00:00Z")),
    Write("hand-back", "here", BOUND_HERE, HAND_BACK),
    Write("timeout-on-the-other-node", "there", BOUND_THERE, put(phase="TimedOut", completionTime="2026-01-01T00:00:00Z")),
    Write("result-that-a-former-pod-stored", "successor", BOUND_HERE, RESULT),
    Write("binding", "controller", WAITING, put(**BOUND_HERE)),
    Write("binding-anew", "controller", BOUND_HERE, put(**bound(THERE, attempt=2), retries=1)),
    Write("end-by-the-controller", "controller", BOUND_HERE, put(phase="Failed", completionTime="2026-01-01T00:00:00Z")),
    Write("repair-by-system-masters", "administrator", BOUND_HERE, put(phase="Failed", completionTime="2026-01-01T00:00:00Z")),
]


def rows(table):
    return [pytest.param(one, id=one.name) for one in table]


@pytest.fixture
def owner(cluster, namespace):
    """An ApiClient of a user who may do everything with everything in the namespace."""
    with Identities(cluster) as identities:
        yield identities.user(namespace, EVERYTHING)


@pytest.fixture
def begun(commands):
    """begun(status) makes the command `it`, which no controller binds, with that status."""
    def begin(status):
        commands.create("it", PARKED)
        return commands.patch_status("it", {"status": status})
    return begin


@pytest.fixture
def commands_of(writers, namespace, request):
    """commands_of(writer): the commands of the namespace, as that writer."""
    return lambda writer: SandboxCommands(request.getfixturevalue("owner") if writer == "owner" else writers[writer], namespace)


def kept(command):
    return {name: value for name, value in command["status"].items() if name in KEPT}


@pytest.mark.parametrize("write", rows(REFUSED))
def test_status_is_fenced(commands, begun, commands_of, write):
    before = begun(write.before)

    refused = refusal_of(lambda: commands_of(write.writer).patch_status("it", write.patch))

    assert (refused.code, POLICY in refused.message) == (403, True), refused
    assert write.says in refused.message
    assert kept(commands.get("it")) == kept(before)


@pytest.mark.parametrize("write", rows(REFUSED_BY_THE_CRD))
def test_status_obeys_the_crd_whoever_writes_it(commands, begun, commands_of, write):
    before = begun(write.before)

    refused = refusal_of(lambda: commands_of(write.writer).patch_status("it", write.patch))

    assert refused.code == 422
    assert write.says in refused.message
    assert kept(commands.get("it")) == kept(before)


@pytest.mark.parametrize("write", rows(ACCEPTED))
def test_status_is_written_by_those_who_must(begun, commands_of, write):
    begun(write.before)

    after = commands_of(write.writer).patch_status("it", write.patch)["status"]

    written = {one["path"].removeprefix("/status/"): one["value"] for one in write.patch}
    assert {name: after[name] for name in written} == written


def forge_by_put(commands):
    command = commands.get("it")
    command["status"] |= FORGED
    return commands.replace_status(command)


@pytest.mark.parametrize("forge", [
    pytest.param(forge_by_put, id="put"),
    pytest.param(lambda commands: commands.patch_status("it", {"status": FORGED}), id="merge-patch"),
    pytest.param(lambda commands: commands.apply_status("it", FORGED), id="apply"),
])
@pytest.mark.parametrize("writer", ["owner", "there"])
def test_no_kind_of_request_gets_around_the_fence(commands, begun, commands_of, writer, forge):
    begun(BOUND_HERE)

    refused = refusal_of(lambda: forge(commands_of(writer)))

    assert (refused.code, POLICY in refused.message) == (403, True), refused
    assert "stdout" not in commands.get("it")["status"]


def test_a_status_is_dropped_from_what_a_user_creates(commands_of):
    created = commands_of("owner").create("it", PARKED, status=BOUND_HERE | FINISHED)

    assert "status" not in created


def test_a_status_is_ignored_in_what_a_user_replaces(begun, commands_of):
    command = begun(BOUND_HERE)
    command["status"] |= FINISHED
    command["spec"]["ttlSecondsAfterFinished"] = 7

    after = commands_of("owner").replace(command)

    assert (after["spec"]["ttlSecondsAfterFinished"], after["status"]["phase"], after["status"].get("stdout")) == (7, "Scheduled", None)


def test_a_late_result_does_not_land_on_a_successor_of_the_same_name(commands, begun, commands_of):
    former = begun(BOUND_HERE)["metadata"]["uid"]
    commands.delete("it")
    successor = begun(BOUND_HERE)

    check_that_only_the_right_one_lands(commands, commands_of, "/metadata/uid", wrong=former, right=successor["metadata"]["uid"])


def test_a_late_result_does_not_land_on_a_later_attempt(commands, begun, commands_of):
    begun(bound(HERE, attempt=2))

    check_that_only_the_right_one_lands(commands, commands_of, "/status/attempt", wrong=1, right=2)


def check_that_only_the_right_one_lands(commands, commands_of, path, wrong, right):
    refused = refusal_of(lambda: commands_of("here").patch_status("it", provided(path, wrong) + RESULT))

    assert refused.code == 422
    assert commands.get("it")["status"]["phase"] == "Scheduled"
    assert commands_of("here").patch_status("it", provided(path, right) + RESULT)["status"]["phase"] == "Succeeded"

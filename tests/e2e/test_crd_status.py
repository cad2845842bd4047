"""What the API server itself guarantees about a status: one result, attempts that only grow, and a size that fits."""

import base64
from dataclasses import dataclass, field

import pytest

from sandbox_commands import refusal_of
from specs import FINISHED, PARKED, bound

MARKER = "\n[fumehood: 17 bytes omitted]\n"
LARGEST = base64.b64encode(b"<" * 131072 + MARKER.encode() + b"\0" * 131072).decode()
CONDITION = {"type": "Finished", "status": "True", "reason": "ExitedZero", "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"}
REPLACE, REMOVE, ADD = "replace", "remove", "add"


@dataclass(frozen=True)
class Transition:
    """A JSON patch of the status, from one state to the next."""

    name: str
    patch: list
    before: dict = field(default_factory=bound)
    says: str = ""


def op(kind, path, value=None):
    return {"op": kind, "path": path} | ({} if kind == REMOVE else {"value": value})


FINISHED_STATUS = bound() | FINISHED
SIGNALED_STATUS = {key: value for key, value in FINISHED_STATUS.items() if key != "exitCode"} | {"phase": "Failed", "signal": 9}
NEVER_CHANGES = "the status of a finished command never changes"
ONLY_GROWS = "status.attempt only grows"
RESOURCES_TOGETHER = "status.resources changes only together with a higher status.attempt"
RESOURCES = {"cpu": "1", "memory": "512Mi", "pids": 256, "scratch": "256Mi"}
ONLY_TOGETHER = "status.nodeName and status.executor change only together with a higher status.attempt"
BELONG_TOGETHER = "status.nodeName and status.attempt belong together"
EXACTLY_WHEN = "status.completionTime must be set exactly when status.phase"

REFUSED = [
    Transition("second-result", [op(REPLACE, "/status/exitCode", 1)], FINISHED_STATUS, NEVER_CHANGES),
    Transition("output-changed-later", [op(REPLACE, "/status/stdout", "forged")], FINISHED_STATUS, NEVER_CHANGES),
    Transition("field-added-later", [op(ADD, "/status/queuedTime", "2026-01-01T00:00:00Z")], FINISHED_STATUS, NEVER_CHANGES),
    Transition("field-removed-later", [op(REMOVE, "/status/stderr")], FINISHED_STATUS, NEVER_CHANGES),
    Transition("reopened", [op(REPLACE, "/status/phase", "Running"), op(REMOVE, "/status/completionTime")], FINISHED_STATUS,
               NEVER_CHANGES),
    Transition("attempt-after-the-end", [op(REPLACE, "/status/attempt", 2)], FINISHED_STATUS, NEVER_CHANGES),
    Transition("finished-status-removed", [op(REMOVE, "/status")], FINISHED_STATUS, NEVER_CHANGES),
    Transition("finished-status-null", [op(REPLACE, "/status", None)], FINISHED_STATUS, NEVER_CHANGES),
    Transition("finished-status-emptied", [op(REPLACE, "/status", {})], FINISHED_STATUS, NEVER_CHANGES),
    Transition("status-removed-while-bound", [op(REMOVE, "/status")], says=ONLY_GROWS),
    Transition("status-null-while-bound", [op(REPLACE, "/status", None)], says=ONLY_TOGETHER),
    Transition("attempt-lower", [op(REPLACE, "/status/attempt", 1)], bound(attempt=2), ONLY_GROWS),
    Transition("attempt-removed", [op(REMOVE, "/status/attempt")], says=ONLY_GROWS),
    Transition("retries-lower", [op(REPLACE, "/status/retries", 1)], bound() | {"retries": 2}, "status.retries only grows"),
    Transition("retries-removed", [op(REMOVE, "/status/retries")], bound() | {"retries": 2}, "status.retries only grows"),
    Transition("retries-beyond-the-limit", [op(ADD, "/status/retries", 3)], says="status.retries can't exceed spec.retryLimit"),
    Transition("node-changed", [op(REPLACE, "/status/nodeName", "mars")], says=ONLY_TOGETHER),
    Transition("node-removed", [op(REMOVE, "/status/nodeName")], says=ONLY_TOGETHER),
    Transition("executor-changed", [op(REPLACE, "/status/executor/podUID", "u-2")], says=ONLY_TOGETHER),
    Transition("executor-removed", [op(REMOVE, "/status/executor")], says=ONLY_TOGETHER),
    Transition("resources-raised", [op(REPLACE, "/status/resources/memory", "1Gi")], bound() | {"resources": RESOURCES}, RESOURCES_TOGETHER),
    Transition("resources-removed", [op(REMOVE, "/status/resources")], bound() | {"resources": RESOURCES}, RESOURCES_TOGETHER),
    Transition("resources-added-later", [op(ADD, "/status/resources", RESOURCES)], says=RESOURCES_TOGETHER),
    Transition("resources-before-binding", [op(ADD, "/status", {"phase": "Pending", "resources": RESOURCES})], {}, RESOURCES_TOGETHER),
    Transition("rebound-with-a-lower-attempt", [op(REPLACE, "/status", bound("mars", 1, "u-2"))], bound(attempt=2), ONLY_TOGETHER),
    Transition("node-without-attempt", [op(ADD, "/status", {"nodeName": "moon"})], {}, BELONG_TOGETHER),
    Transition("attempt-without-node", [op(ADD, "/status", {"attempt": 1})], {}, BELONG_TOGETHER),
    Transition("end-without-time", [op(REPLACE, "/status/phase", "Failed")], says=EXACTLY_WHEN),
    Transition("time-without-end", [op(ADD, "/status/completionTime", "2026-01-01T00:00:00Z")], says=EXACTLY_WHEN),
    Transition("time-without-phase", [op(ADD, "/status", {"completionTime": "2026-01-01T00:00:00Z"})], {}, EXACTLY_WHEN),
    Transition("two-endings", [op(REPLACE, "/status", FINISHED_STATUS | {"signal": 9})],
               says="status.exitCode and status.signal exclude each other"),
]

ACCEPTED = [
    Transition("waiting", [op(ADD, "/status", {"phase": "Pending", "conditions": [CONDITION | {"type": "Scheduled"}]})], {}),
    Transition("bound", [op(ADD, "/status", bound())], {}),
    Transition("bound-with-resources", [op(ADD, "/status", bound() | {"resources": RESOURCES})], {}),
    Transition("rebound-with-other-resources", [op(REPLACE, "/status", bound(attempt=2) | {"resources": RESOURCES | {"cpu": "2"}})],
               bound() | {"resources": RESOURCES}),
    Transition("bound-without-pod", [op(ADD, "/status", {"phase": "Scheduled", "nodeName": "moon", "attempt": 1})], {}),
    Transition("running", [op(REPLACE, "/status/phase", "Running"), op(ADD, "/status/startTime", "2026-01-01T00:00:00.12Z")]),
    Transition("handed-back", [op(REPLACE, "/status/phase", "Pending")]),
    Transition("rebound", [op(REPLACE, "/status", bound("mars", 2, "u-2"))]),
    Transition("rebound-to-the-same-node", [op(REPLACE, "/status", bound(attempt=2, pod_uid="u-2"))]),
    Transition("retried-up-to-the-limit", [op(REPLACE, "/status", bound(attempt=3) | {"retries": 2})]),
    Transition("finished", [op(REPLACE, "/status", FINISHED_STATUS)]),
    Transition("signaled", [op(REPLACE, "/status", SIGNALED_STATUS)]),
    Transition("cancelled-before-binding", [op(ADD, "/status", {"phase": "Cancelled", "completionTime": "2026-01-01T00:00:00Z"})], {}),
    Transition("finished-again-alike", [op(REPLACE, "/status", FINISHED_STATUS)], FINISHED_STATUS),
]

# Each limit of a field: the largest value that fits, and the smallest that does not.
LIMITS = {
    "phase": ("Running", "Done"), "nodeName": ("n" * 253, "n" * 254),
    "attempt": (1000000, 1000001), "executor.podName": ("p" * 253, "p" * 254), "executor.podUID": ("u" * 64, "u" * 65),
    "retries": (2, -1), "exitCode": (255, 256), "signal": (64, 65), "timedOut": (True, "yes"), "oomKilled": (True, 1),
    "resources.cpu": ("1" * 32, "1" * 33), "resources.memory": ("1" * 32, 64), "resources.pids": (32768, 32769),
    "resources.scratch": ("1" * 32, "1" * 33), "usage.cpuMillis": (2**53 - 1, -1), "usage.peakMemoryBytes": (0, 2**53), "stdout": ("x" * 400000, "x" * 400001),
    "stderr": ("x" * 400000, "x" * 400001), "stdoutBytes": (2**53 - 1, 2**53), "stderrBytes": (0, -1),
    "stdoutTruncated": (True, 1), "stderrTruncated": (False, 0), "outputEncoding": ("base64", "hex"),
    "isolation.runtimeClass": ("x" * 253, "x" * 254), "isolation.handler": ("x" * 253, "x" * 254),
    "isolation.runtime": ("x" * 64, "x" * 65),
    "isolation.version": ("x" * 128, "x" * 129), "isolation.platform": ("x" * 64, "x" * 65), "isolation.network": ("x" * 64, "x" * 65),
    "isolation.repository": ("x" * 64, "x" * 65), "queuedTime": ("2026-01-01T00:00:00Z", "yesterday"),
    "startTime": ("2026-01-01T00:00:00.000001Z", "1767225600"), "storedBytes": (0, -1), "durationMillis": (0, -1), "startupMillis": (0, -1),
    "conditions[0].type": ("Finished", "Done"), "conditions[0].status": ("Unknown", "true"), "conditions[0].reason": ("R" * 128, "R" * 129),
    "conditions[0].message": ("m" * 32768, "m" * 32769), "conditions[0].lastTransitionTime": ("2026-01-01T00:00:00Z", "now"),
}


@pytest.fixture
def begun(commands):
    """begun(status) makes the command `it`, parked and with that status."""
    def begin(status):
        commands.create("it", PARKED)
        if status:
            commands.patch_status("it", {"status": status})
        return commands
    return begin


@pytest.mark.parametrize("transition", [pytest.param(one, id=one.name) for one in REFUSED])
def test_refused(begun, transition):
    commands = begun(transition.before)

    refused = refusal_of(lambda: commands.patch_status("it", transition.patch))

    assert refused.code == 422
    assert transition.says in refused.message


@pytest.mark.parametrize("transition", [pytest.param(one, id=one.name) for one in ACCEPTED])
def test_accepted(begun, transition):
    commands = begun(transition.before)

    commands.patch_status("it", transition.patch)


def status_with(path, value):
    status = bound()
    if path.startswith("conditions[0]."):
        return status | {"conditions": [CONDITION | {path.split(".")[1]: value}]}
    if "." in path:
        parent, child = path.split(".")
        return status | {parent: {child: value}}
    return status | {path: value}


@pytest.mark.parametrize("path", LIMITS)
def test_largest_value_fits(begun, path):
    begun({}).patch_status("it", [op(ADD, "/status", status_with(path, LIMITS[path][0]))])


@pytest.mark.parametrize("path", LIMITS)
def test_larger_value_is_refused(begun, path):
    commands = begun({})

    refused = refusal_of(lambda: commands.patch_status("it", [op(ADD, "/status", status_with(path, LIMITS[path][1]))]))

    assert f"status.{path}" in refused.message


@pytest.mark.parametrize("missing", ["type", "status", "reason", "lastTransitionTime"])
def test_condition_must_be_whole(begun, missing):
    commands = begun({})
    condition = {key: value for key, value in CONDITION.items() if key != missing}

    refused = refusal_of(lambda: commands.patch_status("it", {"status": {"conditions": [condition]}}))

    assert f"status.conditions[0].{missing}: Required" in refused.message


def test_condition_appears_once_per_type(begun):
    commands = begun({})

    refused = refusal_of(lambda: commands.patch_status("it", {"status": {"conditions": [CONDITION, CONDITION | {"status": "False"}]}}))

    assert "status.conditions[1]: Duplicate" in refused.message


def test_two_largest_outputs_fit(begun):
    commands = begun(bound())
    status = FINISHED | {"stdout": LARGEST, "stderr": LARGEST, "outputEncoding": "base64"}

    commands.patch_status("it", [op(ADD, f"/status/{key}", value)
                                 for key, value in status.items()])

    assert commands.get("it")["status"]["stderr"] == LARGEST


def test_two_largest_outputs_fit_beside_the_largest_spec(commands):
    spec = PARKED | {"shell": "x" * 65536, "stdin": "x" * 65536, "env": [{"name": f"A{i}", "value": "x" * 32766} for i in range(4)]}
    commands.create("it", spec)
    commands.patch_status("it", {"status": bound()})

    commands.patch_status("it", {"status": FINISHED | {"stdout": LARGEST, "stderr": LARGEST, "outputEncoding": "base64"}})

    assert commands.get("it")["status"]["stdout"] == LARGEST


def test_patch_of_another_attempt_or_object_is_refused(begun):
    commands = begun(bound(attempt=2))

    for test in (op("test", "/status/attempt", 1), op("test", "/metadata/uid", "another")):
        refused = refusal_of(lambda: commands.patch_status("it", [test, op(REPLACE, "/status/phase", "Running")]))
        assert refused.code == 422
        assert commands.get("it")["status"]["phase"] == "Scheduled"


def test_a_status_patch_cannot_change_the_spec(begun):
    commands = begun(bound())

    after = commands.patch_status("it", {"spec": {"cancel": True}, "status": {"phase": "Running"}})

    assert (after["spec"]["cancel"], after["status"]["phase"]) == (False, "Running")


def test_a_patch_of_the_object_cannot_change_the_status(begun):
    commands = begun(bound())

    after = commands.patch("it", {"status": {"phase": "Running"}})

    assert after["status"]["phase"] == "Scheduled"

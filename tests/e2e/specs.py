"""Specs and statuses that several tests begin with."""

import json

SAMPLE = {"repository": {"path": "sample"}}

# No controller ever binds it, so a test may write its status.
PARKED = SAMPLE | {"shell": "true", "runtimeClassName": "nobody-offers-this"}


def manifest(name, **parts):
    """A SandboxCommand as kubectl takes it: JSON, which every version of it reads from standard input."""
    return json.dumps({"apiVersion": "fumehood.dev/v1alpha1", "kind": "SandboxCommand", "metadata": {"name": name}} | parts)


_AT = "2026-01-01T00:00:00.000001Z"


def _condition(kind, status, reason):
    return {"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": _AT}


FINISHED = {
    "phase": "Succeeded", "exitCode": 0, "stdout": "hello\n", "stderr": "", "outputEncoding": "utf-8",
    "startTime": _AT, "completionTime": _AT, "durationMillis": 12, "startupMillis": 3,
    "conditions": [_condition("Scheduled", "True", "Bound"), _condition("Isolated", "True", "Sandboxed"),
                   _condition("Finished", "True", "ExitedZero"), _condition("Succeeded", "True", "ExitedZero")],
}


def bound(node="moon", attempt=1, pod_uid="u-1"):
    """The status right after a controller has bound the command."""
    return {"phase": "Scheduled", "nodeName": node, "attempt": attempt, "executor": {"podName": f"executor-{node}", "podUID": pod_uid},
            "conditions": [_condition("Scheduled", "True", "Bound")]}

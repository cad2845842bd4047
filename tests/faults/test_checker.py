"""The checker itself: it accepts what may happen, and each rule catches what must not."""

import pytest

from checker import RULES, check_command
from history import LoggedStart, Record, Version
from markers import Opened
from plans import ENDLESS, Command

COMPLETION = "2026-01-01T00:00:10.000000Z"
COMPLETED_AT = 1767225610.0
PLAIN = Command("n-1", "n-1", at=0)
CANCELLED = Command("n-1", "n-1", at=0, sleep=ENDLESS, cancel_after=1)
EXPIRING = Command("n-1", "n-1", at=0, ttl=1)
DELETED = Command("n-1", "n-1", at=0, delete_after=1)
ONE_TRY = Command("n-1", "n-1", at=0, retry_limit=0)
TIMING_OUT = Command("n-1", "n-1", at=0, sleep=ENDLESS, timeout=1)


class History:
    """Told as a story: each call adds what happened next."""

    def __init__(self, command=PLAIN, uid="u-1"):
        self._command = command
        self._uid = uid
        self._status = {}
        self._cancel = False
        self.record = Record()
        self._add()

    def bound(self, node, attempt):
        self._status = {"phase": "Scheduled", "nodeName": node, "attempt": attempt, "executor": {"podUID": f"pod-{node}"}}
        return self._add()

    def started(self, node, attempt):
        self.record.starts.append(LoggedStart(node, self._uid, attempt))
        self.record.opened.append(Opened(0.0, node, self._command.nonce, 1000 + len(self.record.opened)))
        return self

    def ran(self, node, attempt):
        return self.bound(node, attempt).started(node, attempt)

    def changed(self, **fields):
        self._status = self._status | fields
        return self._add()

    def drained(self):
        return self.changed(phase="Pending", conditions=[{"type": "Scheduled", "reason": "Draining"}])

    def cancelled(self):
        self._cancel = True
        return self._add()

    def ended(self, phase="Succeeded", reason="ExitedZero", **fields):
        return self.changed(phase=phase, completionTime=COMPLETION, conditions=[{"type": "Succeeded", "reason": reason}], **fields)

    def succeeded(self, **fields):
        return self.ended(**{"exitCode": 0, "stdout": self._command.stdout} | fields)

    def deleted(self, time=COMPLETED_AT + 2):
        return self._add(time, deleted=True)

    def created_again(self):
        self._uid = "u-2"
        return self._add()

    def _add(self, time=0.0, deleted=False):
        self.record.versions.append(Version(time, len(self.record.versions), {
            "metadata": {"uid": self._uid}, "spec": self._command.spec | {"cancel": self._cancel}, "status": dict(self._status)}, deleted))
        return self


def broken(command, history, lossy_nodes=frozenset()):
    return {violation.rule for violation in check_command(command, history.record, lossy_nodes)}


GOOD = {
    "it runs": (PLAIN, History().ran("node-a", 1).succeeded()),
    "it is bound and killed before it starts, and runs elsewhere": (
        PLAIN, History().bound("node-a", 1).ran("node-b", 2).succeeded()),
    "it runs twice, in two attempts on one node": (PLAIN, History().ran("node-a", 1).ran("node-a", 2).succeeded()),
    "it dies after its start and before its marker is read": (
        PLAIN, History().bound("node-a", 1).changed(phase="Running").ran("node-b", 2).succeeded()),
    "its executor is lost once, which is too often": (
        ONE_TRY, History(ONE_TRY).ran("node-a", 1).ended("Failed", "ExecutorLost")),
    "it is drained, which doesn't count": (ONE_TRY, History(ONE_TRY).ran("node-a", 1).drained().ran("node-a", 2).succeeded()),
    "it is lost after it was drained": (
        ONE_TRY, History(ONE_TRY).ran("node-a", 1).drained().ran("node-a", 2).ended("Failed", "ExecutorLost")),
    "it is cancelled while it runs": (
        CANCELLED, History(CANCELLED).ran("node-a", 1).cancelled().ended("Cancelled", "Cancelled", stdout="n-1\n")),
    "it is cancelled before it is bound": (CANCELLED, History(CANCELLED).cancelled().ended("Cancelled", "Cancelled")),
    "it ends by itself just when it is cancelled": (PLAIN, History().ran("node-a", 1).cancelled().succeeded()),
    "it times out": (TIMING_OUT, History(TIMING_OUT).ran("node-a", 1).ended("TimedOut", "DeadlineExceeded", stdout="n-1\n")),
    "it expires": (EXPIRING, History(EXPIRING).ran("node-a", 1).succeeded().deleted()),
    "it is deleted while it runs": (DELETED, History(DELETED).ran("node-a", 1).deleted()),
}

# What must not happen, and the rule that has to notice.
BAD = {
    "it was never created": ("created_once", PLAIN, Record),
    "it was created twice": ("created_once", PLAIN, History().ran("node-a", 1).succeeded().deleted().created_again()),
    "one attempt is started twice": ("one_start_per_attempt", PLAIN, History().ran("node-a", 1).started("node-a", 1).succeeded()),
    "one attempt is started twice, and a later one never": (
        "one_start_per_attempt", PLAIN, History().ran("node-a", 1).started("node-a", 1).bound("node-a", 2).succeeded()),
    "a sandbox more than attempts, says the marker alone": (
        "one_start_per_attempt", PLAIN, History().ran("node-a", 1).started("node-a", None).succeeded()),
    "another node starts it": ("starts_where_bound", PLAIN, History().bound("node-a", 1).started("node-b", 1).succeeded()),
    "a node starts a later attempt that is another's": (
        "starts_where_bound", PLAIN, History().bound("node-a", 1).bound("node-b", 2).started("node-a", 2).succeeded()),
    "the result changes": ("end_is_final", PLAIN, History().ran("node-a", 1).succeeded().changed(exitCode=1)),
    "it begins anew after its end": ("end_is_final", PLAIN, History().ran("node-a", 1).succeeded().ran("node-a", 2).succeeded()),
    "a final phase without a completion time": ("end_is_whole", PLAIN, History().ran("node-a", 1).changed(phase="Succeeded")),
    "a completion time without a final phase": ("end_is_whole", PLAIN, History().ran("node-a", 1).changed(completionTime=COMPLETION)),
    "the attempt goes back": ("attempt_only_grows", PLAIN, History().ran("node-a", 2).bound("node-a", 1).succeeded()),
    "another node in the same attempt": ("attempt_only_grows", PLAIN, History().ran("node-a", 1).bound("node-b", 1).succeeded()),
    "another's output": ("result_is_its_own", PLAIN, History().ran("node-a", 1).succeeded(stdout="n-2\n\nn-2 done\n")),
    "another's output before it is cut off": (
        "result_is_its_own", CANCELLED, History(CANCELLED).ran("node-a", 1).cancelled().ended("Cancelled", "Cancelled", stdout="n-2\n")),
    "another exit code": ("result_is_its_own", PLAIN, History().ran("node-a", 1).succeeded(exitCode=1)),
    "a result without a run": ("result_is_its_own", PLAIN, History().bound("node-a", 1).succeeded()),
    "it is lost, though tries are left": ("ends_as_planned", PLAIN, History().ran("node-a", 1).ended("Failed", "ExecutorLost")),
    "it is cancelled by nobody": ("ends_as_planned", PLAIN, History().ran("node-a", 1).ended("Cancelled", "Cancelled")),
    "it runs to its end in spite of the cancellation": (
        "ends_as_planned", CANCELLED, History(CANCELLED).ran("node-a", 1).cancelled().succeeded()),
    "it is bound after it was cancelled": (
        "not_bound_after_cancel", PLAIN, History().cancelled().ran("node-a", 1).succeeded()),
    "it vanishes before its end": ("deleted_when_asked", PLAIN, History().ran("node-a", 1).deleted()),
    "it vanishes after its end": ("deleted_when_asked", PLAIN, History().ran("node-a", 1).succeeded().deleted()),
    "it expires too early": ("deleted_when_asked", EXPIRING, History(EXPIRING).ran("node-a", 1).succeeded().deleted(COMPLETED_AT + 0.5)),
    "it does not expire": ("deleted_when_asked", EXPIRING, History(EXPIRING).ran("node-a", 1).succeeded()),
    "it is stuck": ("is_finished_at_last", PLAIN, History().ran("node-a", 1)),
    "too many tries": ("retries_are_limited", ONE_TRY, History(ONE_TRY).ran("node-a", 1).ran("node-a", 2).succeeded()),
    "too many tries beside a drain": (
        "retries_are_limited", ONE_TRY, History(ONE_TRY).ran("node-a", 1).drained().ran("node-a", 2).ran("node-a", 3).succeeded()),
    "it is lost after nothing but a drain": (
        "ends_as_planned", ONE_TRY, History(ONE_TRY).ran("node-a", 1).drained().ended("Failed", "ExecutorLost")),
    "an attempt is taken from a sound node": ("nobody_is_lost_by_mistake", PLAIN, History().ran("node-b", 1).ran("node-a", 2).succeeded()),
    "a start that no log tells of": ("starts_are_logged", PLAIN, History().bound("node-a", 1).succeeded()),
}
BAD["a start that no log tells of"][2].record.opened.append(Opened(0.0, "node-a", "n-1", 1))


@pytest.mark.parametrize("what", GOOD)
def test_accepts_what_may_happen(what):
    command, history = GOOD[what]
    assert broken(command, history, lossy_nodes={"node-a"}) == set()


@pytest.mark.parametrize("what", BAD)
def test_catches_what_must_not_happen(what):
    rule, command, history = BAD[what]
    record = history() if history is Record else history.record
    assert rule in {violation.rule for violation in check_command(command, record, {"node-a"})}


def test_every_rule_has_something_to_catch():
    assert {rule for rule, _, _ in BAD.values()} == RULES.keys()


def test_a_lost_executor_is_an_excuse_for_its_own_node_only():
    history = History(ONE_TRY).ran("node-a", 1).ended("Failed", "ExecutorLost")
    assert broken(ONE_TRY, history, lossy_nodes={"node-b"}) == {"ends_as_planned"}

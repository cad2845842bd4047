"""The promises, as pure functions over what was recorded. Each rule yields a sentence for each way in which it is broken."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from plans import ENDLESS

CONTROLLERS_FIELDS = ("nodeName", "executor")


@dataclass(frozen=True)
class Violation:
    rule: str
    nonce: str
    text: str

    def __str__(self):
        return f"{self.rule}: {self.nonce}: {self.text}"


def check_command(command, record, lossy_nodes):
    """All that is wrong with what became of one planned command, after everything has settled. An attempt may be taken from
    the executors of `lossy_nodes` only."""
    found = []
    for name, rule in RULES.items():
        if record.versions or rule is created_once:
            found += [Violation(name, command.nonce, text) for text in rule(command, record, lossy_nodes)]
    return found


def created_once(command, record, _):
    uids = {version.uid for version in record.versions}
    if len(uids) != 1:
        yield f"{len(uids)} objects were seen of what was created once"


def _nodes(record):
    """The node of each attempt."""
    return {version.attempt: version.status.get("nodeName") for version in record.versions if version.attempt}


def _tries(record):
    """How many attempts count against spec.retryLimit, and the first: all but those that were handed back by a drain."""
    attempts = {version.attempt for version in record.versions if version.attempt}
    return len(attempts - {version.attempt for version in record.versions if version.is_drained})


def one_start_per_attempt(command, record, _):
    """S1"""
    for (uid, attempt), count in Counter((start.uid, start.attempt) for start in record.starts if start.attempt).items():
        if count > 1:
            yield f"attempt {attempt} of {uid} was started {count} times, says the log"
    highest = max(version.attempt for version in record.versions)
    for what, count in (("was opened", len(record.opened)), ("was started, says the log,", len(record.starts))):
        if count > highest:
            yield f"it {what} {count} times in {highest} attempts"


def starts_where_bound(command, record, _):
    """S2"""
    nodes = _nodes(record)
    bound = Counter(nodes.values())
    for node, count in Counter(opened.node for opened in record.opened).items():
        if count > bound[node]:
            yield f"{node} opened its marker {count} times, and was bound to it {bound[node]} times"
    for start in record.starts:
        if start.attempt and nodes.get(start.attempt) != start.node:
            yield f"{start.node} started attempt {start.attempt}, which was bound to {nodes.get(start.attempt)}"


def starts_are_logged(command, record, _):
    """Two witnesses of the same thing, so that neither is blind."""
    if len(record.opened) > len(record.starts):
        yield f"its marker was opened {len(record.opened)} times, and the logs know {len(record.starts)} starts"


def end_is_final(command, record, _):
    """S3"""
    for before, after in zip(record.versions, record.versions[1:]):
        if before.is_finished and after.status != before.status:
            yield f"its finished status changed from revision {before.revision} to {after.revision}"


def end_is_whole(command, record, _):
    """S3"""
    for version in record.versions:
        if version.is_finished != ("completionTime" in version.status):
            yield f"phase {version.status.get('phase')} and completionTime {version.status.get('completionTime')} at revision {version.revision}"


def attempt_only_grows(command, record, _):
    """S3"""
    for before, after in zip(record.versions, record.versions[1:]):
        if after.attempt < before.attempt:
            yield f"its attempt went from {before.attempt} back to {after.attempt}"
        for name in CONTROLLERS_FIELDS:
            if after.attempt == before.attempt and after.status.get(name) != before.status.get(name):
                yield f"{name} changed within attempt {after.attempt}"


def _ended_by_itself(version):
    return version.reason in ("ExitedZero", "ExitedNonZero")


def result_is_its_own(command, record, _):
    """S4"""
    last = record.last
    if not last.is_finished:
        return
    if _ended_by_itself(last):
        if last.status.get("exitCode") != command.exit_code:
            yield f"exit code {last.status.get('exitCode')} instead of {command.exit_code}"
        if last.status.get("stdout") != command.stdout:
            yield f"stdout {_short(last.status.get('stdout'))} instead of {_short(command.stdout)}"
        if not record.opened:
            yield "a result without a run"
    elif not command.stdout.startswith(last.status.get("stdout", "")):
        yield f"stdout {_short(last.status['stdout'])}, which it can't have written"


def ends_as_planned(command, record, lossy_nodes):
    """S4, S5"""
    last = record.last
    if not last.is_finished:
        return
    phase, reason = last.status["phase"], last.reason
    possible = {("TimedOut", "DeadlineExceeded")} if command.times_out else {
        ("Succeeded", "ExitedZero") if command.exit_code == 0 else ("Failed", "ExitedNonZero")}
    if last.is_cancelled:
        possible.add(("Cancelled", "Cancelled"))
        if _is_endless(command):
            possible -= {("Succeeded", "ExitedZero")}
    if _tries(record) > command.retry_limit and _nodes(record).get(last.attempt) in lossy_nodes:
        possible.add(("Failed", "ExecutorLost"))
    if (phase, reason) not in possible:
        yield f"it ended as {phase} ({reason}) in attempt {last.attempt}; possible was {sorted(possible)}"


def _is_endless(command):
    return command.sleep == ENDLESS and not command.times_out


def not_bound_after_cancel(command, record, _):
    """S5: each binding is guarded by the version that it was decided on, so this one knew."""
    for before, after in zip(record.versions, record.versions[1:]):
        if before.is_cancelled and after.attempt > before.attempt:
            yield f"attempt {after.attempt} was bound although it had been cancelled"


def deleted_when_asked(command, record, _):
    """S5, and nothing is lost: an object goes when its owner deletes it, or when its time is over."""
    last = record.last
    wanted = command.delete_after is not None or (command.ttl is not None and last.is_finished)
    if wanted and not last.deleted:
        yield "it is still there"
    if last.deleted and not wanted:
        yield "it was deleted, and nobody had asked for that"
    if last.deleted and command.delete_after is None and wanted:
        kept = last.time - datetime.fromisoformat(last.status["completionTime"]).timestamp()
        if kept < command.ttl:
            yield f"it was deleted {kept:.2f} s after its end, instead of {command.ttl} s"


def is_finished_at_last(command, record, _):
    """L1"""
    if not record.is_finished:
        yield f"it is still {record.last.status.get('phase')} in attempt {record.last.attempt}"


def retries_are_limited(command, record, _):
    """L1"""
    if _tries(record) > command.retry_limit + 1:
        yield f"{_tries(record)} attempts that count, with a retryLimit of {command.retry_limit}"


def nobody_is_lost_by_mistake(command, record, lossy_nodes):
    nodes = _nodes(record)
    for attempt, node in nodes.items():
        if attempt + 1 in nodes and node not in lossy_nodes:
            yield f"attempt {attempt} was taken from {node}, which nothing had happened to"


RULES = {rule.__name__: rule for rule in (
    created_once, one_start_per_attempt, starts_where_bound, starts_are_logged, end_is_final, end_is_whole, attempt_only_grows,
    result_is_its_own, ends_as_planned, not_bound_after_cancel, deleted_when_asked, is_finished_at_last, retries_are_limited,
    nobody_is_lost_by_mistake)}


def _short(text):
    return repr(text) if text is None or len(text) < 80 else f"{text[:40]!r}…{text[-30:]!r} ({len(text)} characters)"

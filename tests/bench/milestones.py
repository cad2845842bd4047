"""Where the time of one command went, from what the client saw, the API server's audit log, the executor's log and the object itself.
All of them run on one machine and so by one clock. Pure."""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from figures import percentile

# What happens between two milestones.
STAGES = [
    ("sent", "create_arrived", "the creation reaches the API server"),
    ("create_arrived", "stored", "it is validated and stored; a watch shows it"),
    ("stored", "bind_arrived", "the controller decides, its bind reaches the API server"),
    ("bind_arrived", "bound", "the bind is stored; a watch shows it"),
    ("bound", "taken", "the executor takes it and makes that durable"),
    ("taken", "started", "a sandbox, its repository and limits, until the command starts"),
    ("started", "ended", "the command runs, its sandbox is killed, its pipes are read out"),
    ("ended", "report_arrived", "the result is made durable and reaches the API server"),
    ("report_arrived", "visible", "it is stored; a watch shows it"),
]
_CLIENTS = ("sent", "answered", "stored", "bound", "visible")
_TAKEN = re.compile(r"^(\S+) info command starts command=[^/ ]+/(\S+) ")


def nanoseconds(text):
    """Of an RFC 3339 time in UTC, since the epoch."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)


def taken_times(executor_log):
    """{name: when the executor had made durable that it starts the command}, from the lines of its log."""
    return {match[2]: nanoseconds(match[1]) for match in map(_TAKEN.match, executor_log) if match}


@dataclass(frozen=True)
class Request:
    """One about a command, as the API server has audited it; the times in nanoseconds since the epoch."""

    verb: str
    subresource: str
    command: str
    who: str
    arrived: int
    answered: int

    @property
    def kind(self):
        """What it is in the life of a command."""
        if self.verb == "create":
            return "create"
        if (self.verb, self.subresource) == ("patch", "status"):
            return {"fumehood-controller": "bind", "fumehood-executor": "report"}.get(self.who, "other")
        return "other"


def requests_of(audit_log):
    """Those about SandboxCommands that change something, in the order of the lines."""
    requests = []
    for line in audit_log:
        event = json.loads(line)
        about = event.get("objectRef", {})
        if event["stage"] != "ResponseComplete" or about.get("resource") != "sandboxcommands" or event["verb"] in ("get", "list", "watch"):
            continue
        requests.append(Request(event["verb"], about.get("subresource", ""), about.get("name", ""), event["user"]["username"].split(":")[-1],
                                nanoseconds(event["requestReceivedTimestamp"]), nanoseconds(event["stageTimestamp"])))
    return requests


def milestones(seen, taken, requests):
    """{name: {milestone: nanoseconds since the epoch}} of the commands that all sources know. Of several requests of a kind the last counts."""
    of_kind = {(request.kind, request.command): request for request in requests}
    found = {}
    for one in seen:
        times = {name: getattr(one, name) for name in _CLIENTS}
        for kind in ("create", "bind", "report"):
            if request := of_kind.get((kind, one.name)):
                times |= {f"{kind}_arrived": request.arrived, f"{kind}_answered": request.answered}
        if one.name in taken:
            times["taken"] = taken[one.name]
        times |= {"started": nanoseconds(one.status["startTime"]), "ended": nanoseconds(one.status["completionTime"])}
        if all(since in times and until in times for since, until, _ in STAGES):
            found[one.name] = times
    return found


def stage_times(found):
    """[(what, milliseconds of each command)] in the order of STAGES."""
    return [(what, [(times[until] - times[since]) / 1e6 for times in found.values()]) for since, until, what in STAGES]


def summary(values):
    """The figures that stand in the tables."""
    return {"p50": percentile(values, 50), "p95": percentile(values, 95), "p99": percentile(values, 99), "min": min(values), "max": max(values),
            "count": len(values)}

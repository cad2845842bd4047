"""What a proxy shall do to which request: the protocol's steps as patterns, and actions on them."""

import enum
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A kind of request; `body` is searched in what is sent, or, of a watch, in each line that it brings."""

    method: str
    path: str
    body: str = ""

    def matches(self, method, path, body):
        return (re.fullmatch(self.method, method) is not None and re.search(self.path, path) is not None
                and re.search(self.body.encode(), body) is not None)


_STATUS = r"/sandboxcommands/[^/]+/status$"

CONTROLLER_STEPS = {
    "bind": Step("PATCH", _STATUS, '"phase":"Scheduled"'),
    "wait": Step("PATCH", _STATUS, '"phase":"Pending"'),
    "end": Step("PATCH", _STATUS, '"completionTime"'),
    "delete": Step("DELETE", r"/sandboxcommands/[^/]+$"),
    "leader-lease": Step("GET|POST|PUT|PATCH", r"/leases"),
}
EXECUTOR_STEPS = {
    "running": Step("PATCH", _STATUS, '"value":"Running"'),
    "result": Step("PATCH", _STATUS, "/status/completionTime"),
    "hand-back": Step("PATCH", _STATUS, '"value":"Pending"'),
    "executor-lease": Step("POST|PUT|PATCH", r"/leases"),
    "registration": Step("POST|PATCH", r"/sandboxexecutors"),
}
WATCHED = Step("GET", r"/sandboxcommands$")
STEPS = CONTROLLER_STEPS | EXECUTOR_STEPS | {"watch": WATCHED}


class Kind(enum.Enum):
    CUT_BEFORE = "cut-before"  # closed, and the API server never hears of it
    CUT_AFTER = "cut-after"  # done, but the answer never arrives
    DELAY_BEFORE = "delay-before"
    DELAY_AFTER = "delay-after"
    KILL_BEFORE = "kill-before"  # SIGKILL to the sender, as CUT_BEFORE
    KILL_AFTER = "kill-after"  # SIGKILL to the sender, as CUT_AFTER
    ANSWER = "answer"  # with a status of the proxy's own; the API server never hears of it
    # Of a watch, at the line that matches:
    GONE = "gone"  # an ERROR event of 410 in its place, and the end
    CUT_LINE = "cut-line"  # half of it, and closed
    GO_BACK = "go-back"  # the last events come once more after it, the older first, as from an API server that lags
    HOLD = "hold"  # this and all later lines come later


WATCH_KINDS = (Kind.GONE, Kind.CUT_LINE, Kind.GO_BACK, Kind.HOLD)
CALL_KINDS = tuple(kind for kind in Kind if kind not in WATCH_KINDS)


@dataclass(frozen=True)
class Action:
    kind: Kind
    seconds: float = 0
    status: int = 0


class Rule:
    """Acts once: on the `nth` request (or line of a watch) of its step that comes after it was armed."""

    def __init__(self, step, action, nth=1):
        self.step = step
        self.action = action
        self.fired = False
        self._left = nth

    def take(self, method, path, body):
        """The action, where it is this one's turn."""
        if self.fired or not self.step.matches(method, path, body):
            return None
        self._left -= 1
        self.fired = self._left == 0
        return self.action if self.fired else None

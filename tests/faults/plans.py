"""What happens in one fault run, from a seed: the commands, what their owner does to them, and the faults. Pure."""

import random
from dataclasses import dataclass, replace

from rules import CALL_KINDS, WATCH_KINDS, Action, Kind

NODES = ("node-a", "node-b")
CONTROLLERS = ("controller-0", "controller-1")
LEADER = "leader"  # whoever that is when the fault happens
# What the programs are told for these tests, seconds. Short, so that a loss takes seconds.
LEASE, LEADER_LEASE, GRACE = 4, 3, 2
# Clearly longer, and shorter, than the leases.
LONG, SHORT = 6.0, 1.5
# A sleep that only a kill ends within a run.
ENDLESS = 30


@dataclass(frozen=True)
class Command:
    """A SandboxCommand to create, and what is to become of it. Times are seconds since the run began."""

    nonce: str
    name: str
    at: float
    sleep: float = 0
    output: int = 0
    exit_code: int = 0
    timeout: int = 60
    retry_limit: int = 2
    ttl: int | None = None
    node: str | None = None
    cancel_after: float | None = None
    delete_after: float | None = None
    successor: "Command | None" = None  # created under the same name as soon as this one is deleted

    @property
    def stdout(self):
        """All that it writes when nothing stops it."""
        return f"{self.nonce}\n" + "x" * self.output + f"\n{self.nonce} done\n"

    @property
    def times_out(self):
        return self.sleep > self.timeout

    @property
    def spec(self):
        output = f"head -c {self.output} /dev/zero | tr '\\0' x; " if self.output else ""
        spec = {"shell": f"cat marker; {output}sleep {self.sleep}; echo; echo {self.nonce} done; exit {self.exit_code}",
                "repository": {"path": self.nonce}, "timeoutSeconds": self.timeout, "output": {"maxBytes": 262144}, "retryLimit": self.retry_limit}
        if self.ttl is not None:
            spec["ttlSecondsAfterFinished"] = self.ttl
        if self.node is not None:
            spec["nodeSelector"] = {"kubernetes.io/hostname": self.node}
        return spec


@dataclass(frozen=True)
class Kill:
    """SIGKILL, and a new start after `down_for` seconds; with `new_pod` as another pod of the same node, with `lose_ledger`
    on a disk that knows nothing of before."""

    target: str
    at: float
    down_for: float
    new_pod: bool = False
    lose_ledger: bool = False


@dataclass(frozen=True)
class Drain:
    """SIGTERM, and a new start after its end."""

    target: str
    at: float
    down_for: float
    new_pod: bool = False


@dataclass(frozen=True)
class Pause:
    """SIGSTOP, and SIGCONT after `seconds`."""

    target: str
    at: float
    seconds: float


@dataclass(frozen=True)
class Partition:
    """Nothing passes between the target and the API server for `seconds`."""

    target: str
    at: float
    seconds: float


@dataclass(frozen=True)
class CutAll:
    """All connections of the target are closed once."""

    target: str
    at: float


@dataclass(frozen=True)
class Outage:
    """The API server can't be reached, by nobody of ours, for `seconds`."""

    at: float
    seconds: float


@dataclass(frozen=True)
class ApiServerRestart:
    """The API server is killed, and started again."""

    at: float


@dataclass(frozen=True)
class AtStep:
    """`action` on the `nth` request of that step, or line of a watch, that a program of `role` sends or sees."""

    role: str  # "controller" or "executor": whichever is first
    step: str
    action: Action
    nth: int
    down_for: float


@dataclass(frozen=True)
class Plan:
    seed: int
    commands: tuple
    faults: tuple

    @property
    def nodes_that_may_be_lost(self):
        """Where an attempt may be taken away; from all others it would be a mistake."""
        return frozenset().union(*map(_may_lose, self.faults))

    def all_commands(self):
        """With successors."""
        for command in self.commands:
            while command is not None:
                yield command
                command = command.successor


def _may_lose(fault):
    match fault:
        case Kill(target) | Drain(target):
            return {target} & set(NODES)
        case Pause(target, _, seconds) | Partition(target, _, seconds) if seconds > SHORT:
            return {target} & set(NODES)
        case AtStep("executor", _, Action(Kind.KILL_BEFORE | Kind.KILL_AFTER)):
            return set(NODES)
    return set()


def describe(fault):
    match fault:
        case Kill(target, at, down_for, new_pod) | Drain(target, at, down_for, new_pod):
            return (f"{type(fault).__name__.lower()} {target} at {at}s for {down_for}s{' new-pod' if new_pod else ''}"
                    f"{' lose-ledger' if getattr(fault, 'lose_ledger', False) else ''}")
        case Pause(target, at, seconds) | Partition(target, at, seconds):
            return f"{type(fault).__name__.lower()} {target} at {at}s for {seconds}s"
        case CutAll(target, at):
            return f"cut-all {target} at {at}s"
        case Outage(at, seconds):
            return f"outage at {at}s for {seconds}s"
        case ApiServerRestart(at):
            return f"api-server-restart at {at}s"
        case AtStep(role, step, action, nth, down_for):
            detail = {Kind.ANSWER: f" {action.status}", Kind.KILL_BEFORE: f" for {down_for}s", Kind.KILL_AFTER: f" for {down_for}s",
                      Kind.DELAY_BEFORE: f" {action.seconds}s", Kind.DELAY_AFTER: f" {action.seconds}s",
                      Kind.HOLD: f" {action.seconds}s"}.get(action.kind, "")
            return f"{action.kind.value}{detail} {role} {step} #{nth}"


def make_plan(seed):
    """The same seed gives the same plan."""
    chance = random.Random(seed)
    commands = [_command(chance, f"r{seed}-{number}") for number in range(chance.randint(3, 7))]
    faults = [_fault(chance) for _ in range(1 if chance.random() < 0.65 else 2)]
    for fault in list(faults):
        if isinstance(fault, AtStep):
            more_commands, more_faults = _provocation(chance, fault.step, f"r{seed}-{len(commands)}")
            commands += more_commands
            faults += more_faults
    return Plan(seed, tuple(commands), tuple(faults))


def make_command(chance, nonce):
    """For the soak test: one to be created at once."""
    return replace(_command(chance, nonce), at=0)


def make_mild_fault(chance, frail):
    """For the soak test: one that only the component names in `frail` may not survive."""
    while True:
        fault = _fault(chance)
        match fault:
            case AtStep() if fault.action.kind not in (Kind.KILL_BEFORE, Kind.KILL_AFTER):
                return fault
            case CutAll():
                return fault
            case Kill(target) | Drain(target) | Pause(target) | Partition(target) if target in frail:
                return fault


def _seconds(chance, low, high):
    return round(chance.uniform(low, high), 2)


def _moment(chance):
    return _seconds(chance, 0, 1.2)


def _down_for(chance):
    return _seconds(chance, 0.05, 0.8)


def _one_of(chance, weighted):
    """One of the keys, by weight."""
    return chance.choices(list(weighted), list(weighted.values()))[0]


_COMMANDS = {"echo": 4, "sleep": 5, "fail": 2, "large": 2, "cancel": 2, "delete": 1, "recreate": 2, "expire": 2, "time-out": 1}


def _command(chance, name):
    common = {"nonce": name, "name": name, "at": _seconds(chance, 0, 0.5), "retry_limit": chance.choice((0, 1, 2, 2)),
              "node": chance.choice((None, None, None, *NODES))}
    match _one_of(chance, _COMMANDS):
        case "echo":
            return Command(**common)
        case "sleep":
            return Command(**common, sleep=_seconds(chance, 0.3, 1.5))
        case "fail":
            return Command(**common, sleep=_seconds(chance, 0, 0.7), exit_code=chance.randint(1, 99))
        case "large":
            return Command(**common, sleep=_seconds(chance, 0, 0.3), output=chance.randint(10_000, 100_000))
        case "cancel":
            return Command(**common, sleep=chance.choice((0.5, ENDLESS)), cancel_after=_moment(chance))
        case "delete":
            return Command(**common, sleep=chance.choice((0.5, ENDLESS)), delete_after=_moment(chance))
        case "recreate":
            successor = Command(**common | {"nonce": f"{name}-again"}, sleep=_seconds(chance, 0, 0.5))
            return Command(**common, sleep=chance.choice((0, 0.5, ENDLESS)), delete_after=_moment(chance), successor=successor)
        case "expire":
            return Command(**common, sleep=_seconds(chance, 0, 0.3), ttl=chance.choice((0, 0, 1)))
        case "time-out":
            return Command(**common, sleep=ENDLESS, timeout=1)


_STEPS = {
    # role, step: weight, the latest of its kind that is worth waiting for
    ("controller", "bind"): (4, 4),
    ("controller", "wait"): (1, 1),
    ("controller", "end"): (1, 1),
    ("controller", "delete"): (2, 1),
    ("controller", "leader-lease"): (3, 3),
    ("executor", "running"): (2, 2),
    ("executor", "result"): (5, 4),
    ("executor", "hand-back"): (1, 1),
    ("executor", "executor-lease"): (3, 2),
    ("executor", "registration"): (1, 1),
}


def _provocation(chance, step, name):
    """Commands and faults without which that step might not come."""
    command = Command(name, name, at=0.1)
    node = chance.choice(NODES)
    match step:
        case "running":
            return [replace(command, sleep=1)], []
        case "leader-lease" | "executor-lease":
            return [replace(command, sleep=2)], []
        case "delete":
            return [replace(command, ttl=0)], []
        case "wait" | "end":
            return [replace(command, node="nowhere", sleep=ENDLESS, cancel_after=1.3)], []
        case "hand-back":
            return [replace(command, node=node, sleep=GRACE + 1)], [Drain(node, 0.5, _down_for(chance))]
        case "registration":
            return [], [Kill(node, 0.1, 0.05)]
    return [], []


def _write_fault(chance):
    role, step = _one_of(chance, {key: weight for key, (weight, _) in _STEPS.items()})
    action = Action(chance.choice(CALL_KINDS), seconds=_seconds(chance, 0.2, 1), status=chance.choice((429, 500, 503, 504)))
    return AtStep(role, step, action, chance.randint(1, _STEPS[role, step][1]), _down_for(chance))


def _watch_fault(chance):
    return AtStep(chance.choice(("controller", "executor")), "watch", Action(chance.choice(WATCH_KINDS), seconds=_seconds(chance, 0.2, 1)),
                  chance.randint(1, 10), _down_for(chance))


_FAULTS = {
    "write": 40, "watch": 14, "kill executor": 12, "kill controller": 5, "cut all": 6, "short partition": 6, "drain executor": 4,
    "drain controller": 2, "short pause": 3, "long pause": 1.5, "long partition": 1.5, "long kill": 1.5, "two leaders": 2,
    "cut off leader": 1, "outage": 1, "api server": 0.7}


def _fault(chance):
    node = chance.choice(NODES)
    controller = chance.choice((LEADER, LEADER, *CONTROLLERS))
    anybody = chance.choice((node, controller))
    at = _moment(chance)
    new_pod = chance.random() < 0.4
    match _one_of(chance, _FAULTS):
        case "write":
            return _write_fault(chance)
        case "watch":
            return _watch_fault(chance)
        case "kill executor":
            return Kill(node, at, _down_for(chance), new_pod, lose_ledger=chance.random() < 0.15)
        case "kill controller":
            return Kill(controller, at, _down_for(chance))
        case "cut all":
            return CutAll(anybody, at)
        case "short partition":
            return Partition(anybody, at, _seconds(chance, 0.2, SHORT))
        case "drain executor":
            return Drain(node, at, _down_for(chance), new_pod)
        case "drain controller":
            return Drain(controller, at, _down_for(chance))
        case "short pause":
            return Pause(anybody, at, _seconds(chance, 0.2, SHORT))
        case "long pause":
            return Pause(node, at, LONG)
        case "long partition":
            return Partition(node, at, LONG)
        case "long kill":
            return Kill(node, at, LONG, new_pod)
        case "two leaders":
            return Pause(LEADER, at, LONG)
        case "cut off leader":
            return Partition(LEADER, at, LONG)
        case "outage":
            return Outage(at, LONG)
        case "api server":
            return ApiServerRestart(at)

"""What `scripts/bench scale` makes of its figures: what a command costs, and whether the bounds hold."""

from dataclasses import dataclass

from figures import percentile

MOST_MEMORY = 60 * 1024 * 1024  # bytes, of the controller with 10,000 unfinished commands
LEAST_BINDS = 500  # per second, at saturation
MOST_GROWTH = 1.25  # of the controller's CPU per command, from the fewest executors to the most: what counts as flat


@dataclass(frozen=True)
class Usage:
    """CPU seconds of each process in a time, and that time in seconds."""

    cpu: dict
    seconds: float

    def per_command(self, commands):
        """{process: milliseconds}, with all that it did meanwhile."""
        return {name: 1000 * used / commands for name, used in self.cpu.items()}

    def per_command_above(self, idle, commands):
        """{process: milliseconds}, without what it needs when there is nothing to do."""
        return {name: 1000 * (used - idle.cpu[name] / idle.seconds * self.seconds) / commands for name, used in self.cpu.items()}

    def per_second(self):
        """{process: milliseconds of CPU a second}."""
        return {name: 1000 * used / self.seconds for name, used in self.cpu.items()}


def merge(usages):
    """Of several times, one after the other."""
    names = usages[0].cpu.keys()
    return Usage({name: sum(one.cpu[name] for one in usages) for name in names}, sum(one.seconds for one in usages))


def summary(milliseconds):
    return {"p50": percentile(milliseconds, 50), "p95": percentile(milliseconds, 95), "p99": percentile(milliseconds, 99)}


@dataclass(frozen=True)
class Bound:
    what: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def holds(self):
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self):
        side = "at least" if self.at_least else "at most"
        return f"{self.what}: {self.value:.2f}{self.unit}, {side} {self.limit:g}{self.unit}: " + ("holds" if self.holds else "EXCEEDED")


def bounds_of(steps, backlog):
    """Of the steps, from the fewest executors to the most, and of what was measured beside many waiting commands."""
    first, last = steps[0], steps[-1]
    growth = f"from {first['executors']} to {last['executors']} executors"

    def ratio(figure):
        return last[figure]["controller"] / first[figure]["controller"]

    return [
        Bound(f"binds per second with {last['executors']} executors", last["binds_per_second"], LEAST_BINDS, "", at_least=True),
        Bound(f"the controller's CPU per bind, {growth}", ratio("dispatch_cpu"), MOST_GROWTH, " ×"),
        Bound(f"the controller's CPU per command's life, {growth}", ratio("life_cpu"), MOST_GROWTH, " ×"),
        Bound(f"the controller's memory, {backlog['commands']} unfinished commands", backlog["memory_peak"] / 2**20, MOST_MEMORY / 2**20, " MiB"),
    ]

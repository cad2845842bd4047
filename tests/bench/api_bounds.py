"""What a command through the API may cost. Pure."""

from dataclasses import dataclass

from figures import estimate, paired_ratios

API, RUNSC_DO, RUNSC_RUN, DOCKER_RUN, PLAIN, JOB = (
    "SandboxCommand", "runsc do", "runsc run", "docker run --runtime=runsc", "true", "Job, RuntimeClass gvisor")
MIB = 1 << 20


@dataclass(frozen=True)
class Bound:
    """`figure` is what was measured. It holds where the figure is at most, or else at least, `limit`."""

    what: str
    figure: float
    limit: float
    unit: str
    is_floor: bool = False

    @property
    def holds(self):
        return self.figure >= self.limit if self.is_floor else self.figure <= self.limit

    def __str__(self):
        verdict = "holds" if self.holds else "EXCEEDED"
        return f"{self.what:<58} {self.figure:8.3f}{self.unit:<4} {'at least' if self.is_floor else 'at most'} {self.limit:g}{self.unit}: {verdict}"


def ratios_of(times):
    """[(rival, Estimate)]: what ours costs in units of what the rival costs, round by round."""
    return [(rival, estimate(paired_ratios(times[API], times[rival]))) for rival in (RUNSC_DO, RUNSC_RUN, DOCKER_RUN, JOB) if rival in times]


def bounds_of(one_at_a_time, ratios, throughput_ratio, memory):
    """`one_at_a_time`: a summary in milliseconds; `ratios`: of ratios_of; `throughput_ratio`: the median of the rounds; `memory`: bytes by
    what they are."""
    return [
        Bound("created → result visible, one at a time, p50", one_at_a_time["p50"], 20, " ms"),
        Bound("created → result visible, one at a time, p99", one_at_a_time["p99"], 60, " ms"),
        Bound(f"created → result visible, as a part of {RUNSC_DO}", dict(ratios)[RUNSC_DO].median, 0.25, ""),
        Bound("commands per second, as a part of a bare runsc run loop", throughput_ratio, 0.85, "", is_floor=True),
        Bound("memory charged to a warm sandbox that waits", memory["warm sandbox"] / MIB, 17, " MiB"),
        Bound("resident memory of the executor", memory["executor"] / MIB, 30, " MiB"),
    ]

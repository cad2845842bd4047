"""scripts/bench scale: what it makes of its figures, and how it learns what processes use."""

import os
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))

import processes  # noqa: E402
from scale_figures import Bound, Usage, bounds_of, merge, summary  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


def test_cpu_is_that_of_user_and_system():
    stat = f"42 (a) b (c) S 1 42 42 0 -1 4194560 500 0 0 0 {3 * TICK} {TICK // 2} 7 7 20 0 3 0 100 1000 50"

    assert processes.parse_cpu_seconds(stat) == 3.5


def test_memory_now_and_at_most():
    assert processes.parse_memory("Name:\tit\nVmHWM:\t    300 kB\nVmRSS:\t    200 kB\nThreads:\t1\n") == processes.Memory(200 * 1024, 300 * 1024)


def test_a_process_that_runs():
    before = processes.cpu_seconds(os.getpid())
    while processes.cpu_seconds(os.getpid()) < before + 0.05:
        pass
    used = processes.memory(os.getpid())
    assert 0 < used.now <= used.peak


def test_what_a_command_costs():
    usage = Usage({"controller": 3.0}, seconds=10)

    assert usage.per_command(1000) == {"controller": 3.0}
    assert usage.per_command_above(Usage({"controller": 2.0}, seconds=20), 1000) == {"controller": 2.0}
    assert usage.per_second() == {"controller": 300.0}
    assert merge([usage, Usage({"controller": 1.0}, 2)]) == Usage({"controller": 4.0}, 12)


def test_latencies():
    assert summary([*range(1, 101)]) == {"p50": 50, "p95": 95, "p99": 99}


def step(executors, binds_per_second, dispatch, life):
    return {"executors": executors, "binds_per_second": binds_per_second, "dispatch_cpu": {"controller": dispatch, "etcd": 9},
            "life_cpu": {"controller": life, "etcd": 9}}


def verdicts(steps, mebibytes):
    return [bound.holds for bound in bounds_of(steps, {"commands": 10_000, "memory_peak": mebibytes * 2**20})]


def test_the_bounds_are_those_of_the_first_and_the_last_step():
    first, middle, last = step(10, 900, 1.0, 2.0), step(100, 1, 9.0, 9.0), step(1000, 500, 1.25, 2.5)

    assert verdicts([first, middle, last], 60) == [True, True, True, True]


@pytest.mark.parametrize("last,mebibytes,exceeded", [
    (step(1000, 499.9, 1.0, 2.0), 10, 0),
    (step(1000, 500, 1.26, 2.0), 10, 1),
    (step(1000, 500, 1.0, 2.51), 10, 2),
    (step(1000, 500, 1.0, 2.0), 60.1, 3),
])
def test_each_bound_can_be_exceeded(last, mebibytes, exceeded):
    assert verdicts([step(10, 900, 1.0, 2.0), last], mebibytes).index(False) == exceeded


def test_a_bound_says_what_it_is():
    assert str(Bound("binds per second", 499.5, 500, "", at_least=True)) == "binds per second: 499.50, at least 500: EXCEEDED"
    assert str(Bound("memory", 40.0, 60, " MiB")) == "memory: 40.00 MiB, at most 60 MiB: holds"

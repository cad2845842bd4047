"""scripts/bench: what it makes of times, and what it says when a bound is exceeded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))

from figures import Estimate, estimate, paired_ratios, percentile  # noqa: E402
from side_by_side import CannotMeasure, Contender, measure  # noqa: E402


@pytest.mark.parametrize("count,low,high", [(6, 1, 6), (10, 2, 9), (20, 6, 15), (60, 22, 39)])
def test_the_interval_is_that_of_the_tables(count, low, high):
    """Ranks of the 95 % interval of a median, as statistics books have them."""
    assert estimate(range(count, 0, -1)) == Estimate((count + 1) / 2, low, high)


def test_few_values_have_no_interval():
    with pytest.raises(ValueError):
        estimate([1.0] * 5)


def test_what_slows_both_down_does_not_count():
    assert estimate(paired_ratios([2, 20, 200, 2, 2, 2], [1, 10, 100, 1, 1, 1])) == Estimate(2, 2, 2)


def test_percentiles():
    assert [percentile(range(1, 101), percent) for percent in (50, 95, 100)] == [50, 95, 100]
    assert percentile([7], 95) == 7


def test_they_run_in_turn(tmp_path):
    log = tmp_path / "log"
    contenders = [Contender(name, ("sh", "-c", f"echo {name} >>{log}")) for name in "ab"]

    times = measure(contenders, 3, dict(os.environ), tmp_path)

    assert log.read_text().split() == list("ba" "ab" "ba" "ab")
    assert {name: len(seconds) for name, seconds in times.items()} == {"a": 3, "b": 3}


def test_what_fails_is_not_timed(tmp_path):
    with pytest.raises(CannotMeasure, match="no such thing"):
        measure([Contender("a", ("sh", "-c", "echo no such thing >&2; exit 3"))], 3, dict(os.environ), tmp_path)


class TestLocal:
    """tests/bench/local.py with programs that only sleep."""

    @pytest.fixture
    def run(self, tmp_path):
        def run(fumehood_seconds, rival_seconds, backend="$isolation"):
            answer = f'{{"success": true, "isolation": {{"backend": "{backend}", "runtime": "runsc"}}}}'
            script(tmp_path / "fumehood", "for isolation; do case $isolation in --isolation=*) isolation=${isolation#*=}; break ;; esac; done",
                   f"sleep {fumehood_seconds}", "cat <<E", answer, "E")
            script(tmp_path / "runsc", '[ "$1" != --version ] || { echo runsc version release-20260901.0; exit; }', f"sleep {rival_seconds}")
            script(tmp_path / "docker", '[ "$1" != version ] || { echo 28.0; exit; }', f"sleep {rival_seconds}")
            arguments = [f"--program={tmp_path}/fumehood", f"--runsc={tmp_path}/runsc", f"--image={tmp_path}", f"--repository={tmp_path}",
                         f"--home={tmp_path}", "--runs=6", f"--json={tmp_path}/figures.json"]
            return subprocess.run([sys.executable, BENCH / "local.py", *arguments],
                                  env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=False, capture_output=True, text=True)

        return run

    def test_bounds_that_hold(self, run, tmp_path):
        ran = run(fumehood_seconds=0, rival_seconds=0.1)

        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "at most 1.15: holds" in ran.stdout and "EXCEEDED" not in ran.stdout
        figures = json.loads((tmp_path / "figures.json").read_text())
        assert figures["machine"]["runsc"] == "release-20260901.0"
        assert {len(times) for times in figures["milliseconds"].values()} == {6}

    def test_a_bound_that_is_exceeded(self, run):
        ran = run(fumehood_seconds=0.1, rival_seconds=0)

        assert ran.returncode == 1, ran.stdout + ran.stderr
        assert ran.stdout.count("EXCEEDED") == 5

    def test_a_command_that_was_not_isolated(self, run):
        ran = run(fumehood_seconds=0, rival_seconds=0, backend="process")

        assert (ran.returncode, ran.stdout) == (2, "")
        assert "did not run `true` in gVisor" in ran.stderr


def script(path, *lines):
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)

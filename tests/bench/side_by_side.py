"""Commands that are timed in turn, so that whatever else the machine does hits all of them alike."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial

PROGRESS_INTERVAL = 15  # seconds
# What a command leaves behind, such as an engine's work on its container, has ended by then.
SETTLE_TIME = 0.1  # seconds


class CannotMeasure(Exception):
    """A command that is to be timed doesn't do what it is timed for."""


@dataclass(frozen=True)
class Contender:
    """A command to be timed: how it is called in the tables, and what is executed."""

    name: str
    argv: tuple


def run_once(contender, environment, folder):
    """How long it takes, in seconds, from its start until it has been reaped."""
    with tempfile.TemporaryFile() as complaints:
        begun = time.perf_counter()
        process = subprocess.Popen(contender.argv, env=environment, cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaints)
        status = process.wait()
        taken = time.perf_counter() - begun
        if status != 0:
            complaints.seek(0)
            raise CannotMeasure(f"{' '.join(contender.argv)} ended with {status}: {complaints.read().decode(errors='replace')[-2000:]}")
    return taken


def measure(contenders, runs, environment, folder):
    """{name: seconds of each round}, of commands in the same environment and directory; see in_turn."""
    return in_turn({one.name: partial(run_once, one, environment, folder) for one in contenders}, runs, partial(time.sleep, SETTLE_TIME))


def in_turn(timed, runs, settle):
    """{name: seconds of each round} of {name: function that does it once and tells the seconds}. In a round each is called once, in this
    order or, every other time, the other way round: what follows on what is the same for two that stand side by side. Before each
    `settle` is called. A first round doesn't count."""
    times = {name: [] for name in timed}
    told = time.monotonic()
    for number in range(runs + 1):
        for name in timed if number % 2 else reversed(timed):
            settle()
            taken = timed[name]()
            if number > 0:
                times[name].append(taken)
        if time.monotonic() - told >= PROGRESS_INTERVAL:
            told = time.monotonic()
            print(f"measuring … [{number}/{runs}]", file=sys.stderr)
    return times


def load():
    """Of the last minute: processes that ran or wanted to."""
    return os.getloadavg()[0]

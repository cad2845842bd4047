#!/usr/bin/env python3
"""Fault runs against a real control plane, real programs and real sandboxes. See docs/testing-faults.md.

usage: run_faults.py --state DIR [--runs N] [--seed S] [--same] [--junit FILE] [--failures DIR]
"""

import argparse
import asyncio
import random
import signal
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from components import Cluster
from fault_run import FaultRuns
from history import Record, Recorder, describe_record
from plans import make_plan


def report(number, outcome, failures):
    """One line, and what is needed to find out more where something is wrong."""
    seed = outcome.plan.seed
    print(f"{number:4} seed {seed}: {len(outcome.records)} commands, {outcome.seconds:.1f} s, "
          f"{'FAILED' if outcome.violations else 'ok'}: {'; '.join(outcome.faults)}", flush=True)
    if not outcome.violations:
        return
    for nonce, violations in groupby(sorted(outcome.violations, key=attrgetter("nonce")), attrgetter("nonce")):
        print(*violations, *describe_record(outcome.records.get(nonce, Record())), sep="\n       ")
    folder = failures / f"seed-{seed}"
    outcome.save(folder)
    print(f"     all of it: {folder}\n     again: scripts/test faults --seed {seed} --runs 1", flush=True)


class Tally:
    """Of all runs together."""

    # The rules that tell of each of the three, in the words of the summary.
    BROKEN = {
        "lost": {"created_once", "deleted_when_asked"},
        "doubled": {"one_start_per_attempt", "starts_where_bound", "end_is_final"},
        "stuck": {"is_finished_at_last"},
    }

    def __init__(self):
        self._counts = Counter()

    def add(self, outcome):
        for record in outcome.records.values():
            self._counts["commands"] += 1
            self._counts["finished" if record.last and record.last.is_finished else "unfinished"] += 1
            self._counts["several attempts"] += any(version.attempt > 1 for version in record.versions)
        for word, rules in self.BROKEN.items():
            self._counts[word] += len({violation.nonce for violation in outcome.violations if violation.rule in rules})

    def __str__(self):
        count = self._counts
        return (f"{count['commands']} commands: {count['finished']} finished, {count['unfinished']} deleted before; "
                f"{count['lost']} lost, {count['doubled']} doubled, {count['stuck']} stuck; "
                f"{count['several attempts']} had several attempts")


def junit(outcomes):
    suite = ElementTree.Element("testsuite", name="faults")
    for outcome in outcomes:
        case = ElementTree.SubElement(suite, "testcase", classname="faults", name=f"seed {outcome.plan.seed}: {'; '.join(outcome.faults)}",
                                      time=f"{outcome.seconds:.3f}")
        if outcome.violations:
            ElementTree.SubElement(case, "failure").text = "\n".join(map(str, outcome.violations))
    return suite


async def main(arguments):
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    seed = arguments.seed if arguments.seed is not None else random.randrange(1_000_000)
    print(f"{arguments.runs} fault runs from seed {seed}", flush=True)
    outcomes = []
    tally = Tally()
    cluster = Cluster(arguments.state)
    recorder = None
    try:
        await cluster.start()
        recorder = Recorder(cluster)
        await recorder.start()
        runs = FaultRuns(cluster, recorder)
        for number in range(arguments.runs):
            outcomes.append(await runs.run(make_plan(seed if arguments.same else seed + number)))
            report(number + 1, outcomes[-1], arguments.failures or cluster.state / "failures")
            tally.add(outcomes[-1])
            outcomes[-1].records = outcomes[-1].logs = None
    finally:
        if recorder is not None:
            recorder.stop()
        await cluster.stop()
        if arguments.junit:
            ElementTree.ElementTree(junit(outcomes)).write(arguments.junit, encoding="unicode")
    failed = sum(bool(outcome.violations) for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    print(f"{len(outcomes)} fault runs, {failed} failed, {seconds / max(1, len(outcomes)):.1f} s each; {tally}")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, required=True, help="a folder for the cluster")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, help="of the first run; each next one has the next seed")
    parser.add_argument("--same", action="store_true", help="every run has that seed: for what fails only now and then")
    parser.add_argument("--junit", type=Path)
    parser.add_argument("--failures", type=Path, help="a folder for what is kept of failed runs")
    sys.exit(asyncio.run(main(parser.parse_args())))

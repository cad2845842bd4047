#!/usr/bin/env python3
"""Many commands for many minutes, while programs are killed: nothing is lost, and those that live on do not grow.

node-a and controller-0 are killed, drained, paused and cut off again and again. node-b and controller-1 only see lost
connections, errors and broken watches; they are measured, at rest before and after, and under load in between.

usage: soak.py --state DIR [--minutes M] [--seed S] [--junit FILE]
"""

import argparse
import asyncio
import random
import signal
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from statistics import linear_regression, mean

from checker import Violation, check_command
from components import Cluster
from history import Recorder, describe_record
from injection import Injection
from owner import Owner, wait_until
from plans import make_command, make_mild_fault
from process_usage import usage_of

FRAIL, MEASURED = ("node-a", "controller-0"), ("node-b", "controller-1")
COMMANDS_AT_ONCE = 5
LONGEST_COMMAND = 90  # seconds until its end, faults included
WARM_UP_SECONDS = 60
# Connections that are not used any more are closed by then.
REST_SECONDS = 45
SAMPLE_SECONDS = 2
FAULT_PAUSE_SECONDS = (3, 12)
# How far descriptors and threads at rest may differ, and how much memory may grow from the second quarter of the load to the last.
SLACK = 2
RSS_SLACK_KIB = 4096


class Soak:
    def __init__(self, cluster, recorder, seed):
        self._cluster = cluster
        self._recorder = recorder
        self._owner = Owner(cluster, recorder)
        self._chance = random.Random(seed)
        self._numbers = iter(range(sys.maxsize))
        self._nodes = frozenset(FRAIL)
        self._loaded = False
        self.created = self.ended = self.faults = 0
        self.violations = []

    async def load(self, seconds, on_sample=lambda usages: None):
        """Commands and faults for that long; returns when the last command has ended."""
        self._loaded = True
        workers = [asyncio.ensure_future(self._work()) for _ in range(COMMANDS_AT_ONCE)]
        disturber = asyncio.ensure_future(self._disturb())
        end = time.monotonic() + seconds
        told = time.monotonic()
        while time.monotonic() < end:
            await asyncio.sleep(SAMPLE_SECONDS)
            on_sample(self.usages())
            self._recorder.check_alive()
            if time.monotonic() - told > 60:
                told = time.monotonic()
                print(f"{(end - told) / 60:5.1f} min left: {self.ended} commands, {self.faults} faults, {len(self.violations)} violations; "
                      f"{'; '.join(f'{name} {usage}' for name, usage in self.usages().items())}", flush=True)
        self._loaded = False
        await asyncio.gather(disturber, *workers)

    async def rest(self):
        """What the measured programs use when there has been nothing to do for a while."""
        await asyncio.sleep(REST_SECONDS)
        return self.usages()

    def usages(self):
        return {name: usage_of(self._cluster.components[name].program.pid) for name in MEASURED}

    async def _work(self):
        while self._loaded:
            plan = make_command(self._chance, f"s{next(self._numbers)}")
            commands = [plan, *([plan.successor] if plan.successor else [])]
            self.created += len(commands)
            await self._owner.carry_out(plan)
            await wait_until(lambda: all(map(self._owner.has_its_end, commands)), LONGEST_COMMAND)
            self._recorder.read_logs()
            for command in commands:
                record = self._recorder.records[command.nonce]
                found = check_command(command, record, self._nodes)
                self.ended += record.is_finished
                if found:
                    print(*found, *describe_record(record), sep="\n    ", flush=True)
                self.violations += found
            await self._owner.remove(commands)
            for component in self._cluster.components.values():
                component.proxy.writes.clear()
            self.violations += [Violation("crashes", "cluster", crash) for crash in self._cluster.take_crashes()]

    async def _disturb(self):
        while self._loaded:
            await asyncio.sleep(self._chance.uniform(*FAULT_PAUSE_SECONDS))
            injection = Injection(self._cluster, [make_mild_fault(self._chance, FRAIL)])
            await injection.run()
            await wait_until(lambda: all(rule.fired for rule in injection.rules), 2)
            await injection.heal()
            self.faults += 1


def judge(soak, before, after, samples):
    """(what is promised, what speaks against it) in turn."""
    yield "every command is accounted for", [] if soak.created == soak.ended else [f"{soak.created} created, {soak.ended} ended"]
    yield "no rule is broken", [str(violation) for violation in soak.violations]
    for name in MEASURED:
        yield f"{name} lives on", [f"{before[name]} became {after[name]}"] if before[name].pid != after[name].pid else []
        for what in ("descriptors", "threads"):
            was, now = getattr(before[name], what), getattr(after[name], what)
            yield f"{what} of {name} return to where they were", [f"{was} before, {now} after"] if abs(now - was) > SLACK else []
        kib = [sample[name].rss_kib for sample in samples]
        quarter = max(1, len(kib) // 4)
        growth = mean(kib[-quarter:]) - mean(kib[quarter:2 * quarter] or kib)
        slope = linear_regression(range(len(kib)), kib).slope * 60 / SAMPLE_SECONDS if len(kib) > 1 else 0
        print(f"{name}: at rest {before[name]}, then {after[name]}; under load {growth:+.0f} KiB from the second quarter to the last, "
              f"linear fit {slope:+.1f} KiB/min over {len(kib)} samples")
        yield f"memory of {name} does not grow", [f"{growth:.0f} KiB more than in the second quarter"] if growth > RSS_SLACK_KIB else []


async def main(arguments):
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    seed = arguments.seed if arguments.seed is not None else random.randrange(1_000_000)
    print(f"soak of {arguments.minutes:g} minutes, seed {seed}", flush=True)
    cluster = Cluster(arguments.state)
    recorder = None
    try:
        await cluster.start()
        await cluster.wait_ready()
        recorder = Recorder(cluster)
        await recorder.start()
        soak = Soak(cluster, recorder, seed)
        # The lease goes to the controller that is measured, and everything has been used once.
        cluster.components["controller-0"].program.kill()
        await soak.load(WARM_UP_SECONDS)
        before = await soak.rest()
        samples = []
        started = time.monotonic()
        await soak.load(arguments.minutes * 60, samples.append)
        minutes = (time.monotonic() - started) / 60
        after = await soak.rest()
    finally:
        if recorder is not None:
            recorder.stop()
        await cluster.stop()
    suite = ElementTree.Element("testsuite", name="soak")
    failed = 0
    for promise, against in judge(soak, before, after, samples):
        case = ElementTree.SubElement(suite, "testcase", classname="soak", name=promise)
        if against:
            failed += 1
            ElementTree.SubElement(case, "failure").text = "\n".join(against)
            print(f"FAILED {promise}:", *against[:20], sep="\n    ")
    if arguments.junit:
        ElementTree.ElementTree(suite).write(arguments.junit, encoding="unicode")
    print(f"{soak.created} commands created, {soak.ended} ended, {soak.faults} faults, {soak.ended / minutes / 60:.1f} commands/s, "
          f"{failed} promises broken")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, required=True, help="a folder for the cluster")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--junit", type=Path)
    sys.exit(asyncio.run(main(parser.parse_args())))

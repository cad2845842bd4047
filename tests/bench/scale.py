#!/usr/bin/env python3
"""Measures how the controller scales, with a real etcd and kube-apiserver and with executors that are simulated.

usage: scale.py --state DIR --controller PROGRAM --simulator PROGRAM [--commands N] [--executors N,N,…] [--json FILE]

--state is the folder of a cluster with neither controller nor executors. 0: every bound holds; 1: one is exceeded; 2: it
couldn't be measured. docs/benchmarks.md says what each figure means.
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

from processes import cpu_seconds, describe_machine, memory
from scale_figures import Usage, bounds_of, merge, summary
from scale_parts import Administrator, CannotMeasure, Controller, Simulator, pid_of

SLOTS = 1024  # of each executor: ten of them must be able to take a whole round
ROUND = 10_000  # commands at most that wait for the controller's start
UNFINISHED = 10_000  # commands that nobody can take
NOBODY = {"bench.fumehood.dev/nobody": "here"}
LIVES, LIVES_PER_SECOND = 1_000, 40
CLIENTS = 4
IDLE_TIME = 20  # seconds; two of the controller's periodic looks at everything are in it
# After its end a command is looked at once more, for its time to live; this is over by then.
AFTERMATH = 8  # seconds
SETTLE_TIME = 5  # seconds
PATIENCE = 1800  # seconds
LOOK_TIME = 10  # seconds


class Bench:
    def __init__(self, state, controller, simulator):
        self.controller = Controller(controller, state)
        self.simulator = Simulator(simulator, state)
        self._administrator = Administrator(state)
        self._pids = {"api server": pid_of(state, "kube-apiserver"), "etcd": pid_of(state, "etcd"), "simulator": self.simulator.pid}
        self._executors = 0
        self._created = 0

    def cpu(self):
        return {name: cpu_seconds(pid) for name, pid in {"controller": self.controller.pid, **self._pids}.items()}

    def _since(self, cpu, begun):
        now = self.cpu()
        return Usage({name: now[name] - cpu[name] for name in now}, time.monotonic() - begun)

    def _create(self, count, per_second=0, node_selector=None):
        self._created += 1
        return self.simulator.ask("create", prefix=f"c{self._created}", count=count, clients=CLIENTS, per_second=per_second,
                                  node_selector=node_selector or {})

    def _await(self, stage, count):
        """Looks now and then whether the controller is still there: without it nothing would ever come."""
        deadline = time.monotonic() + PATIENCE
        while (answer := self.simulator.ask("await", stage=stage, count=count, seconds=LOOK_TIME))["count"] < count:
            if self.controller.pid and time.monotonic() > deadline:
                raise CannotMeasure(f"of {count} commands only {answer['count']} were {stage} after {PATIENCE} s")
        return answer

    def idle(self):
        cpu, begun = self.cpu(), time.monotonic()
        time.sleep(IDLE_TIME)
        return self._since(cpu, begun)

    def lives(self, idle):
        """Commands that come at a rate which everybody can keep up with, from their creation until they lie there finished."""
        self.simulator.ask("forget")
        cpu, begun = self.cpu(), time.monotonic()
        self._create(LIVES, per_second=LIVES_PER_SECOND)
        self._await("finished", LIVES)
        time.sleep(AFTERMATH)
        usage = self._since(cpu, begun)
        bind, result = (self.simulator.ask("latencies", stage=stage)["milliseconds"] for stage in ("bound", "finished"))
        return {"bind_milliseconds": bind, "result_milliseconds": result, "bind_latency": summary(bind), "result_latency": summary(result),
                "life_cpu": usage.per_command_above(idle, LIVES), "life_cpu_with_idle": usage.per_command(LIVES)}

    def dispatch_round(self, count):
        """A controller that starts finds `count` commands, and binds them; no result is written before the last is bound."""
        self.controller.stop()
        self.simulator.ask("forget")
        self.simulator.ask("hold")
        created = self._create(count)["seconds"]
        self.controller.start()
        first = self._await("bound", 1)
        cpu, begun = self.cpu(), time.monotonic()
        last = self._await("bound", count)
        usage, bound = self._since(cpu, begun), last["count"] - first["count"]
        peak = memory(self.controller.pid).peak
        self.simulator.ask("release")
        self._await("finished", count)
        results = self.simulator.ask("await", stage="finished", count=0, seconds=1)["at"] - last["at"]
        self._administrator.delete_commands()
        return {"usage": usage, "bound": bound, "seconds": last["at"] - first["at"], "memory_peak": peak, "created_per_second": count / created,
                "results_per_second": count / results}

    def dispatch(self, count):
        rounds = [self.dispatch_round(min(ROUND, count - begin)) for begin in range(0, count, ROUND)]
        bound = sum(one["bound"] for one in rounds)
        return {"dispatched": count, "binds_per_second": bound / sum(one["seconds"] for one in rounds),
                "dispatch_cpu": merge([one["usage"] for one in rounds]).per_command(bound),
                "dispatch_memory_peak": max(one["memory_peak"] for one in rounds),
                "created_per_second": [one["created_per_second"] for one in rounds],
                "results_per_second": [one["results_per_second"] for one in rounds]}

    def step(self, executors, count):
        self.controller.stop()
        tell(f"{executors} executors: registering …")
        self.simulator.ask("start-executors", count=executors - self._executors, slots=SLOTS)
        self._executors = executors
        self.controller.start()
        time.sleep(SETTLE_TIME)
        idle = self.idle()
        tell(f"{executors} executors: {LIVES} commands, {LIVES_PER_SECOND} a second …")
        lives = self.lives(idle)
        resident = memory(self.controller.pid).now
        self._administrator.delete_commands()
        tell(f"{executors} executors: {count} commands as fast as they are bound …")
        return {"executors": executors, "idle_cpu": idle.per_second(), "memory": resident} | lives | self.dispatch(count)

    def backlog(self):
        """What it means that many commands wait which nobody can take."""
        self.controller.stop()
        self.controller.start()
        time.sleep(SETTLE_TIME)
        tell(f"{UNFINISHED} commands that nobody can take …")
        before = memory(self.controller.pid).now
        self.simulator.ask("forget")
        self._create(UNFINISHED, node_selector=NOBODY)
        self._await("waiting", UNFINISHED)
        time.sleep(SETTLE_TIME)
        idle = self.idle()
        resident = memory(self.controller.pid).now
        tell(f"beside them {LIVES} commands, {LIVES_PER_SECOND} a second …")
        lives = self.lives(idle)
        after = memory(self.controller.pid)
        return {"executors": self._executors, "commands": UNFINISHED, "memory_before": before, "memory": max(resident, after.now),
                "memory_peak": after.peak, "idle_cpu": idle.per_second()} | lives


def tell(text):
    print(text, file=sys.stderr)


def per_process(figures):
    return " + ".join(f"{name} {figures[name]:.2f}" for name in ("controller", "api server", "etcd", "simulator"))


def print_lives(one):
    for name, figure in (("bound", "bind_latency"), ("result seen", "result_latency")):
        latency = one[figure]
        print(f"  asked for → {name:<12} p50 {latency['p50']:7.1f} ms   p95 {latency['p95']:7.1f} ms   p99 {latency['p99']:7.1f} ms")
    print(f"  ms of CPU per command:    {per_process(one['life_cpu'])}")
    print(f"  ms of CPU a second, idle: {per_process(one['idle_cpu'])}")


def print_step(step):
    print(f"{step['executors']} executors, {LIVES} commands at {LIVES_PER_SECOND} a second")
    print_lives(step)
    print(f"  {step['dispatched']} commands at once: {step['binds_per_second']:.0f} bound a second")
    print(f"  ms of CPU per bind:       {per_process(step['dispatch_cpu'])}")
    print(f"  the controller's memory:  {step['memory'] / 2**20:.1f} MiB, at most {step['dispatch_memory_peak'] / 2**20:.1f} MiB at once\n", flush=True)


def print_backlog(backlog):
    print(f"{backlog['executors']} executors, {backlog['commands']} waiting commands, and {LIVES} at {LIVES_PER_SECOND} a second")
    print_lives(backlog)
    each = (backlog["memory"] - backlog["memory_before"]) / backlog["commands"]
    print(f"  the controller's memory:  {backlog['memory_before'] / 2**20:.1f} MiB before, {backlog['memory'] / 2**20:.1f} MiB with them "
          f"({each / 1024:.1f} KiB each), at most {backlog['memory_peak'] / 2**20:.1f} MiB\n", flush=True)


def load():
    return os.getloadavg()[0]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("--state", "--controller", "--simulator"):
        parser.add_argument(option, type=Path, required=True)
    parser.add_argument("--commands", type=int, default=9_000)
    parser.add_argument("--executors", default="10,100,1000")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    arguments.executors = [int(number) for number in arguments.executors.split(",")]
    if sorted(set(arguments.executors)) != arguments.executors or arguments.executors[0] < ROUND / SLOTS:
        parser.error(f"--executors: numbers that grow, the first at least {ROUND / SLOTS:.0f}")
    if arguments.commands < 100 * len(arguments.executors):
        parser.error(f"--commands {arguments.commands}: fewer than 100 for each number of executors say nothing")
    return arguments


def measure(bench, executors, commands):
    """The figures of each number of executors, and of the backlog, which are also printed as soon as they are there."""
    steps = []
    for number in executors:
        steps.append(bench.step(number, -(-commands // len(executors))))
        print_step(steps[-1])
    backlog = bench.backlog()
    print_backlog(backlog)
    return steps, backlog


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with us
    machine = describe_machine() | {"load_before": load()}
    print(f"{machine['cores']} cores of {machine['processor']}, Linux {machine['kernel']}; load {machine['load_before']:.1f} before\n", flush=True)
    bench = Bench(arguments.state, arguments.controller, arguments.simulator)
    try:
        steps, backlog = measure(bench, arguments.executors, arguments.commands)
        refused = bench.simulator.ask("problems")["refused_results"]
    finally:
        try:
            bench.controller.stop()
        finally:
            bench.simulator.stop()
    machine["load_after"] = load()
    bounds = bounds_of(steps, backlog)
    for bound in bounds:
        print(bound)
    print(f"load {machine['load_after']:.1f} after; {refused} results were refused and written again")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "steps": steps, "backlog": backlog, "refused_results": refused,
                                              "bounds": [vars(bound) | {"holds": bound.holds} for bound in bounds]}, indent=1) + "\n")
    return 0 if all(bound.holds for bound in bounds) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotMeasure as reason:
        print(f"{Path(sys.argv[0]).name}: {reason}", file=sys.stderr)
        sys.exit(2)

#!/usr/bin/env python3
"""Measures a command through the Kubernetes API: where its time goes, how many there are per second, and what they cost.

usage: api.py --cluster STATE --runsc RUNSC --image DIR --repository DIR --home DIR [--runs N] [--seconds S] [--rounds R]
              [--job KUBECONFIG [--job-image NAME]] [--json FILE] [--plot FILE.svg]

STATE is the folder of a cluster of scripts/dev, whose exports are in the environment, as are those of scripts/docker-engine. Nothing
else may use the cluster. 0: every bound holds; 1: one is exceeded; 2: it couldn't be measured.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

import bare_runsc
from api_bounds import API, DOCKER_RUN, JOB, PLAIN, RUNSC_DO, RUNSC_RUN, bounds_of, ratios_of
from api_report import print_report
from evidence import Evidence
from figures import FEWEST
from job import Jobs
from kubernetes_api import Server, Watch
from local import answer_of, describe_machine
from milestones import milestones, stage_times, summary
from sandbox_commands import SandboxCommands
from side_by_side import CannotMeasure, Contender, in_turn, load, run_once
from traffic import Traffic, per_command
from usage import Parts, resident, used

OUTSTANDING = (1, 2, 4, 8, 16)
# At saturation so many commands wait or run: more than there are slots, so that none is ever free.
SATURATION = 8
BARE_LOOPS = 2
# What comes before is not counted: sandboxes that were started before the commands came are used up in it.
LEAD_IN = 5  # seconds


def say(what):
    print(f"measuring: {what}", file=sys.stderr)


class Quiet:
    """Waits until the sandboxes that the last command has cost are there again: until none of them was started or ended, and they used
    hardly any CPU, for a while."""

    WHILE = 0.1  # seconds
    HARDLY_ANY = 0.01  # seconds of CPU in it
    LIMIT = 60  # seconds

    def __init__(self, cgroups):
        self._cgroups = cgroups

    def __call__(self):
        end = time.monotonic() + self.LIMIT
        before = None
        while time.monotonic() < end:
            now = (set(self._cgroups.sandboxes()), self._cgroups.cpu_seconds())
            if before and before[0] == now[0] and now[1] - before[1] < self.HARDLY_ANY:
                return
            before = now
            time.sleep(self.WHILE)
        raise CannotMeasure(f"the sandboxes do not come to rest within {self.LIMIT} s")


def check_that_it_isolates(seen):
    """The time of a command that didn't run where it should, or without a limit, would be nobody's."""
    status = seen.status
    isolation = status.get("isolation", {})
    lacking = {"cpu", "memory", "pids", "scratch"} - set(status.get("resources", {}))
    if (isolation.get("runtime"), isolation.get("platform"), isolation.get("network")) != ("runsc", "systrap", "none") or lacking:
        raise CannotMeasure(f"the command did not run as it should: {status}")


def probe_client(server, namespace, count, pause):
    """What the client itself and the API server cost where there is nothing to do: milliseconds of a request that is answered at once, and
    from the creation of a ConfigMap until a watch has brought it; and milliseconds of the client's own CPU for the latter."""
    connection = server.connect()
    requests, watched, arrivals = [], [], {}
    for _ in range(count):
        begun = time.perf_counter()
        connection.request("GET", "/version")
        requests.append((time.perf_counter() - begun) * 1000)
    collection = f"/api/v1/namespaces/{namespace}/configmaps"
    watch = Watch(server, collection, lambda received, event: arrivals.setdefault(event["object"]["metadata"]["name"], received))
    cpu = time.process_time()
    for number in range(count):
        name = f"probe-{number}"
        sent = time.time_ns()
        connection.json("POST", collection, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
        time.sleep(pause)
        if name not in arrivals:
            raise CannotMeasure(f"the ConfigMap {name} was not seen within {pause} s")
        watched.append((arrivals[name] - sent) / 1e6)
    cpu = (time.process_time() - cpu) * 1000 / count
    watch.close()
    connection.close()
    return {"request": requests, "create and watch": watched, "client cpu": cpu}


def memory_of(parts):
    """Bytes, while nothing runs."""
    charged = list(parts.cgroups.sandboxes().values())
    if not charged:
        raise CannotMeasure("no warm sandbox waits")
    return {"warm sandbox": statistics.fmean(charged), "warm sandboxes": charged,
            **{name: resident(pids) for name, pids in parts.families.items()}}


def one_at_a_time(commands, count, quiet, evidence):
    """Each on a cluster at rest."""
    evidence.forget()
    seen = commands.run_one_at_a_time(count, quiet)
    taken, requests = evidence.read({one.name for one in seen})
    found = milestones(seen, taken, requests)
    if len(found) < count * 0.9:
        raise CannotMeasure(f"of {count} commands only {len(found)} are in the logs")
    return {
        "milliseconds": [1000 * one.latency for one in seen],
        "created": [(one.answered - one.sent) / 1e6 for one in seen],
        "warm": sum(one.status.get("warm", False) for one in seen),
        "milestones": found,
        "stages": stage_times(found),
        "requests": {kind: [(times[f"{kind}_answered"] - times[f"{kind}_arrived"]) / 1e6 for times in found.values()]
                     for kind in ("create", "bind", "report")},
        "writes": len([one for one in requests if one.kind != "other"]) / count,
        "other writes": len([one for one in requests if one.kind == "other"]) / count,
    }


def side_by_side(arguments, commands, server, environment, quiet, jobs):
    """{name: seconds of each round}."""
    connection = server.connect()
    runsc = (str(arguments.runsc), "--platform=systrap", "--network=none")

    def by_hand(name, *argv):
        return partial(run_once, Contender(name, argv), environment, arguments.repository)
    timed = {
        PLAIN: by_hand(PLAIN, "true"),
        API: lambda: commands.run(connection).latency,
        RUNSC_DO: by_hand(RUNSC_DO, *runsc, "do", "-quiet", "true"),
        DOCKER_RUN: by_hand(DOCKER_RUN, "docker", "run", "--rm", "--runtime=runsc", "--network=none", "--pull=never", "busybox", "true"),
    }
    if jobs:
        timed[JOB] = jobs.run_once
    with bare_runsc.bundle(arguments.home / "bundle", arguments.image) as folder:
        timed[RUNSC_RUN] = lambda: bare_runsc.run_once(bare_runsc.run_argv(arguments.runsc, folder, bare_runsc.next_name()))
        times = in_turn(timed, arguments.runs, quiet)
    connection.close()
    return times


def with_outstanding(commands, outstanding, seconds):
    """Closed loops: whoever has a result creates the next one."""
    began = time.time_ns()
    seen = [one for one in commands.keep_running(outstanding, seconds) if one.sent - began >= LEAD_IN * 1e9]
    return {"milliseconds": [1000 * one.latency for one in seen], "warm": sum(one.status.get("warm", False) for one in seen),
            "per second": per_second([(one.visible - began) / 1e9 for one in seen], seconds)}


def per_second(ends, seconds):
    """How many ended between the lead-in and the end; `ends`: seconds since the beginning."""
    return sum(LEAD_IN <= end < seconds for end in ends) / (seconds - LEAD_IN)


def throughput(arguments, commands, parts, traffic, quiet, folder):
    """Rounds of the API and of bare loops of the bundle in `folder`, each for the same time, in one order and then the other."""
    seconds = arguments.seconds + LEAD_IN
    try:
        confinement = bare_runsc.Confinement(Path("/proc/self/mountinfo").read_text())
    except CannotMeasure as reason:
        say(f"no bare loop within limits: {reason}")
        confinement = None

    def ours():
        # The asking for metrics costs CPU itself, and so stands outside.
        sent, stock, cpu, began = traffic.snapshot(), len(parts.cgroups.sandboxes()), parts.snapshot(), time.time_ns()
        seen = commands.keep_running(SATURATION, seconds)
        spent, carried = used(cpu, parts.snapshot()), per_command(sent, traffic.snapshot(), len(seen))
        return {"per second": per_second([(one.visible - began) / 1e9 for one in seen], seconds), "commands": len(seen), "cpu": spent,
                "traffic": carried | {"client sent bytes": statistics.fmean(one.request_bytes for one in seen),
                                      "client received bytes": statistics.fmean(one.answer_bytes for one in seen)},
                "cold": sum(not one.status.get("warm", False) for one in seen), "sandboxes": [stock, len(parts.cgroups.sandboxes())]}

    def bare(**more):
        before = parts.snapshot()
        ends = bare_runsc.keep_running(arguments.runsc, folder, BARE_LOOPS, seconds, **more)
        return {"per second": per_second(ends, seconds), "commands": len(ends), "cpu": used(before, parts.snapshot())}

    contenders = {"bare": bare, "ours": ours} | ({"bare, limited": partial(bare, run=confinement.run)} if confinement else {})
    rounds = {name: [] for name in contenders}
    for number in range(arguments.rounds):
        for name in contenders if number % 2 == 0 else reversed(contenders):
            quiet()
            say(f"commands per second, {name}, {seconds} s [{number + 1}/{arguments.rounds}]")
            rounds[name].append(contenders[name]())
    return rounds


def measure(arguments, environment):
    server = Server(arguments.cluster / "kubeconfig")
    parts = Parts({name: int((arguments.cluster / "run" / f"{name}.pid").read_text().split()[0])
                   for name in ("controller", "executor", "kube-apiserver", "etcd")})
    traffic = Traffic(server, {"controller": os.environ["FUMEHOOD_CONTROLLER_METRICS"], "executor": os.environ["FUMEHOOD_EXECUTOR_METRICS"]})
    evidence = Evidence(arguments.cluster / "logs")
    quiet = Quiet(parts.cgroups)
    namespace = f"bench-{time.time_ns():x}"
    commands = SandboxCommands(server, namespace)
    jobs = Jobs(arguments.job, arguments.job_image) if arguments.job else None
    for one in commands.run_one_at_a_time(3, quiet):
        check_that_it_isolates(one)
    machine = describe_machine(arguments, environment) | {"load_before": load(), "state_on": file_system_of(arguments.cluster)}
    figures = {"machine": machine, "runs": arguments.runs, "seconds": arguments.seconds}
    quiet()
    say("the client and the API server alone")
    figures["probe"] = probe_client(server, namespace, 50, 0.1)
    figures["memory"] = memory_of(parts)
    say(f"one at a time, {2 * arguments.runs} commands")
    figures["one at a time"] = one_at_a_time(commands, 2 * arguments.runs, quiet, evidence)
    say(f"side by side, {arguments.runs} rounds")
    figures["side by side"] = side_by_side(arguments, commands, server, environment, quiet, jobs)
    figures["outstanding"] = {}
    for outstanding in OUTSTANDING:
        quiet()
        say(f"{outstanding} outstanding, {arguments.seconds + LEAD_IN} s")
        figures["outstanding"][outstanding] = with_outstanding(commands, outstanding, arguments.seconds + LEAD_IN)
    with bare_runsc.bundle(arguments.home / "bundle", arguments.image) as folder:
        figures["throughput"] = throughput(arguments, commands, parts, traffic, quiet, folder)
    figures["memory at the end"] = {name: resident(pids) for name, pids in parts.families.items()}
    machine["load_after"] = load()
    commands.close()
    if jobs:
        jobs.close()
    return figures


def file_system_of(path):
    return answer_of(["findmnt", "--noheadings", "--output=FSTYPE", "--target", str(path)], dict(os.environ))


def judge(figures):
    ratios = ratios_of(figures["side by side"])
    rounds = figures["throughput"]
    of_bare = statistics.median(ours["per second"] / bare["per second"] for ours, bare in zip(rounds["ours"], rounds["bare"], strict=True))
    memory = {"warm sandbox": figures["memory"]["warm sandbox"],
              "executor": max(figures[when]["executor"] for when in ("memory", "memory at the end"))}
    return ratios, bounds_of(summary(figures["one at a time"]["milliseconds"]), ratios, of_bare, memory)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("--cluster", "--runsc", "--image", "--repository", "--home"):
        parser.add_argument(option, type=Path, required=True)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--job", type=Path, metavar="KUBECONFIG")
    parser.add_argument("--job-image", default="busybox")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    for name, fewest in (("runs", FEWEST), ("seconds", 5), ("rounds", 1)):
        if getattr(arguments, name) < fewest:
            parser.error(f"--{name} {getattr(arguments, name)}: {fewest} are the fewest")
    return arguments


def main():
    arguments = parse_arguments()
    environment = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("DOCKER_")}
    figures = measure(arguments, environment | {"HOME": str(arguments.home)})
    ratios, bounds = judge(figures)
    print_report(figures, ratios, bounds)
    figures["ratios"] = {rival: asdict(ratio) for rival, ratio in ratios}
    figures["bounds"] = [asdict(bound) | {"holds": bound.holds} for bound in bounds]
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    if arguments.plot:
        from api_plot import draw  # its library is not everybody's
        draw(figures, arguments.plot)
    return 0 if all(bound.holds for bound in bounds) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (CannotMeasure, OSError, subprocess.SubprocessError) as reason:
        print(f"{Path(sys.argv[0]).name}: {reason}", file=sys.stderr)
        sys.exit(2)

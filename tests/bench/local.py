#!/usr/bin/env python3
"""Compares `fumehood run` with what it stands on: gVisor's own `runsc do`, and `docker run` with gVisor.

usage: local.py --program FUMEHOOD --runsc RUNSC --image DIR --repository DIR --home DIR [--runs N] [--json FILE]

Docker's command line is the one on the PATH, its engine the one that $DOCKER_HOST names; HOME is the programs' own, so that
nothing of the caller's plays a part. 0: every bound holds; 1: one is exceeded; 2: it couldn't be measured.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from figures import FEWEST, estimate, paired_ratios, percentile
from side_by_side import CannotMeasure, Contender, load, measure


@dataclass(frozen=True)
class Comparison:
    """What ours may cost, in units of what the rival costs; None: whatever it does."""

    ours: str
    rival: str
    at_most: float | None


PLAIN, RUNSC_DO, RUNSC_DO_LEAN, DOCKER_RUN = "true", "runsc do", "runsc do, --ignore-cgroups", "docker run --runtime=runsc"
RUNSC, RUNSC_IMAGE, RUNSC_JSON = "fumehood, runsc", "fumehood, runsc, --image", "fumehood, runsc, --json"
DOCKER, DOCKER_JSON, PROCESS = "fumehood, docker", "fumehood, docker, --json", "fumehood, process"

COMPARISONS = [
    Comparison(RUNSC, RUNSC_DO, 1.15),
    Comparison(RUNSC_IMAGE, RUNSC_DO, 1.15),
    Comparison(RUNSC_JSON, RUNSC_DO, 1.15),
    Comparison(RUNSC, RUNSC_DO_LEAN, None),
    Comparison(DOCKER, DOCKER_RUN, 1.10),
    Comparison(DOCKER_JSON, DOCKER_RUN, 1.10),
]


def contenders_of(arguments):
    program = str(arguments.program)
    runsc = (str(arguments.runsc), "--platform=systrap", "--network=none")

    def ours(name, isolation, *options):
        return Contender(name, (program, "run", f"--isolation={isolation}", *options, "--", "true"))

    return [
        Contender(PLAIN, ("true",)),
        ours(PROCESS, "process"),
        Contender(RUNSC_DO_LEAN, (*runsc, "--ignore-cgroups", "do", "-quiet", "true")),
        ours(RUNSC_IMAGE, "runsc", f"--image={arguments.image}"),
        ours(RUNSC, "runsc"),
        Contender(RUNSC_DO, (*runsc, "do", "-quiet", "true")),
        ours(RUNSC_JSON, "runsc", "--json"),
        ours(DOCKER_JSON, "docker", "--json"),
        Contender(DOCKER_RUN, ("docker", "run", "--rm", "--runtime=runsc", "--network=none", "--pull=never", "busybox", "true")),
        ours(DOCKER, "docker"),
    ]


def answer_of(argv, environment, folder=None):
    done = subprocess.run(argv, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotMeasure(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout.strip()


def check_that_they_isolate(program, environment, folder):
    """The time of a command that didn't run where it should would be nobody's."""
    for isolation in ("runsc", "docker"):
        answer = json.loads(answer_of([program, "run", "--json", f"--isolation={isolation}", "--", "true"], environment, folder))
        if not answer["success"] or answer["isolation"]["backend"] != isolation or answer["isolation"]["runtime"] != "runsc":
            raise CannotMeasure(f"fumehood run --isolation={isolation} did not run `true` in gVisor: {answer}")


def describe_machine(arguments, environment):
    models = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "runsc": answer_of([arguments.runsc, "--version"], environment).splitlines()[0].removeprefix("runsc version "),
        "docker_engine": answer_of(["docker", "version", "--format", "{{.Server.Version}}"], environment),
        "docker_client": answer_of(["docker", "version", "--format", "{{.Client.Version}}"], environment),
    }


def judge(times):
    """Of each comparison: its Estimate, and whether its bound holds."""
    judged = []
    for comparison in COMPARISONS:
        ratio = estimate(paired_ratios(times[comparison.ours], times[comparison.rival]))
        judged.append(asdict(comparison) | asdict(ratio) | {"holds": comparison.at_most is None or ratio.median <= comparison.at_most})
    return judged


def verdict_of(one):
    if one["at_most"] is None:
        return "no bound"
    verdict = f"at most {one['at_most']:.2f}: " + ("holds" if one["holds"] else "EXCEEDED")
    return verdict + (", but more --runs might tell otherwise" if one["low"] <= one["at_most"] <= one["high"] else "")


def print_report(machine, runs, judged, times):
    print(f"{machine['cores']} cores of {machine['processor']}, Linux {machine['kernel']}; load {machine['load_before']:.1f} before, "
          f"{machine['load_after']:.1f} after")
    print(f"runsc {machine['runsc']}, Docker {machine['docker_engine']} (client {machine['docker_client']}); {runs} runs of each, in turn")
    if machine["load_before"] > machine["cores"] / 2:
        print("The machine was busy before: the times say little, and the ratios less than they would on a quiet one.")
    print("\nratio: the median of the pairs, and where it is with 95 % confidence")
    for one in judged:
        print(f"  {one['ours']:<26} {one['median']:5.2f} × {one['rival']:<28} ({one['low']:.2f} – {one['high']:.2f}), {verdict_of(one)}")
    print(f"\n{'milliseconds':<28} {'p50':>8} {'p95':>8} {'min':>8}")
    for name, seconds in times.items():
        figures = (percentile(seconds, 50), percentile(seconds, 95), min(seconds))
        print(f"  {name:<26} " + " ".join(f"{1000 * figure:8.1f}" for figure in figures))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("--program", "--runsc", "--image", "--repository", "--home"):
        parser.add_argument(option, type=Path, required=True)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.runs < FEWEST:
        parser.error(f"--runs {arguments.runs}: {FEWEST} are the fewest")
    return arguments


def main():
    arguments = parse_arguments()
    environment = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("DOCKER_")}
    environment |= {"HOME": str(arguments.home), "FUMEHOOD_RUNSC": str(arguments.runsc)}
    if not shutil.which("docker"):
        raise CannotMeasure("docker is not on the PATH")
    check_that_they_isolate(arguments.program, environment, arguments.repository)
    machine = describe_machine(arguments, environment) | {"load_before": load()}
    times = measure(contenders_of(arguments), arguments.runs, environment, arguments.repository)
    machine["load_after"] = load()
    judged = judge(times)
    print_report(machine, arguments.runs, judged, times)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "runs": arguments.runs, "ratios": judged,
                                              "milliseconds": {name: [1000 * one for one in seconds] for name, seconds in times.items()}},
                                             indent=1) + "\n")
    return 0 if all(one["holds"] for one in judged) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotMeasure as reason:
        print(f"{Path(sys.argv[0]).name}: {reason}", file=sys.stderr)
        sys.exit(2)

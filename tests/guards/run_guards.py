#!/usr/bin/env python3
"""Takes each guard of docs/guards.md out in turn and checks that the test which is named there fails without it.

usage: run_guards.py --tree DIR [--only TEXT] [--junit FILE]

The guards of the code are taken out in a copy of the repository in DIR, which is built there; those of the API server in the
cluster of $KUBECONFIG, which `scripts/dev up` has started. Each test must pass before and afterwards.
"""

import argparse
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import yaml

from guards import REPOSITORY, api_guards, code_guards, documents_of

# A test that hangs without its guard has noticed, too.
LONGEST_TEST = 120
# The API server takes new rules and policies over within moments.
TRIES = 8


class Broken(Exception):
    """What is wrong with a guard, or with the run."""


def run(*command, deadline=None, **options):
    """(exit status, output); a status of None: it didn't end in time."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=deadline, check=False, **options)
    except subprocess.TimeoutExpired as late:
        return None, f"no end within {deadline} s: {late}"
    return done.returncode, done.stdout


class Tree:
    """A copy of the repository that is built with one guard less."""

    def __init__(self, folder):
        self._folder = folder

    def refresh(self):
        """Makes it what the repository is; what is the same keeps its time, so that it isn't built again."""
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
        names = {name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()}
        for old in [path for path in self._folder.rglob("*") if path.is_file()]:
            name = old.relative_to(self._folder)
            if name.parts[0] != "build" and str(name) not in names:
                old.unlink()
        for name in names:
            source, copy = REPOSITORY / name, self._folder / name
            if not copy.exists() or copy.read_bytes() != source.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, copy)

    def build(self, programs):
        status, output = run(str(self._folder / "scripts/build"), "dev", *sorted(programs))
        if status != 0:
            raise Broken(f"it doesn't build:\n{output[-4000:]}")

    def passes(self, guard):
        program, = (path for path in (self._folder / "build/dev").rglob(guard.program) if path.is_file())
        status, output = run(str(program), f"--gtest_filter={guard.test}", deadline=LONGEST_TEST)
        if "Running 0 tests" in output:
            raise Broken(f"{guard.program} has no test {guard.test}")
        return status == 0

    def check(self, guard):
        file = self._folder / guard.file
        whole = file.read_text()
        file.write_text(guard.without(whole))
        try:
            self.build([guard.program])
            if self.passes(guard):
                raise Broken(f"{guard.test} passes without it")
        finally:
            file.write_text(whole)


class ApiServer:
    """The cluster under test, with one guard less."""

    def passes(self, guard):
        status, output = run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", guard.test,
                             cwd=REPOSITORY / "tests/e2e", deadline=LONGEST_TEST)
        if status not in (0, 1, None):
            raise Broken(f"pytest ended with {status}:\n{output[-4000:]}")
        return status == 0

    def check(self, guard):
        whole = documents_of(guard.file)
        changed = guard.without(documents_of(guard.file))
        original, = (one for one in whole if (one["kind"], one["metadata"]) == (changed["kind"], changed["metadata"]))
        replace(changed)
        try:
            if not any(not self.passes(guard) for _ in tries()):
                raise Broken(f"{guard.test} passes without it")
        finally:
            replace(original)
        if not any(self.passes(guard) for _ in tries()):
            raise Broken(f"{guard.test} fails although it is there again")


def tries():
    for number in range(TRIES):
        if number > 0:
            time.sleep(0.5)
        yield number


def replace(manifest):
    status, output = run("kubectl", "replace", "-f", "-", input=yaml.safe_dump(manifest))
    if status != 0:
        raise Broken(f"kubectl replace: {output}")


def run_all(guards, place, suite):
    """Checks each guard; returns how many of them are broken."""
    broken = 0
    for guard in guards:
        begun = time.monotonic()
        case = ElementTree.SubElement(suite, "testcase", classname=guard.place, name=guard.guard)
        try:
            place.check(guard)
            verdict = "ok"
        except Exception as error:  # pylint: disable=broad-except  # the others are checked all the same
            broken += 1
            verdict = f"BROKEN: {error}"
            ElementTree.SubElement(case, "failure").text = str(error)
        case.set("time", f"{time.monotonic() - begun:.3f}")
        print(f"{time.monotonic() - begun:5.1f} s  {guard.place}: {guard.guard}: {verdict}", flush=True)
    return broken


def check_whole(guards, place):
    failed = [guard.test for guard in guards if not place.passes(guard)]
    if failed:
        raise Broken(f"with every guard in place these tests fail: {failed}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, required=True, help="for the copy of the repository; kept for the next time")
    parser.add_argument("--only", default="", help="a regular expression: only guards whose place or description has it")
    parser.add_argument("--junit", type=Path)
    arguments = parser.parse_args()

    def chosen(guards):
        return [one for one in guards if re.search(arguments.only, f"{one.place}: {one.guard}")]

    suite = ElementTree.Element("testsuite", name="guards")
    broken = 0
    code, api = chosen(code_guards()), chosen(api_guards())
    if code:
        tree = Tree(arguments.tree)
        tree.refresh()
        tree.build({guard.program for guard in code})
        check_whole(code, tree)
        broken += run_all(code, tree, suite)
        tree.build({guard.program for guard in code})
        check_whole(code, tree)
    if api:
        broken += run_all(api, ApiServer(), suite)
    if arguments.junit:
        ElementTree.ElementTree(suite).write(arguments.junit, encoding="unicode")
    print(f"{len(code) + len(api)} guards, {broken} without a test that notices")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

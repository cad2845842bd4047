#!/usr/bin/env python3
"""Adds up the JUnit files of a test run and ends with one line: N passed, N failed, N skipped.

usage: tally.py RESULTS

RESULTS/outcomes has one line per step of the run, "KIND STATUS NAME":
  suite  wrote RESULTS/NAME.xml, whose test cases are counted. One failure is added when there is no such file, when it has
         no test case, or when the suite failed with no test case to blame, as after a crash.
  check  is itself the one thing to count.
The exit status is 0 when something passed and nothing failed.
"""

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

LONGEST_MESSAGE = 4000


def case_outcome(case):
    """Of one <testcase> as ctest, GoogleTest and pytest write it: (outcome, message)."""
    for child in case:
        if child.tag in ("failure", "error"):
            output = case.findtext("system-out") or ""
            return "failed", "\n".join(part for part in (child.get("message"), child.text, output) if part)
    if case.get("status") == "fail":
        return "failed", case.findtext("system-out") or ""
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped", ""
    return "passed", ""


def suite_outcomes(file, status):
    """(name, outcome, message) of each test case, and of the suite itself where it failed as a whole."""
    try:
        cases = list(ElementTree.parse(file).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        return [(file.stem, "failed", f"no results (exit status {status}): {error}")]
    found = []
    for case in cases:
        # ctest writes the name as class name too.
        names = dict.fromkeys(filter(None, (case.get("classname"), case.get("name"))))
        found.append((f"{file.stem}: {'.'.join(names)}", *case_outcome(case)))
    if not cases:
        found.append((file.stem, "failed", f"no test was run (exit status {status})"))
    elif status != 0 and not any(outcome == "failed" for _, outcome, _ in found):
        found.append((file.stem, "failed", f"ended with status {status}, though none of its tests failed"))
    return found


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    results = Path(sys.argv[1])
    outcomes = []
    for line in (results / "outcomes").read_text().splitlines():
        kind, status, name = line.split(" ", 2)
        if kind == "suite":
            outcomes += suite_outcomes(results / f"{name}.xml", int(status))
        else:
            outcomes.append((name, "passed" if status == "0" else "failed", ""))

    for name, outcome, message in outcomes:
        if outcome == "failed":
            print(f"FAILED {name}")
            print("".join(f"    {line}\n" for line in message.strip()[-LONGEST_MESSAGE:].splitlines()), end="")
    for name, outcome, _ in outcomes:
        if outcome == "skipped":
            print(f"skipped {name}")
    count = Counter(outcome for _, outcome, _ in outcomes)
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}")
    return 0 if count["passed"] and not count["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())

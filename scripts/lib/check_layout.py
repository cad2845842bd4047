#!/usr/bin/env python3
"""Checks what the compiler cannot: who may include whom, how long a file may be, and that the scripts are sound.

usage: check_layout.py [--junit FILE]
"""

import argparse
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Every arrow points down. A folder may include itself and these.
MAY_INCLUDE = {
    "controller": {"lib/api", "lib/kube", "lib/service", "lib/telemetry", "lib/base"},
    "executor": {"lib/api", "lib/kube", "lib/sandbox", "lib/service", "lib/telemetry", "lib/base"},
    "cli": {"lib/api", "lib/kube", "lib/sandbox", "lib/base"},
    "lib/api": {"lib/base"},
    "lib/kube": {"lib/base"},
    "lib/sandbox": {"lib/base"},
    "lib/service": {"lib/base"},
    "lib/telemetry": {"lib/kube", "lib/service", "lib/base"},
    "lib/base": set(),
}
LONGEST_FILE = 600
QUOTED_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
CPPREST_INCLUDE = re.compile(r"^\s*#\s*include\s*<(?:cpprest|pplx)/")
# Of the machine that somebody worked on, rather than of the project.
MACHINE_PATH = re.compile(r"/work/(?:main|shared)\b|/(?:root|home/\w+)/(?:\.cache|\.pyenv|go)/")


def project_files():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())


def lines_of(file):
    return file.read_text(errors="replace").splitlines()


def is_cpp(file):
    return file.suffix in (".h", ".cc")


def is_script(file):
    if file.parent.name == "lib" and file.suffix == ".sh":
        return True
    with file.open("rb") as opened:
        return opened.readline().startswith(b"#!/usr/bin/env bash")


def where(file, number=None):
    return str(file.relative_to(ROOT)) + (f":{number}" if number else "")


def part_of(path):
    """The entry of MAY_INCLUDE that a path below the root belongs to, or None."""
    return next((part for part in MAY_INCLUDE if path.startswith(part + "/")), None)


def includes_point_down(files):
    for file in filter(is_cpp, files):
        part = part_of(where(file))
        if part is None:
            continue
        for number, line in enumerate(lines_of(file), start=1):
            match = QUOTED_INCLUDE.match(line)
            if not match:
                continue
            other = part_of(match[1])
            if (ROOT / match[1]).is_file() and other is None:
                yield f'{where(file, number)}: {part} may not include "{match[1]}": it belongs to no part of the product'
            elif other not in (None, part) and other not in MAY_INCLUDE[part]:
                yield f"{where(file, number)}: {part} may not include {other}; it may include {sorted(MAY_INCLUDE[part])}"


def cpprest_has_one_user(files):
    users = [file for file in filter(is_cpp, files) if any(CPPREST_INCLUDE.match(line) for line in lines_of(file))]
    if len(users) != 1 or users[0].suffix != ".cc" or part_of(where(users[0])) != "lib/kube":
        yield f"cpprestsdk is to be included by one .cc file of lib/kube, and is by: {[where(user) for user in users]}"


def files_are_short(files):
    for file in filter(is_cpp, files):
        length = len(lines_of(file))
        if length > LONGEST_FILE:
            yield f"{where(file)} has {length} lines, more than {LONGEST_FILE}: split it"


def scripts_parse(files):
    for file in filter(is_script, files):
        done = subprocess.run(["bash", "-n", file], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            yield done.stderr


def scripts_are_clean(files):
    if not shutil.which("shellcheck"):
        yield "shellcheck is not here; scripts/setup tests brings it"
        return
    scripts = [file for file in files if is_script(file)]
    done = subprocess.run(["shellcheck", "--external-sources", "--format=gcc", *scripts],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield done.stdout + done.stderr


def no_machine_paths(files):
    for file in files:
        for number, line in enumerate(lines_of(file), start=1):
            if MACHINE_PATH.search(line):
                yield f"{where(file, number)}: a path of one machine: {line.strip()}"


RULES = (includes_point_down, cpprest_has_one_user, files_are_short, scripts_parse, scripts_are_clean, no_machine_paths)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--junit", type=Path, help="also write the outcome as a JUnit file")
    arguments = parser.parse_args()
    files = project_files()
    suite = ElementTree.Element("testsuite", name="layout")
    failed = False
    for rule in RULES:
        case = ElementTree.SubElement(suite, "testcase", name=rule.__name__)
        violations = list(rule(files))
        if violations:
            failed = True
            ElementTree.SubElement(case, "failure").text = "\n".join(violations)
            print("\n".join(violations))
    if arguments.junit:
        ElementTree.ElementTree(suite).write(arguments.junit, encoding="unicode")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

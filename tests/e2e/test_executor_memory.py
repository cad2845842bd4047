"""The executor stays small, whatever its commands write and however many there are."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from node_of_its_own import process_of
from sandbox_commands import outcome, output
from specs import SAMPLE

pytestmark = [pytest.mark.needs_executor, pytest.mark.measured]

MEBIBYTE = 1 << 20
GIBIBYTE = 1 << 30


def resident(process):
    """Bytes of memory of a program: of this process, and of those that it became in namespaces of its own."""
    of_process = Path(f"/proc/{process}")
    children = (of_process / f"task/{process}/children").read_text().split()
    inner = [child for child in children if Path(f"/proc/{child}/comm").read_text() == (of_process / "comm").read_text()]
    kibibytes = re.search(r"^VmRSS:\s*(\d+)", (of_process / "status").read_text(), re.MULTILINE)[1]
    return int(kibibytes) * 1024 + sum(resident(int(child)) for child in inner)


def test_ten_gibibytes_of_output_are_counted_and_cut(commands, executors, repository, hostile, state):
    path, folder = repository({"file": ""})
    shutil.copy(hostile, folder / "hostile")
    executor = process_of(state, "executor")
    commands.run("small", {"command": ["./hostile", "flood", "1"], "repository": {"path": path}})
    before = resident(executor)

    command = commands.run("large", {"command": ["./hostile", "flood", str(5 * 1024)], "repository": {"path": path}, "timeoutSeconds": 240},
                           deadline=250)

    assert outcome(command) == ("Succeeded", "ExitedZero")
    for stream in ("stdout", "stderr"):
        assert command["status"][f"{stream}Bytes"] == 5 * GIBIBYTE
        assert command["status"][f"{stream}Truncated"] is True
        assert set(output(command, stream).strip(b"x")) < set(output(command, stream))
    assert resident(executor) - before < 4 * MEBIBYTE


def test_the_executor_does_not_grow(commands, executors, state, record_property):
    """Between the 200th and the 1,000th command: what each of them leaves behind is given back."""
    executor = process_of(state, "executor")

    def run(number):
        spec = SAMPLE | ({"shell": f"exit {number % 3}"} if number % 2 else {"shell": "head -c 30000 /dev/zero | tr '\\0' x; cat file.txt"})
        assert commands.run(f"command-{number}", spec)["status"]["phase"] in ("Succeeded", "Failed")

    with ThreadPoolExecutor(4) as clients:
        list(clients.map(run, range(200)))
        after_200 = resident(executor)
        list(clients.map(run, range(200, 1000)))
        after_1000 = resident(executor)

    record_property("growth_kib", (after_1000 - after_200) // 1024)
    print(f"{after_200 // 1024} KiB after 200 commands, {after_1000 // 1024} KiB after 1,000")
    assert after_1000 - after_200 <= 2 * MEBIBYTE

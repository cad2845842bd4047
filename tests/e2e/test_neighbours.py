"""What one command does to the others on its node: however it behaves, they are answered."""

import shutil
import threading
import time

import pytest

from sandbox_commands import SandboxCommands, outcome
from specs import SAMPLE

pytestmark = [pytest.mark.needs_executor, pytest.mark.measured]

SAMPLES = 60


def p95(values):
    return sorted(values)[int(len(values) * 0.95)]


@pytest.fixture
def neighbour(cluster, executors, new_namespace):
    """Runs so many short commands one after another, in a namespace of its own; how long each took to be answered, in seconds."""
    commands = SandboxCommands(cluster.api, new_namespace())

    def times(label, count=SAMPLES):
        taken = []
        for number in range(count):
            begun = time.monotonic()
            command = commands.run(f"{label}-{number}", SAMPLE | {"shell": "cat file.txt >/dev/null; echo done"})
            taken.append(time.monotonic() - begun)
            assert outcome(command) == ("Succeeded", "ExitedZero")
        return taken

    times("warm-up", 5)
    return times


@pytest.fixture
def bombs(commands, executors, repository, hostile):
    """Runs one hostile command after another until the `with` ends; `ended` are those that have."""
    path, folder = repository({"file": ""})
    shutil.copy(hostile, folder / "hostile")

    class Bombs:
        def __init__(self, name, access):
            self._spec = {"command": ["./hostile", name], "repository": {"path": path, "access": access}, "timeoutSeconds": 5,
                          "resources": {"scratch": "64Mi"}}
            self.ended = []
            self._over = threading.Event()
            self._thread = threading.Thread(target=self._run)

        def _run(self):
            number = 0
            while not self._over.is_set():
                self.ended.append(commands.run(f"bomb-{number}", self._spec))
                number += 1

        def __enter__(self):
            self._thread.start()
            return self

        def __exit__(self, *_):
            self._over.set()
            self._thread.join()

    return Bombs


@pytest.mark.parametrize("bomb, access, ending", [
    pytest.param("fork-bomb", "ReadOnly", ("TimedOut", "DeadlineExceeded"), id="fork-bomb"),
    pytest.param("memory-bomb", "ReadOnly", ("Failed", "OOMKilled"), id="memory-bomb"),
    pytest.param("fill-tmp", "ReadOnly", ("Succeeded", "ExitedZero"), id="disk-filler"),
    pytest.param("fill-workspace", "Ephemeral", ("Succeeded", "ExitedZero"), id="repository-filler"),
    pytest.param("flood", "ReadOnly", ("TimedOut", "DeadlineExceeded"), id="flood"),
])
def test_a_bomb_ends_and_its_neighbour_is_served(neighbour, bombs, bomb, access, ending, record_property):
    before = neighbour("before")
    with bombs(bomb, access) as exploding:
        beside = neighbour("beside")

    record_property("p95_alone_ms", round(1000 * p95(before)))
    record_property("p95_beside_ms", round(1000 * p95(beside)))
    print(f"p95 {1000 * p95(before):.0f} ms alone, {1000 * p95(beside):.0f} ms beside {len(exploding.ended)} of them")
    assert {outcome(command) for command in exploding.ended} == {ending}
    assert p95(beside) <= 2 * p95(before)

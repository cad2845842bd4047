"""Processes that are killed in the middle of the work: nothing stays behind on the node, and no command is lost."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from node_of_its_own import command_lines, process_of
from sandbox_commands import outcome
from specs import SAMPLE

pytestmark = pytest.mark.needs_executor

DEV = Path(__file__).resolve().parents[2] / "scripts" / "dev"
SLEEPING = SAMPLE | {"shell": "echo started; sleep 300", "timeoutSeconds": 600}


@pytest.fixture
def state(executors):
    """The folder of the cluster that `scripts/dev` started; afterwards both programs run again."""
    folder = os.environ.get("FUMEHOOD_STATE")
    if not folder:
        pytest.fail("FUMEHOOD_STATE is not set; `scripts/dev up` says what to export")
    yield Path(folder)
    for program in ("controller", "executor"):
        restart(folder, program)


def restart(state, program):
    subprocess.run([DEV, "restart", program, "--state", str(state)], check=True, capture_output=True, timeout=120)


def kill(state, program):
    os.kill(process_of(state, program), signal.SIGKILL)


def processes_of(state):
    """Command lines of what runs on behalf of the executor: itself, runsc, sandboxes, gofers."""
    return [line for line in command_lines() if f"{state}/executor" in line]



def wait_until(holds, deadline=30):
    end = time.monotonic() + deadline
    while not holds():
        assert time.monotonic() < end, f"not within {deadline} s"
        time.sleep(0.05)


def test_killed_executor_leaves_nothing_and_its_command_runs_again(state, commands):
    commands.create("it", SAMPLE | {"shell": "echo started; sleep 2; echo done", "timeoutSeconds": 60})
    commands.wait_until("it", lambda command: command.get("status", {}).get("phase") == "Running")
    assert any("runsc-sandbox" in line for line in processes_of(state))

    kill(state, "executor")

    wait_until(lambda: not processes_of(state))
    mounts = Path("/proc/self/mountinfo").read_text()
    assert f"{state}/executor" not in mounts
    assert not list((state / "executor").iterdir())

    restart(state, "executor")
    finished = commands.wait_finished("it")
    assert outcome(finished) == ("Succeeded", "ExitedZero")
    assert finished["status"]["stdout"] == "started\ndone\n"


def test_killed_controller_goes_on_where_it_was(state, commands):
    kill(state, "controller")
    commands.create("it", SAMPLE | {"shell": "echo hello"})
    restart(state, "controller")
    assert outcome(commands.wait_finished("it")) == ("Succeeded", "ExitedZero")


def test_finished_while_the_controller_was_away_is_deleted_too(state, commands):
    commands.create("it", SAMPLE | {"shell": "sleep 1", "ttlSecondsAfterFinished": 1})
    commands.wait_until("it", lambda command: command.get("status", {}).get("phase") in ("Scheduled", "Running"))
    kill(state, "controller")
    commands.wait_finished("it")
    restart(state, "controller")
    commands.wait_gone("it", deadline=60)


def test_executor_that_ends_in_good_order_takes_its_sandboxes_with_it(state, commands):
    commands.create("it", SLEEPING)
    commands.wait_until("it", lambda command: command.get("status", {}).get("phase") == "Running")
    old = [line for line in processes_of(state) if "runsc-sandbox" in line]

    restart(state, "executor")

    assert not set(old) & set(processes_of(state))
    commands.cancel("it")
    assert outcome(commands.wait_finished("it")) == ("Cancelled", "Cancelled")

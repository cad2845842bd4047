"""Agents that run commands, through the official client and the program's standard input and output."""

import asyncio
import os
import subprocess
import sys

import pytest
from fake_program import is_alive, wait_until

mcp = pytest.importorskip("mcp", reason="the extra mcp is not installed")


class Agent:
    """Calls the tool of one server, which is started for each conversation."""

    def __init__(self, *arguments):
        self._arguments = ["-m", "fumehood.mcp", *map(str, arguments)]

    def connect(self):
        server = mcp.StdioServerParameters(command=sys.executable, args=self._arguments, env=dict(os.environ))
        return mcp.Client(server)

    def run_command(self, **parameters):
        async def main():
            async with self.connect() as client:
                return await client.call_tool("run_command", parameters)

        return asyncio.run(asyncio.wait_for(main(), 90))


@pytest.fixture
def roots(tmp_path):
    """A folder with the repository "shop", and one beside it that no agent may use."""
    for name in ("repos/shop/services", "private"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "repos/escape").symlink_to(tmp_path / "private")
    (tmp_path / "repos/shop/escape").symlink_to(tmp_path / "private")
    return tmp_path / "repos"


@pytest.fixture
def agent(roots):
    return Agent("--repos", roots, "--max-timeout", 30)


def test_the_tool_says_what_it_takes_and_returns(agent):
    async def main():
        async with agent.connect() as client:
            return (await client.list_tools()).tools

    (tool,) = asyncio.run(asyncio.wait_for(main(), 90))
    assert tool.name == "run_command"
    assert tool.input_schema["required"] == ["repo_path"]
    assert {"command", "shell", "working_dir", "env", "timeout", "stdin"} < set(tool.input_schema["properties"])
    assert {"returncode", "stdout", "timed_out", "isolation"} < set(tool.output_schema["properties"])


def test_a_command_runs_within_the_limits_and_without_a_fallback(agent, roots, program):
    program.answers(stdout="hello", success=False, returncode=3)
    answer = agent.run_command(
        repo_path=str(roots / "shop"), command=["ls", "-l"], working_dir="services", env={"A": "b"}, stdin="in"
    )
    outcome = answer.structured_content
    assert not answer.is_error
    assert (outcome["stdout"], outcome["returncode"], outcome["success"], outcome["reason"]) == (
        "hello",
        3,
        False,
        "Exited",
    )
    assert (outcome["isolation"]["runtime"], outcome["isolation"]["network"]) == ("runsc", "none")
    call = program.last_call()
    assert call["arguments"] == [
        *("run", "--json", "--isolation=auto", "--timeout=30000ms", f"--repo={roots}/shop"),
        *(f"--workdir={roots}/shop/services", "--env=A=b", "--stdin", "--max-output=32768", "--", "ls", "-l"),
    ]
    assert call["stdin"] == "in"


def test_a_script_is_run_by_a_shell(agent, roots, program):
    answer = agent.run_command(repo_path=str(roots / "shop"), shell="ls | wc -l", timeout=2)
    assert answer.structured_content["success"]
    assert program.last_call()["arguments"][-1] == "--shell=ls | wc -l"
    assert "--timeout=2000ms" in program.last_call()["arguments"]


REFUSED = {
    "OutsideOfTheRoots": ({"repo_path": "{roots}/../private"}, "no directory that may be used"),
    "TheWholeFileSystem": ({"repo_path": "/"}, "no directory that may be used"),
    "SomewhereElse": ({"repo_path": "/etc"}, "no directory that may be used"),
    "ThroughASymbolicLink": ({"repo_path": "{roots}/escape"}, "no directory that may be used"),
    "NotThere": ({"repo_path": "{roots}/nowhere"}, "no directory that may be used"),
    "HoldsNul": ({"repo_path": "{roots}/\0"}, "no directory that may be used"),
    "Relative": ({"repo_path": "shop"}, "must be absolute"),
    "WorkingDirOutside": ({"working_dir": "../../private"}, "no directory in the repository"),
    "WorkingDirElsewhere": ({"working_dir": "/etc"}, "no directory in the repository"),
    "WorkingDirThroughALink": ({"working_dir": "escape"}, "no directory in the repository"),
    "TooLong": ({"timeout": 31}, "may be 30 s at most"),
    "Negative": ({"timeout": -1}, "from 0.001"),
    "NoCommand": ({"command": None}, "exactly one of command and shell"),
    "TwoCommands": ({"shell": "true"}, "exactly one of command and shell"),
    "EmptyCommand": ({"command": []}, "command is empty"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_an_agent_may_not_ask_for_is_refused(name, agent, roots, program):
    changes, message = REFUSED[name]
    parameters = {"repo_path": "{roots}/shop", "command": ["true"]} | changes
    parameters["repo_path"] = parameters["repo_path"].replace("{roots}", str(roots))
    answer = agent.run_command(**parameters)
    assert answer.is_error
    assert message in answer.content[0].text
    assert program.calls() == []


def test_without_isolation_the_agent_is_told_why(agent, roots, program):
    program.refuses("unavailable", "no isolation works here: install gVisor")
    answer = agent.run_command(repo_path=str(roots / "shop"), command=["true"])
    assert answer.is_error
    assert "no isolation works here: install gVisor" in answer.content[0].text


@pytest.mark.parametrize("how", ["the agent cancels", "the agent goes away"])
def test_a_command_that_nobody_waits_for_is_ended(how, agent, roots, program):
    program.hangs()

    async def main():
        async with agent.connect() as client:
            parameters = {"repo_path": str(roots / "shop"), "command": ["true"]}
            call = asyncio.create_task(client.call_tool("run_command", parameters))
            await asyncio.to_thread(program.wait_for_call)
            call.cancel()
            await asyncio.wait([call])
            if how == "the agent cancels":
                await asyncio.to_thread(wait_until, lambda: not is_alive(program.last_call()["pid"]))
                program.answers()
                return (await client.call_tool("run_command", parameters)).structured_content["success"]
        return True

    assert asyncio.run(asyncio.wait_for(main(), 90))
    wait_until(lambda: not is_alive(program.calls()[0]["pid"]))
    assert program.was_told_to_end()


WRONG_COMMAND_LINES = {
    "NoRepositories": ([], "--repos"),
    "NoDirectory": (["--repos", "/nowhere"], '"/nowhere" is no directory'),
    "TheWholeFileSystem": (["--repos", "/"], "the whole file system"),
    "NoLimit": (["--repos", "/usr", "--max-timeout", "inf"], "from 0 to 86400 seconds"),
    "NegativeOutput": (["--repos", "/usr", "--max-output", "-1"], "not negative"),
    "NoIsolation": (["--repos", "/usr", "--isolation", "process"], "invalid choice"),
}


@pytest.mark.parametrize("name", WRONG_COMMAND_LINES)
def test_a_server_does_not_start_without_sound_limits(name):
    arguments, message = WRONG_COMMAND_LINES[name]
    done = subprocess.run(
        [sys.executable, "-m", "fumehood.mcp", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.usefixtures("real")
def test_a_real_command_says_what_isolated_it(repository):
    answer = Agent("--repos", repository.parent).run_command(repo_path=str(repository), shell="cat greeting.txt; dmesg")
    outcome = answer.structured_content
    assert outcome["stdout"].startswith("hello\n")
    assert "Starting gVisor" in outcome["stdout"]
    assert (outcome["isolation"]["backend"], outcome["isolation"]["repository"]) == ("runsc", "ReadOnly")

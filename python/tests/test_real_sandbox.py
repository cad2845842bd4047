"""Real commands in real sandboxes, as this user and as one without any rights."""

import asyncio
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_program import is_alive, wait_until

from fumehood import (
    InvalidRequest,
    IsolationUnavailable,
    Resources,
    aio,
    is_gvisor_available,
    run_command_isolated,
    run_shell_command_isolated,
)

pytestmark = pytest.mark.usefixtures("real")


def test_a_command_reads_its_repository_and_has_gvisor_around_it(repository):
    result = run_command_isolated(["sh", "-c", "pwd; cat greeting.txt; dmesg | head -n 1"], repo_path=repository)
    assert result.stdout.startswith("/workspace\nhello\n")
    assert "Starting gVisor" in result.stdout
    assert (result.isolation.backend, result.isolation.network) == ("runsc", "none")
    assert result.isolation.repository == "ReadOnly"
    assert 0 < result.startup < 60
    assert 0 < result.duration < 60


def test_a_command_cannot_change_what_everybody_may_write_to(repository):
    (repository / "greeting.txt").chmod(0o666)
    result = run_shell_command_isolated("echo changed >greeting.txt", repo_path=repository)
    assert not result.success
    assert "Read-only file system" in result.stderr
    assert (repository / "greeting.txt").read_text() == "hello\n"


def test_nothing_is_inherited_but_what_is_given_arrives(repository, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "secret")
    result = run_command_isolated(["env"], repo_path=repository, env={"AUTHOR": "a 'b' \"c\"\n[d]"})
    assert "AUTHOR=a 'b' \"c\"\n[d]\n" in result.stdout
    assert "secret" not in result.stdout


def test_arguments_and_input_arrive_as_they_are(repository):
    arguments = ["", " ", "a b", "--json", "-v", "--", "'", '"', "$HOME", "*", "ä", "a,b", "%s", "\\n", "{}", "\n"]
    result = run_command_isolated(
        ["sh", "-c", 'printf "%s|" "$@"; cat', "sh", *arguments], repo_path=repository, stdin=b"\x00\xff"
    )
    assert result.stdout_bytes == "".join(f"{argument}|" for argument in arguments).encode() + b"\x00\xff"


def test_an_argument_in_brackets_arrives_as_it_is(repository):
    assert run_command_isolated(["echo", "[a,b]"], repo_path=repository).stdout == "[a,b]\n"


def test_a_timeout_keeps_the_output_up_to_there(repository):
    result = run_shell_command_isolated("echo before; sleep 600; echo after", repo_path=repository, timeout=1.5)
    assert (result.returncode, result.reason, result.timed_out) == (124, "TimedOut", True)
    assert result.stdout == "before\n"
    assert 1.4 < result.duration < 30


def test_an_ephemeral_repository_takes_writes_that_nobody_sees(real, repository):
    def write():
        return run_shell_command_isolated("echo new >new && cat new", repo_path=repository, access="Ephemeral")

    before = sorted(repository.iterdir())
    if real == "not as root":  # nobody can map the owners of another user's files
        with pytest.raises(InvalidRequest, match="can't own the repository"):
            write()
    else:
        result = write()
        assert (result.stdout, result.isolation.repository) == ("new\n", "Ephemeral")
    assert sorted(repository.iterdir()) == before


def test_who_needs_more_memory_than_asked_for_is_killed(real, repository):
    def explode():
        bomb = "x=$(head -c 400000000 /dev/zero | tr '\\0' x); echo ${#x}"
        return run_shell_command_isolated(bomb, repo_path=repository, resources=Resources(memory="128Mi"))

    if real == "not as root":  # nobody may make cgroups
        with pytest.raises(IsolationUnavailable, match="memory can't be limited here"):
            explode()
    else:
        result = explode()
        assert (result.returncode, result.reason) == (137, "OOMKilled")


def test_a_limit_that_is_no_quantity_is_an_invalid_request(repository):
    with pytest.raises(InvalidRequest, match="memory"):
        run_command_isolated(["true"], repo_path=repository, resources=Resources(memory="much"))


def test_a_program_that_is_not_there_is_a_result(repository):
    result = run_command_isolated(["no-such-program"], repo_path=repository)
    assert (result.returncode, result.reason) == (127, "CommandNotFound")
    assert "no-such-program" in result.message


def test_the_signal_that_ended_a_command_is_told(repository):
    result = run_shell_command_isolated("kill -KILL $$", repo_path=repository)
    assert (result.returncode, result.signal, result.reason) == (137, 9, "Signaled")


def test_long_output_keeps_its_head_and_its_tail(repository):
    result = run_shell_command_isolated("echo first; seq 10000; echo last", repo_path=repository, max_output_bytes=100)
    assert result.stdout.startswith("first\n")
    assert result.stdout.endswith("last\n")
    assert "bytes omitted]" in result.stdout
    assert result.stdout_truncated
    assert result.stdout_size == len("first\nlast\n") + sum(len(f"{number}\n") for number in range(1, 10_001))


def test_a_repository_that_is_not_there_is_an_invalid_request(repository):
    with pytest.raises(InvalidRequest, match=r'nowhere": No such file'):
        run_command_isolated(["true"], repo_path=repository / "nowhere")


def test_too_much_input_is_an_invalid_request(repository):
    with pytest.raises(InvalidRequest, match="262144 bytes"):
        run_command_isolated(["true"], repo_path=repository, stdin="x" * 262_145)


def test_without_gvisor_a_command_is_not_run(repository, monkeypatch):
    monkeypatch.setenv("FUMEHOOD_RUNSC", "/nowhere/runsc")
    with pytest.raises(IsolationUnavailable, match="/nowhere/runsc"):
        run_shell_command_isolated(f"touch {repository}/ran", repo_path=repository, isolation="runsc")
    found = is_gvisor_available(refresh=True)
    assert found or "/nowhere/runsc" in found.reason
    assert not (repository / "ran").exists()


def test_no_isolation_is_what_was_asked_for_and_is_told(repository, caplog):
    result = run_command_isolated(["true"], repo_path=repository, isolation="process")
    assert result.success
    assert not result.isolation.isolated
    assert "WITHOUT ISOLATION" in caplog.text


def test_gvisor_is_available():
    found = is_gvisor_available(refresh=True)
    assert found, found.reason
    assert found.isolation.network == "none"


def descendants(pid):
    """The processes below one, as {pid: name}."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    processes = [line.split(maxsplit=2) for line in listed.splitlines()]
    found, before = {pid: ""}, 0
    while len(found) > before:
        before = len(found)
        found |= {int(child): name for child, parent, name in processes if int(parent) in found}
    return {child: name for child, name in found.items() if child != pid}


def sandbox_processes():
    # runsc starts its parts from /proc/self/exe, and the kernel names them so.
    return [pid for pid, name in descendants(os.getpid()).items() if name == "exe"]


def test_a_cancelled_task_leaves_no_process(repository):
    before = set(descendants(os.getpid()))

    async def main():
        task = asyncio.create_task(aio.run_command_isolated(["sleep", "600"], repo_path=repository))
        await asyncio.to_thread(wait_until, sandbox_processes)
        ended = set(descendants(os.getpid())) - before
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return ended

    assert not any(is_alive(pid) for pid in asyncio.run(main()))


def test_threads_run_commands_side_by_side(repository):
    with ThreadPoolExecutor(4) as pool:
        results = list(
            pool.map(lambda number: run_command_isolated(["echo", str(number)], repo_path=repository), range(8))
        )
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(8)]

"""Commands that coroutines wait for."""

import asyncio

import pytest
from fake_program import is_alive

from fumehood import AsyncFumehood, IsolationUnavailable, aio


async def started(program):
    """Its process id, once it runs."""
    await asyncio.to_thread(program.wait_for_call)
    return program.last_call()["pid"]


def test_the_functions_have_coroutines_of_the_same_names(program):
    async def main():
        command = await aio.run_command_isolated(["ls", "-la"], "/w", "/r", {"A": "b"}, 5)
        script = await aio.run_shell_command_isolated("ls | wc", timeout=5)
        return command, script

    assert [result.stdout for result in asyncio.run(main())] == ["out", "out"]
    first, second = (call["arguments"] for call in program.calls())
    assert first[2:] == [
        *("--isolation=auto", "--timeout=5000ms", "--repo=/r", "--workdir=/w", "--env=A=b", "--", "ls", "-la")
    ]
    assert second[-1] == "--shell=ls | wc"


def test_an_error_reaches_the_one_who_awaits(program):
    program.refuses("unavailable", "no")
    with pytest.raises(IsolationUnavailable, match=r"^no$"):
        asyncio.run(aio.run_command_isolated(["true"]))


def test_a_cancelled_task_has_ended_its_command(program):
    program.hangs()

    async def main():
        task = asyncio.create_task(aio.run_command_isolated(["true"]))
        pid = await started(program)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pid

    pid = asyncio.run(main())
    assert program.was_told_to_end()
    assert not is_alive(pid)


def test_a_timeout_of_asyncio_ends_the_command(program):
    program.hangs()

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(aio.run_command_isolated(["true"]), 1)

    asyncio.run(main())
    assert all(not is_alive(call["pid"]) for call in program.calls())


def test_more_commands_than_the_loop_has_threads_run_side_by_side(program):
    program.hangs()

    async def main():
        async with AsyncFumehood.local() as fumehood:
            tasks = [asyncio.create_task(fumehood.run(["echo", str(number)])) for number in range(40)]
            while len(program.calls()) < len(tasks):
                await asyncio.sleep(0.01)
            for task in tasks:
                task.cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    ended = asyncio.run(asyncio.wait_for(main(), 60))
    assert all(isinstance(error, asyncio.CancelledError) for error in ended)
    assert not any(is_alive(call["pid"]) for call in program.calls())

"""Lets a coroutine wait for a thread that can be told to stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from fumehood._cancellation import Cancellation

T = TypeVar("T")


async def in_thread(work: Callable[[Cancellation], T]) -> T:
    """Calls `work` in a thread of its own. When the task is cancelled, so is `work`, and its end is awaited.

    Not one of the loop's pool: a few commands that take long would keep everybody else out of it.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    cancellation = Cancellation()

    def main() -> None:
        try:
            result = work(cancellation)
        except BaseException as error:
            loop.call_soon_threadsafe(done.set_exception, error)
        else:
            loop.call_soon_threadsafe(done.set_result, result)

    threading.Thread(target=main, name="fumehood-command", daemon=True).start()
    interruption: asyncio.CancelledError | None = None
    while not done.done():
        try:
            await asyncio.wait([done])
        except asyncio.CancelledError as error:
            interruption = error
            cancellation.cancel()
    if interruption is not None:
        done.exception()  # or asyncio would complain that nobody has looked at it
        raise interruption
    return done.result()

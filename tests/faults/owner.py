"""Whoever creates the commands, and cancels and deletes some. Reaches the API server past all proxies."""

import asyncio
import time

from api import COMMANDS, MERGE_PATCH, Refused
from components import NAMESPACE

_PATH = COMMANDS.format(NAMESPACE)


async def wait_until(holds, seconds):
    """Whether it does within that time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.02)
    return True


class Owner:
    def __init__(self, cluster, recorder):
        self._api = cluster.api
        self._recorder = recorder

    async def carry_out(self, command):
        """Does what the plan says about the command and its successors; returns without waiting for their ends."""
        await asyncio.sleep(command.at)
        while command is not None:
            self._recorder.markers.make(command.nonce)
            await self._api.create(_PATH, {"apiVersion": "fumehood.dev/v1alpha1", "kind": "SandboxCommand",
                                           "metadata": {"name": command.name}, "spec": command.spec})
            if command.cancel_after is not None:
                await asyncio.sleep(command.cancel_after)
                await self._cancel(command)
            if command.delete_after is not None:
                await asyncio.sleep(command.delete_after)
                await self._api.delete(f"{_PATH}/{command.name}")
            command = command.successor

    def has_its_end(self, command):
        record = self._recorder.records[command.nonce]
        is_to_go = command.delete_after is not None or command.ttl is not None
        return record.is_gone if is_to_go else record.is_finished

    async def remove(self, commands):
        """With all that is known about them."""
        for command in commands:
            await self._api.delete(f"{_PATH}/{command.name}")
        await wait_until(lambda: all(self._recorder.records[command.nonce].is_gone for command in commands), 10)
        for command in commands:
            self._recorder.forget(command.nonce)

    async def _cancel(self, command):
        try:
            await self._api.persist("PATCH", f"{_PATH}/{command.name}", {"spec": {"cancel": True}}, MERGE_PATCH)
        except Refused as refused:
            if refused.status != 422:  # it has ended
                raise

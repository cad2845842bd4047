"""One program as a kubelet would run it: started again whenever it ends, and killed, paused or told to end by a fault."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path


def children(pid):
    """The oldest first."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


async def ended(pid):
    """Returns when the process `pid` has ended; of the first process of a PID namespace, when all of them have."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


class Program:
    """`command()` gives the arguments each time that it is started. It dies with this process.

    With `contained`, the program runs as the grandchild of what is started, in a PID namespace of its own.
    """

    PAUSE = 0.2  # before it is started again, where it ended by itself

    def __init__(self, name, command, log, contained=False):
        self.name = name
        self.log = log
        self._command = command
        self._contained = contained
        self._process = None
        self._task = None
        self._expected = False  # to end, because we asked for it
        self._down_for = self.PAUSE
        self._start_now = asyncio.Event()
        self.before_start = None  # awaited once, before the next start
        self.starts = 0
        self.crashes = []  # how it ended where nobody asked for it; an exit of 0 or 1 is its own decision

    def start(self):
        self._task = asyncio.ensure_future(self._run())

    async def stop(self):
        """For ever, and at once."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        if self.is_running:
            self._process.kill()
            await self._all_ended()

    @property
    def is_running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        """Of the program itself, or None."""
        pids = self._pids()
        return pids[-1] if self.is_running and pids else None

    def kill(self, down_for=PAUSE):
        """SIGKILL; it is started again after `down_for` seconds."""
        self._end(signal.SIGKILL, down_for)

    async def terminate(self, down_for=PAUSE, grace=40):
        """SIGTERM, as a kubelet does; one that is not gone after the grace period is killed, which counts as a crash."""
        process = self._process
        self._end(signal.SIGTERM, down_for)
        try:
            await asyncio.wait_for(self._gone(process), grace)
        except asyncio.TimeoutError:
            self.crashes.append(f"{self.name} did not end within {grace} s of SIGTERM")
            process.kill()

    def pause(self):
        self._signal_all(signal.SIGSTOP)

    def resume(self):
        self._signal_all(signal.SIGCONT)

    def start_now(self):
        """Does not wait any longer with the next start."""
        self._start_now.set()

    async def _run(self):
        while True:
            self._start_now.clear()
            if self.before_start is not None:
                prepare, self.before_start = self.before_start, None
                await prepare()
            self._spawn()
            await self._all_ended()
            code = self._process.wait()
            if not self._expected and code not in (0, 1):
                self.crashes.append(f"{self.name} ended with {code}")
            try:
                await asyncio.wait_for(self._start_now.wait(), self._down_for)
            except asyncio.TimeoutError:
                pass

    def _spawn(self):
        self._expected = False
        self._down_for = self.PAUSE
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self._command()],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _end(self, number, down_for):
        if self.is_running:
            self._expected = True
            self._down_for = down_for
            self._process.send_signal(number)
            if number == signal.SIGKILL:
                return
            self.resume()

    async def _all_ended(self):
        """The whole PID namespace, where there is one: its first process ends last."""
        process = self._process
        first = None
        if self._contained:
            while first is None and process.poll() is None:
                first = next(iter(children(process.pid)), None)
                await asyncio.sleep(0.005)
        await ended(process.pid)
        if first is not None:
            await ended(first)

    async def _gone(self, process):
        while process.poll() is None:
            await asyncio.sleep(0.01)

    def _pids(self):
        pids = [self._process.pid] if self.is_running else []
        if self._contained and pids:
            pids += children(pids[0])[:1]
            pids += children(pids[-1])[:1] if len(pids) == 2 else []
        return pids

    def _signal_all(self, number):
        for pid in self._pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

"""Commands in a cluster: one SandboxCommand each."""

from __future__ import annotations

import logging
import math
import threading
import time
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass

from fumehood._backends import ClusterOptions
from fumehood._cancellation import Cancellation
from fumehood._cluster_api import CommandApi, HistoryGone, ObjectGone
from fumehood._cluster_objects import (
    REQUEST_LABEL,
    Object,
    condition,
    is_bound,
    is_finished,
    name_of,
    read_finished,
    sandbox_command,
    version_of,
)
from fumehood._errors import ClusterUnavailable, CommandNotStarted, FumehoodError, RunFailed
from fumehood._request import CommandRequest
from fumehood._result import CommandResult

_log = logging.getLogger("fumehood")

# A watch ends after so many seconds and is made anew, so that a dead connection is noticed.
_WATCH_SECONDS = 30
# From the hand-over to an executor beyond the command's own time: the start of the sandbox, and the report.
_ALLOWANCE = 60.0
# A cancelled command is reported within this time, or given up.
_GRACE = 30.0
# For so long the API server may be away while a command runs.
_ABSENCE = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class ClusterBackend:
    """Runs each command as a SandboxCommand, which is deleted afterwards unless `keep` says otherwise."""

    def __init__(self, api: CommandApi, options: ClusterOptions) -> None:
        self._api = api
        self._options = options

    def run(self, request: CommandRequest, cancellation: Cancellation) -> CommandResult:
        request_id = uuid.uuid4().hex
        command = sandbox_command(
            request,
            request_id,
            runtime_class=self._options.runtime_class,
            node_selector=self._options.node_selector,
        )
        created: Object | None = None
        try:
            created = self._create(command, request_id)
            finished = self._finish(created, request.timeout, cancellation)
        except BaseException as error:
            refused = isinstance(error, FumehoodError) and not isinstance(error, ClusterUnavailable)
            if created is not None or not refused:
                self._abandon(created, request_id)
            raise
        if not self._options.keep:
            self._delete(name_of(finished))
        read = read_finished(finished)
        if isinstance(read, FumehoodError):
            raise read
        return read

    def close(self) -> None:
        self._api.close()

    def _create(self, command: Object, request_id: str) -> Object:
        try:
            return self._api.create(command)
        except ClusterUnavailable:
            # Only the answer may be lost.
            found = self._find(request_id)
            if found:
                return found[0]
            raise

    def _finish(self, created: Object, timeout: float, cancellation: Cancellation) -> Object:
        with cancellation.calls(lambda: self._cancel_soon(name_of(created))):
            return _Wait(self._api, created, timeout, self._options.start_timeout, cancellation).finished()

    def _find(self, request_id: str) -> list[Object]:
        return self._api.list(label_selector=f"{REQUEST_LABEL}={request_id}")[1]

    def _cancel_soon(self, name: str) -> None:
        # Whoever cancels may be an event loop, which can't wait for the network.
        threading.Thread(target=self._cancel, args=(name,), name="fumehood-cancel", daemon=True).start()

    def _cancel(self, name: str) -> None:
        try:
            self._api.cancel(name)
        except ObjectGone:
            pass
        except FumehoodError as error:
            _log.warning("the command may still run: %s", error)

    def _delete(self, name: str) -> None:
        try:
            self._api.delete(name)
        except ObjectGone:
            pass
        except FumehoodError as error:
            # The result is more important; the controller deletes the object when its time is over.
            _log.warning("sandboxcommand %s stays until its ttlSecondsAfterFinished is over: %s", name, error)

    def _abandon(self, created: Object | None, request_id: str) -> None:
        """Ends what was created, if that can be found out: the first cause is on its way to the caller."""
        with suppress(FumehoodError):
            for left in self._find(request_id) if created is None else [created]:
                self._cancel(name_of(left))
                if not self._options.keep:
                    self._delete(name_of(left))


@dataclass
class _Limit:
    """Until when something must have happened, on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> _Limit:
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        return self.at - time.monotonic()


class _Wait:
    """Waits for the end of one command, over connections that may break."""

    def __init__(
        self, api: CommandApi, created: Object, timeout: float, start_timeout: float, cancellation: Cancellation
    ) -> None:
        self._api = api
        self._last: Object = {}
        self._name = name_of(created)
        self._version: str | None = version_of(created)
        self._run_limit = timeout + _ALLOWANCE
        self._start_timeout = start_timeout
        self._cancellation = cancellation
        self._limit = _Limit.after(start_timeout)
        self._cancelled = False
        self._see(created)

    def finished(self) -> Object:
        """The command after its end. Raises CommandNotStarted, RunFailed or another FumehoodError."""
        absence: _Limit | None = None
        pause = _FIRST_PAUSE
        while not is_finished(self._last):
            self._check_limit()
            before = self._version
            try:
                self._look()
                absence = None
            except HistoryGone:
                self._version = None
            except ClusterUnavailable:
                # A server from which something came before the connection broke was not away.
                if absence is None or self._version != before:
                    absence, pause = _Limit.after(_ABSENCE), _FIRST_PAUSE
                elif absence.remaining() <= 0:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        return self._last

    def _look(self) -> None:
        """Lists where there is no version to go on from, and otherwise watches for a while or until the end."""
        if self._version is None:
            self._version, listed = self._api.list(field_selector=f"metadata.name={self._name}")
            if not listed:
                raise self._deleted()
            self._see(listed[0])
            return
        seconds = max(1, min(_WATCH_SECONDS, math.ceil(self._limit.remaining())))
        with closing(self._api.watch(self._name, self._version, seconds)) as events:
            for kind, seen in events:
                self._version = version_of(seen)
                if kind == "DELETED":
                    raise self._deleted()
                if kind != "BOOKMARK":
                    self._see(seen)
                if is_finished(self._last):
                    return
                self._check_limit()

    def _see(self, command: Object) -> None:
        was_bound, bound = is_bound(self._last), is_bound(command)
        another_attempt = command.get("status", {}).get("attempt") != self._last.get("status", {}).get("attempt")
        self._last = command
        if self._cancelled:
            return
        if bound and (not was_bound or another_attempt):
            self._limit = _Limit.after(self._run_limit)
        elif was_bound and not bound:
            self._limit = _Limit.after(self._start_timeout)

    def _check_limit(self) -> None:
        if self._cancellation.requested and not self._cancelled:
            self._cancelled = True
            self._limit = _Limit.after(_GRACE)
        if self._limit.remaining() > 0:
            return
        if is_bound(self._last) or self._cancelled:
            raise RunFailed(f"sandboxcommand {self._name} has not ended in time, and was given up: {self._state()}")
        raise CommandNotStarted(
            f"no executor took sandboxcommand {self._name} within {self._start_timeout:g} s, and it was cancelled: "
            f"{self._state()}"
        )

    def _deleted(self) -> RunFailed:
        return RunFailed(f"sandboxcommand {self._name} was deleted before it had ended: {self._state()}")

    def _state(self) -> str:
        scheduled = condition(self._last, "Scheduled")
        if not scheduled:
            return "no controller has looked at it; does it run?"
        return f"{scheduled['reason']}: {scheduled.get('message', '')}"

"""Commands on this machine, through the command line program."""

from __future__ import annotations

import errno
import logging
import math
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

from fumehood._answer import read_answer
from fumehood._cancellation import Cancellation
from fumehood._errors import FumehoodError, InvalidRequest, ProgramNotFound, RunFailed
from fumehood._program import find_program
from fumehood._request import CommandRequest
from fumehood._result import CommandResult

IsolationChoice = Literal["auto", "runsc", "docker", "process"]

_log = logging.getLogger("fumehood")

# Beyond the command's own time: `auto` tries two isolations for up to 30 s each, and a sandbox has to start.
_ALLOWANCE = 120.0
# The program kills and removes a sandbox within this time after SIGTERM.
_GRACE = 15.0


class LocalBackend:
    """Runs each command in a process of the program `fumehood`, which doesn't outlive it."""

    def __init__(
        self,
        *,
        isolation: IsolationChoice = "auto",
        allow_unisolated_fallback: bool = False,
        program: str | os.PathLike[str] | None = None,
    ) -> None:
        if isolation not in get_args(IsolationChoice):
            raise InvalidRequest(f'isolation is "{isolation}", and can be {", ".join(get_args(IsolationChoice))}')
        self._isolation = isolation
        self._allow_unisolated_fallback = allow_unisolated_fallback
        self._program = program

    def run(self, request: CommandRequest, cancellation: Cancellation) -> CommandResult:
        program = find_program(self._program)
        argv = [program, *self._arguments(request)]
        with _start(argv, subprocess.DEVNULL if request.stdin is None else subprocess.PIPE) as process:
            try:
                with _ended_on(cancellation, process):
                    answer, notices = process.communicate(request.stdin, timeout=request.timeout + _ALLOWANCE)
            except subprocess.TimeoutExpired:
                _end(process)
                raise RunFailed(
                    f'"{program}" gave no answer within {request.timeout + _ALLOWANCE:g} s and was ended'
                ) from None
            except BaseException:
                _end(process)
                raise
        return _read(program, process.returncode, answer, notices)

    def close(self) -> None:
        pass

    def _arguments(self, request: CommandRequest) -> Iterator[str]:
        yield from ("run", "--json", f"--isolation={self._isolation}")
        yield f"--timeout={math.ceil(request.timeout * 1000)}ms"
        if self._allow_unisolated_fallback:
            yield "--allow-unisolated-fallback"
        if request.image is not None:
            yield f"--image={request.image}"
        if request.repo_path is not None:
            yield f"--repo={request.repo_path}"
        if request.working_dir is not None:
            yield f"--workdir={request.working_dir}"
        for name, value in request.env.items():
            yield f"--env={name}={value}"
        if request.stdin is not None:
            yield "--stdin"
        if request.max_output_bytes is not None:
            yield f"--max-output={request.max_output_bytes}"
        if request.access == "Ephemeral":
            yield "--access=ephemeral"
        limits: tuple[tuple[str, str | float | None], ...] = (
            ("cpus", request.resources.cpu),
            ("memory", request.resources.memory),
            ("pids", request.resources.pids),
            ("scratch", request.resources.scratch),
        )
        for option, limit in limits:
            if limit is not None:
                yield f"--{option}={limit}"
        if request.shell:
            yield f"--shell={request.shell}"
        else:
            yield "--"
            yield from request.command


def _start(argv: list[str], stdin: int) -> subprocess.Popen[bytes]:
    try:
        # The kernel takes bytes; whatever the locale is, they are UTF-8.
        return subprocess.Popen(
            [argument.encode() for argument in argv], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        if error.errno == errno.E2BIG:
            raise InvalidRequest(
                "the command, its script or its environment is too long for this machine: put it into the repository, "
                "or on stdin"
            ) from error
        raise ProgramNotFound(f'"{argv[0]}" can\'t be started: {error.strerror}') from error


@contextmanager
def _ended_on(cancellation: Cancellation, process: subprocess.Popen[bytes]) -> Iterator[None]:
    impatience = threading.Timer(_GRACE, process.kill)
    impatience.daemon = True

    def end() -> None:
        process.terminate()
        impatience.start()

    with cancellation.calls(end):
        try:
            yield
        finally:
            impatience.cancel()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Has the program remove its sandbox, and waits for it; the second interruption doesn't wait."""
    process.terminate()
    try:
        process.communicate(timeout=_GRACE)
    except BaseException as error:
        process.kill()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise


def _read(program: str, status: int, answer: bytes, notices: bytes) -> CommandResult:
    words = notices.decode(errors="replace").strip()
    try:
        read = read_answer(answer)
    except ValueError as error:
        how = f"was ended by signal {-status}" if status < 0 else f"ended with {status}"
        said = words or answer.decode(errors="replace").strip() or str(error)
        raise RunFailed(f'"{program}" {how} without an answer: {said[-2000:]}') from error
    for line in words.splitlines():
        _log.warning("%s", line)
    if isinstance(read, FumehoodError):
        raise read
    return read

"""A command as it was asked for, the same for every backend."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, cast, get_args

from fumehood._errors import InvalidRequest

Path = str | os.PathLike[str]
Timeout = float | timedelta
Access = Literal["ReadOnly", "Ephemeral"]

DEFAULT_TIMEOUT = 60
# As long as the cluster allows; select() on this machine can't wait for 25 days.
MAX_TIMEOUT = 86_400


@dataclass(frozen=True)
class Resources:
    """The most that a command may use, as Kubernetes writes quantities; None: what the backend gives by default."""

    cpu: str | float | None = None
    """Processors' time: "500m", 0.5 and 2 are possible."""
    memory: str | int | None = None
    """Of the whole sandbox, such as "512Mi", or bytes. Who needs more is killed."""
    pids: int | None = None
    """Processes and threads at a time; another one can't be made."""
    scratch: str | int | None = None
    """The size of /tmp and of /dev/shm, each, and of what is written into an Ephemeral repository."""


@dataclass(frozen=True)
class CommandRequest:
    """Exactly one of `command` and `shell` is not empty. Paths are as the backend understands them."""

    command: tuple[str, ...]
    shell: str
    working_dir: str | None
    repo_path: str | None
    env: Mapping[str, str]
    timeout: float
    """Seconds."""
    image: str | None
    stdin: bytes | None
    max_output_bytes: int | None
    """Of each output so many bytes are kept; None: as many as the backend keeps by default."""
    access: Access
    resources: Resources


def command_request(
    *,
    command: Sequence[str] = (),
    shell: str | None = None,
    working_dir: Path | None = None,
    repo_path: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    image: str | None = None,
    stdin: str | bytes | None = None,
    max_output_bytes: int | None = None,
    access: Access = "ReadOnly",
    resources: Resources | None = None,
) -> CommandRequest:
    """Checks what can be said without knowing the backend; raises InvalidRequest."""
    if isinstance(stdin, str):
        stdin = _text("stdin", stdin, may_hold_nul=True).encode()
    if max_output_bytes is not None and max_output_bytes < 0:
        raise InvalidRequest(f"max_output_bytes is {max_output_bytes}, and can't be negative")
    return CommandRequest(
        command=() if shell is not None else _argv(command),
        shell="" if shell is None else _script(shell),
        working_dir=_path("working_dir", working_dir),
        repo_path=_path("repo_path", repo_path),
        env={_name(name): _text(f'the value of "{name}" in env', value) for name, value in (env or {}).items()},
        timeout=_seconds(timeout),
        image=None if image is None else _text("image", image),
        stdin=stdin,
        max_output_bytes=max_output_bytes,
        access=_access(access),
        resources=Resources() if resources is None else resources,
    )


def _access(access: object) -> Access:
    for one in get_args(Access):
        if access == one:
            return cast(Access, one)
    raise InvalidRequest(f"access is {access!r}, and can be {' or '.join(get_args(Access))}")


def _text(what: str, value: object, *, may_hold_nul: bool = False) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"{what} is a {type(value).__name__}, and must be a str")
    if "\0" in value and not may_hold_nul:
        raise InvalidRequest(f"{what} holds a NUL character, which no program can be given: pass such data on stdin")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{what} is not Unicode text: {error}") from error
    return value


def _argv(command: Sequence[str]) -> tuple[str, ...]:
    if isinstance(command, (str, bytes)):
        raise InvalidRequest(
            "command is one string, and must be a list such as ['ls', '-la']; for a script there is the shell variant"
        )
    argv = tuple(_text(f"command[{index}]", argument) for index, argument in enumerate(command))
    if not argv or not argv[0]:
        raise InvalidRequest("command is empty: its first item must be the program to start")
    return argv


def _script(shell: str) -> str:
    if not _text("shell_command", shell).strip():
        raise InvalidRequest("shell_command is empty")
    return shell


def _path(what: str, path: Path | None) -> str | None:
    if path is None:
        return None
    text = _text(what, os.fspath(path))
    if not text:
        raise InvalidRequest(f"{what} is empty: leave it out, or name a directory")
    return text


def _name(name: object) -> str:
    text = _text("a name in env", name)
    if not text or "=" in text:
        raise InvalidRequest(f'"{text}" in env is no name of a variable')
    return text


def _seconds(timeout: object) -> float:
    if isinstance(timeout, timedelta):
        seconds = timeout.total_seconds()
    elif isinstance(timeout, (int, float)) and not isinstance(timeout, bool):
        seconds = float(timeout)
    else:
        raise InvalidRequest(
            f"timeout is {timeout!r}, and must be a number of seconds or a timedelta: there is always a limit"
        )
    if math.isnan(seconds) or not 0.001 <= seconds <= MAX_TIMEOUT:
        raise InvalidRequest(f"timeout is {seconds:g} s, and must be from 0.001 to {MAX_TIMEOUT} s")
    return seconds

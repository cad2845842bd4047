"""The three functions as coroutines. When the task is cancelled, its command is ended, and awaited, first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fumehood import _availability
from fumehood._availability import Availability
from fumehood._client import AsyncFumehood
from fumehood._local import IsolationChoice
from fumehood._request import DEFAULT_TIMEOUT, Access, Path, Resources, Timeout
from fumehood._result import CommandResult
from fumehood._threads import in_thread

__all__ = ["is_gvisor_available", "run_command_isolated", "run_shell_command_isolated"]


async def run_command_isolated(
    command: Sequence[str],
    working_dir: Path | None = None,
    repo_path: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    *,
    isolation: IsolationChoice = "auto",
    image: str | None = None,
    stdin: str | bytes | None = None,
    max_output_bytes: int | None = None,
    access: Access = "ReadOnly",
    resources: Resources | None = None,
    allow_unisolated_fallback: bool = False,
) -> CommandResult:
    """As fumehood.run_command_isolated."""
    here = AsyncFumehood.local(isolation=isolation, allow_unisolated_fallback=allow_unisolated_fallback)
    return await here.run(
        command,
        working_dir,
        repo_path,
        env,
        timeout,
        image=image,
        stdin=stdin,
        max_output_bytes=max_output_bytes,
        access=access,
        resources=resources,
    )


async def run_shell_command_isolated(
    shell_command: str,
    working_dir: Path | None = None,
    repo_path: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    *,
    isolation: IsolationChoice = "auto",
    image: str | None = None,
    stdin: str | bytes | None = None,
    max_output_bytes: int | None = None,
    access: Access = "ReadOnly",
    resources: Resources | None = None,
    allow_unisolated_fallback: bool = False,
) -> CommandResult:
    """As fumehood.run_shell_command_isolated."""
    here = AsyncFumehood.local(isolation=isolation, allow_unisolated_fallback=allow_unisolated_fallback)
    return await here.run_shell(
        shell_command,
        working_dir,
        repo_path,
        env,
        timeout,
        image=image,
        stdin=stdin,
        max_output_bytes=max_output_bytes,
        access=access,
        resources=resources,
    )


async def is_gvisor_available(*, refresh: bool = False) -> Availability:
    """As fumehood.is_gvisor_available, whose answer it shares."""
    return await in_thread(lambda cancellation: _availability.find_out(cancellation, refresh=refresh))

"""The three functions for which nothing has to be set up. They run commands on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fumehood._client import Fumehood
from fumehood._local import IsolationChoice
from fumehood._request import DEFAULT_TIMEOUT, Access, Path, Resources, Timeout
from fumehood._result import CommandResult


def run_command_isolated(
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
    """Runs a program in a sandbox: the repository read-only, no network, no inherited environment, a time limit.

    command: the program and its arguments, started without a shell.
    working_dir: where it starts; by default the repository. A directory outside of the repository is at /workspace,
        and the repository then at its own path.
    repo_path: what the command finds at /workspace; by default the working directory. Without both it is the current
        directory.
    env: the whole environment, beside defaults for PATH, HOME and LANG.
    timeout: seconds, or a timedelta; at most a day. Then the command is killed; what it wrote until then is kept.
    isolation: "auto" takes gVisor's runsc where it works, and else a Docker engine that has it; "process" is none.
    image: for runsc the folder of a root file system, for Docker the name of an image.
    stdin: what the command reads, up to 256 KiB; by default nothing.
    max_output_bytes: so much of each output is kept, half of it from its end; by default 1 MiB.
    access: "Ephemeral" lets the command write to its repository, in memory: nothing of it stays.
    resources: how much memory, processor time, processes and scratch space it may have.
    allow_unisolated_fallback: with "auto": run the command without isolation rather than not at all. The result says
        so in `isolation`, and a warning is logged.

    A command that fails, is not found or runs out of time is a CommandResult. Raises ProgramNotFound, InvalidRequest,
    IsolationUnavailable or RunFailed (all FumehoodError) where it could not be run. On KeyboardInterrupt the command is
    ended first.
    """
    here = Fumehood.local(isolation=isolation, allow_unisolated_fallback=allow_unisolated_fallback)
    return here.run(
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


def run_shell_command_isolated(
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
    """Runs a script with /bin/sh in a sandbox; all else is as with run_command_isolated."""
    here = Fumehood.local(isolation=isolation, allow_unisolated_fallback=allow_unisolated_fallback)
    return here.run_shell(
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

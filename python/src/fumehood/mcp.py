"""A server of the Model Context Protocol, by which agents run commands on repositories of this machine, isolated."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from fumehood._client import AsyncFumehood
from fumehood._errors import FumehoodError
from fumehood._request import DEFAULT_TIMEOUT, MAX_TIMEOUT
from fumehood._result import CommandResult

try:
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from pydantic import BaseModel, Field
except ImportError as error:
    raise ImportError(f"needs the Python package mcp, version 2 ({error}): pip install 'fumehood[mcp]'") from error

# An agent reads all of it.
_MAX_OUTPUT_BYTES = 32 * 1024
_INSTRUCTIONS = (
    "Runs commands on repositories in a sandbox: the repository is at /workspace and read-only, there is no network, "
    "and nothing is kept between commands. /tmp can be written to."
)


class RanIn(BaseModel):
    """What really confined the command."""

    backend: str
    runtime: str
    version: str
    platform: str
    network: str
    repository: str


class CommandOutcome(BaseModel):
    """How the command ended."""

    success: bool
    returncode: int = Field(description="124: time limit, 126: not executable, 127: not found, 128+n: signal n")
    reason: str = Field(description="Exited, Signaled, TimedOut, CommandNotFound, …")
    message: str
    timed_out: bool
    stdout: str
    stderr: str
    stdout_truncated: bool = Field(description="a line [fumehood: N bytes omitted] stands for what is missing")
    stderr_truncated: bool
    duration_seconds: float
    isolation: RanIn


@dataclass(frozen=True)
class Limits:
    """What agents may ask for. Repositories are the roots themselves, and all directories below."""

    roots: tuple[Path, ...]
    max_timeout: float = 600.0
    """Seconds."""
    max_output_bytes: int = _MAX_OUTPUT_BYTES
    image: str | None = None


def make_server(limits: Limits, fumehood: AsyncFumehood) -> MCPServer:
    """The server with its one tool. `fumehood` must not allow commands without isolation."""
    server = MCPServer("fumehood", instructions=_INSTRUCTIONS, log_level="WARNING")

    @server.tool()
    async def run_command(
        repo_path: Annotated[str, Field(description="the repository: an absolute path of this machine")],
        command: Annotated[list[str] | None, Field(description="the program and its arguments; no shell")] = None,
        shell: Annotated[str | None, Field(description="instead of command: a script for /bin/sh")] = None,
        working_dir: Annotated[str | None, Field(description="where it starts, relative to the repository")] = None,
        env: Annotated[dict[str, str] | None, Field(description="the environment; nothing is inherited")] = None,
        timeout: Annotated[float | None, Field(description="seconds; then the command is killed")] = None,
        stdin: Annotated[str | None, Field(description="what the command reads")] = None,
    ) -> CommandOutcome:
        """Runs one command in a gVisor sandbox and returns its exit status and output."""
        if (command is None) == (shell is None):
            raise ToolError("give exactly one of command and shell")
        try:
            repository = _allowed(limits, repo_path)
            start = _inside(repository, working_dir)
            seconds = _allowed_timeout(limits, timeout)
            kept = limits.max_output_bytes
            if shell is not None:
                result = await fumehood.run_shell(
                    shell, start, repository, env, seconds, stdin=stdin, image=limits.image, max_output_bytes=kept
                )
            else:
                result = await fumehood.run(
                    command or [],
                    start,
                    repository,
                    env,
                    seconds,
                    stdin=stdin,
                    image=limits.image,
                    max_output_bytes=kept,
                )
        except FumehoodError as error:
            raise ToolError(str(error)) from error
        return _outcome(result)

    return server


def _allowed(limits: Limits, repo_path: str) -> Path:
    """The repository without symbolic links, so that what is checked is what is mounted."""
    if not os.path.isabs(repo_path):
        raise ToolError(f'repo_path is "{repo_path}", and must be absolute: {_roots(limits)}')
    try:
        real = Path(repo_path).resolve(strict=True)
    except (OSError, ValueError):
        real = None
    # What exists outside of the roots is none of the agent's business either.
    if real is None or not real.is_dir() or not any(real.is_relative_to(root) for root in limits.roots):
        raise ToolError(f'"{repo_path}" is no directory that may be used: {_roots(limits)}')
    return real


def _inside(repository: Path, working_dir: str | None) -> Path | None:
    if working_dir is None:
        return None
    try:
        real = (repository / working_dir).resolve(strict=True)
    except (OSError, ValueError):
        real = None
    if real is None or not real.is_dir() or not real.is_relative_to(repository):
        raise ToolError(f'working_dir is "{working_dir}", which is no directory in the repository')
    return real


def _allowed_timeout(limits: Limits, timeout: float | None) -> float:
    if timeout is None:
        return min(DEFAULT_TIMEOUT, limits.max_timeout)
    if timeout > limits.max_timeout:
        raise ToolError(f"timeout is {timeout:g} s, and may be {limits.max_timeout:g} s at most")
    return timeout


def _roots(limits: Limits) -> str:
    return "repositories are " + ", ".join(str(root) for root in limits.roots) + " and what is below"


def _outcome(result: CommandResult) -> CommandOutcome:
    confinement = result.isolation
    return CommandOutcome(
        success=result.success,
        returncode=result.returncode,
        reason=result.reason,
        message=result.message,
        timed_out=result.timed_out,
        stdout=result.stdout,
        stderr=result.stderr,
        stdout_truncated=result.stdout_truncated,
        stderr_truncated=result.stderr_truncated,
        duration_seconds=result.duration,
        isolation=RanIn(
            backend=confinement.backend,
            runtime=confinement.runtime,
            version=confinement.version,
            platform=confinement.platform,
            network=confinement.network,
            repository=confinement.repository,
        ),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves on the standard input and output until the input is closed; see `fumehood-mcp --help`."""
    parser = argparse.ArgumentParser(prog="fumehood-mcp", description=_INSTRUCTIONS)
    parser.add_argument(
        "--repos", nargs="+", required=True, type=_directory, metavar="DIR", help="repositories, or folders of them"
    )
    parser.add_argument(
        "--max-timeout", type=_seconds, default=600.0, metavar="SECONDS", help="the longest a command may run (600)"
    )
    parser.add_argument(
        "--max-output", type=_bytes, default=_MAX_OUTPUT_BYTES, metavar="BYTES", help="kept of each output (32768)"
    )
    parser.add_argument("--isolation", choices=("auto", "runsc", "docker"), default="auto", help="there is always one")
    parser.add_argument("--image", help="as with `fumehood run`")
    options = parser.parse_args(arguments)
    limits = Limits(tuple(options.repos), options.max_timeout, options.max_output, options.image)
    isolation: Literal["auto", "runsc", "docker"] = options.isolation
    make_server(limits, AsyncFumehood.local(isolation=isolation)).run("stdio")
    return 0


def _directory(text: str) -> Path:
    path = Path(text).resolve()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f'"{text}" is no directory')
    if path == Path("/"):
        raise argparse.ArgumentTypeError("the whole file system can't be a repository")
    return path


def _seconds(text: str) -> float:
    seconds = float(text)
    if math.isnan(seconds) or not 0 < seconds <= MAX_TIMEOUT:
        raise argparse.ArgumentTypeError(f"from 0 to {MAX_TIMEOUT} seconds")
    return seconds


def _bytes(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a number of bytes is not negative")
    return number


if __name__ == "__main__":
    sys.exit(main())

"""What became of a command."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Isolation:
    """What really confined the command."""

    backend: str
    """"runsc", "docker" or "cluster"; "process" means: nothing did."""
    runtime: str
    """What ran the sandbox, such as "runsc"."""
    version: str
    platform: str
    """How system calls are intercepted, such as "systrap"."""
    network: str
    """The network that the command had, such as "none"."""
    repository: str
    """The access to the repository that the command had, such as "ReadOnly"."""

    @property
    def isolated(self) -> bool:
        """False where the command ran as an ordinary process of this machine."""
        return self.backend != "process"


@dataclass(frozen=True)
class CommandResult:
    """How a command ended, and its output up to there."""

    returncode: int
    """The command's own; 124: its time was over, 126: not executable, 127: not found, 128+n: ended by signal n."""
    stdout: str
    """As text; what is not UTF-8 is shown as U+FFFD, and is whole in stdout_bytes."""
    stderr: str
    reason: str
    """One word: Exited, Signaled, TimedOut, CommandNotFound, CommandNotExecutable, SandboxTerminated, Cancelled, …"""
    message: str
    """The reason in a sentence; may be empty where the command ended by itself."""
    isolation: Isolation
    signal: int | None = None
    """The signal that ended the command."""
    startup: float = 0.0
    """Seconds from the acceptance of the command to its start."""
    duration: float = 0.0
    """Seconds that the command ran."""
    stdout_bytes: bytes = field(default=b"", repr=False)
    """What was kept of the output, as the command wrote it."""
    stderr_bytes: bytes = field(default=b"", repr=False)
    stdout_size: int = 0
    """So many bytes the command wrote, kept or not."""
    stderr_size: int = 0
    stdout_truncated: bool = False
    """Some of it was not kept: a line "[fumehood: N bytes omitted]" stands for it."""
    stderr_truncated: bool = False
    name: str | None = None
    """In a cluster: the name that the SandboxCommand has, or had."""

    @property
    def success(self) -> bool:
        """It ended by itself, with 0."""
        return self.returncode == 0

    @property
    def timed_out(self) -> bool:
        """It was killed because its time was over."""
        return self.reason == "TimedOut"

"""Where commands run."""

from __future__ import annotations

from typing import Protocol

from fumehood._cancellation import Cancellation
from fumehood._request import CommandRequest
from fumehood._result import CommandResult


class Backend(Protocol):
    """One place where commands run. Several threads may use it."""

    def run(self, request: CommandRequest, cancellation: Cancellation) -> CommandResult:
        """Runs one command and waits for its end; raises FumehoodError where it could not be run.

        On a cancellation, and on any exception such as KeyboardInterrupt, the command is ended first.
        """

    def close(self) -> None:
        """Releases connections. Commands that run are not ended by it."""

"""Why a command could not be run. How a command ended is never an exception: that is a CommandResult."""

from __future__ import annotations


class FumehoodError(Exception):
    """The command was not run, or nobody knows how it ended. The message says what was tried and how to fix it."""


class ProgramNotFound(FumehoodError):
    """The command line program `fumehood` is not on this machine, or can't be executed."""


class InvalidRequest(FumehoodError, ValueError):
    """The request itself is wrong, such as a path that is no directory. The same request never succeeds."""


class IsolationUnavailable(FumehoodError):
    """The isolation that was asked for doesn't work here. The command was not run."""


class RunFailed(FumehoodError):
    """The command may have been started, and nobody can tell how it ended."""


class ClusterError(FumehoodError):
    """Something between us and a command in the cluster."""


class NotInstalled(ClusterError):
    """The cluster doesn't know SandboxCommands, or not the namespace."""


class AccessDenied(ClusterError):
    """The API server doesn't let us do that, or doesn't know us."""


class QuotaExceeded(ClusterError):
    """A ResourceQuota of the namespace allows no more SandboxCommands."""


class ClusterUnavailable(ClusterError):
    """The API server can't be reached, or could not do it now. It may succeed later."""


class CommandNotStarted(ClusterError):
    """No executor took the command in time; it was cancelled. The message has the cluster's own reason."""

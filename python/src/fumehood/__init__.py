"""Runs commands that nobody should trust, isolated by gVisor: on this machine or in a Kubernetes cluster."""

from fumehood._availability import Availability, is_gvisor_available
from fumehood._backend import Backend
from fumehood._cancellation import Cancellation
from fumehood._client import AsyncFumehood, Fumehood
from fumehood._errors import (
    AccessDenied,
    ClusterError,
    ClusterUnavailable,
    CommandNotStarted,
    FumehoodError,
    InvalidRequest,
    IsolationUnavailable,
    NotInstalled,
    ProgramNotFound,
    QuotaExceeded,
    RunFailed,
)
from fumehood._functions import run_command_isolated, run_shell_command_isolated
from fumehood._request import Access, CommandRequest, Resources
from fumehood._result import CommandResult, Isolation

__all__ = [
    "Access",
    "AccessDenied",
    "AsyncFumehood",
    "Availability",
    "Backend",
    "Cancellation",
    "ClusterError",
    "ClusterUnavailable",
    "CommandNotStarted",
    "CommandRequest",
    "CommandResult",
    "Fumehood",
    "FumehoodError",
    "InvalidRequest",
    "Isolation",
    "IsolationUnavailable",
    "NotInstalled",
    "ProgramNotFound",
    "QuotaExceeded",
    "Resources",
    "RunFailed",
    "is_gvisor_available",
    "run_command_isolated",
    "run_shell_command_isolated",
]

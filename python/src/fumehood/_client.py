"""One place where many commands run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TypeVar

from fumehood import _backends
from fumehood._backend import Backend
from fumehood._backends import DEFAULT_START_TIMEOUT, ClusterOptions
from fumehood._cancellation import Cancellation
from fumehood._local import IsolationChoice, LocalBackend
from fumehood._request import DEFAULT_TIMEOUT, Access, Path, Resources, Timeout, command_request
from fumehood._result import CommandResult
from fumehood._threads import in_thread

Client = TypeVar("Client", bound="OnBackend")


class OnBackend:
    """How clients are made, the same for those with and without an event loop."""

    def __init__(self, backend: Backend) -> None:
        """For a backend of one's own; otherwise there are local, in_cluster and from_kubeconfig."""
        self._backend = backend

    @classmethod
    def local(
        cls: type[Client],
        *,
        isolation: IsolationChoice = "auto",
        allow_unisolated_fallback: bool = False,
        program: str | os.PathLike[str] | None = None,
    ) -> Client:
        """Commands on this machine, as run_command_isolated runs them.

        program: the command line program `fumehood`; by default that of $FUMEHOOD_PROGRAM, beside this Python, or on
            the PATH.
        """
        return cls(
            LocalBackend(isolation=isolation, allow_unisolated_fallback=allow_unisolated_fallback, program=program)
        )

    @classmethod
    def in_cluster(
        cls: type[Client],
        namespace: str | None = None,
        *,
        keep: bool = False,
        start_timeout: float = DEFAULT_START_TIMEOUT,
        runtime_class: str | None = None,
        node_selector: Mapping[str, str] | None = None,
    ) -> Client:
        """Commands in the cluster in whose pod we are, as its service account and by default in its namespace.

        All else is as with from_kubeconfig.
        """
        options = ClusterOptions(keep, start_timeout, runtime_class, node_selector)
        return cls(_backends.in_cluster(namespace, options))

    @classmethod
    def from_kubeconfig(
        cls: type[Client],
        path: str | os.PathLike[str] | None = None,
        context: str | None = None,
        namespace: str | None = None,
        *,
        keep: bool = False,
        start_timeout: float = DEFAULT_START_TIMEOUT,
        runtime_class: str | None = None,
        node_selector: Mapping[str, str] | None = None,
    ) -> Client:
        """Commands in the cluster that a kubeconfig names; by default $KUBECONFIG or ~/.kube/config, as kubectl does.

        Proxies and certificates are those that the kubeconfig names; none are taken from the environment. Needs the
        extra `kubernetes`.

        keep: leave the SandboxCommands where they are. Otherwise each is deleted after its end.
        start_timeout: so many seconds a command may wait for an executor; then it is cancelled, and CommandNotStarted
            says what it waited for.
        runtime_class, node_selector: as in the spec of a SandboxCommand.

        Raises ClusterError where there is no usable configuration.
        """
        options = ClusterOptions(keep, start_timeout, runtime_class, node_selector)
        return cls(_backends.from_kubeconfig(path, context, namespace, options))


class Fumehood(OnBackend):
    """Runs commands in one place. Several threads may use it, each for a command of its own."""

    def run(
        self,
        command: Sequence[str],
        working_dir: Path | None = None,
        repo_path: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        *,
        image: str | None = None,
        stdin: str | bytes | None = None,
        max_output_bytes: int | None = None,
        access: Access = "ReadOnly",
        resources: Resources | None = None,
    ) -> CommandResult:
        """Runs a program and waits for its end; the parameters are those of run_command_isolated.

        In a cluster repo_path is relative to the executors' root, working_dir relative to the repository, image the
        name under which executors offer it; the timeout is whole seconds, rounded up; stdin is text of at most 65,536
        characters; and of each output 16 KiB are kept by default, 256 KiB at most.

        Raises what run_command_isolated raises, and in a cluster NotInstalled, AccessDenied, QuotaExceeded,
        CommandNotStarted or ClusterUnavailable. On any exception, KeyboardInterrupt too, the command is ended first.
        """
        request = command_request(
            command=command,
            working_dir=working_dir,
            repo_path=repo_path,
            env=env,
            timeout=timeout,
            image=image,
            stdin=stdin,
            max_output_bytes=max_output_bytes,
            access=access,
            resources=resources,
        )
        return self._backend.run(request, Cancellation())

    def run_shell(
        self,
        shell_command: str,
        working_dir: Path | None = None,
        repo_path: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        *,
        image: str | None = None,
        stdin: str | bytes | None = None,
        max_output_bytes: int | None = None,
        access: Access = "ReadOnly",
        resources: Resources | None = None,
    ) -> CommandResult:
        """Runs a script with /bin/sh; all else is as with run."""
        request = command_request(
            shell=shell_command,
            working_dir=working_dir,
            repo_path=repo_path,
            env=env,
            timeout=timeout,
            image=image,
            stdin=stdin,
            max_output_bytes=max_output_bytes,
            access=access,
            resources=resources,
        )
        return self._backend.run(request, Cancellation())

    def close(self) -> None:
        """Releases connections."""
        self._backend.close()

    def __enter__(self) -> Fumehood:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncFumehood(OnBackend):
    """Runs commands in one place, for asyncio. When a task that awaits a command is cancelled, the command is ended."""

    async def run(
        self,
        command: Sequence[str],
        working_dir: Path | None = None,
        repo_path: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        *,
        image: str | None = None,
        stdin: str | bytes | None = None,
        max_output_bytes: int | None = None,
        access: Access = "ReadOnly",
        resources: Resources | None = None,
    ) -> CommandResult:
        """As Fumehood.run."""
        request = command_request(
            command=command,
            working_dir=working_dir,
            repo_path=repo_path,
            env=env,
            timeout=timeout,
            image=image,
            stdin=stdin,
            max_output_bytes=max_output_bytes,
            access=access,
            resources=resources,
        )
        return await in_thread(lambda cancellation: self._backend.run(request, cancellation))

    async def run_shell(
        self,
        shell_command: str,
        working_dir: Path | None = None,
        repo_path: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        *,
        image: str | None = None,
        stdin: str | bytes | None = None,
        max_output_bytes: int | None = None,
        access: Access = "ReadOnly",
        resources: Resources | None = None,
    ) -> CommandResult:
        """As Fumehood.run_shell."""
        request = command_request(
            shell=shell_command,
            working_dir=working_dir,
            repo_path=repo_path,
            env=env,
            timeout=timeout,
            image=image,
            stdin=stdin,
            max_output_bytes=max_output_bytes,
            access=access,
            resources=resources,
        )
        return await in_thread(lambda cancellation: self._backend.run(request, cancellation))

    async def close(self) -> None:
        """Releases connections."""
        self._backend.close()

    async def __aenter__(self) -> AsyncFumehood:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

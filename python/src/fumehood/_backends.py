"""Makes backends. The official Kubernetes client is imported only for those that need it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fumehood._errors import FumehoodError

if TYPE_CHECKING:
    from fumehood._cluster import ClusterBackend
    from fumehood._cluster_api import CommandApi

DEFAULT_START_TIMEOUT = 300.0


@dataclass(frozen=True)
class ClusterOptions:
    """How commands run in a cluster."""

    keep: bool = False
    """Leave the SandboxCommands where they are. Otherwise each is deleted after its end."""
    start_timeout: float = DEFAULT_START_TIMEOUT
    """So many seconds a command may wait for an executor; then it is cancelled, and CommandNotStarted says why."""
    runtime_class: str | None = None
    """The RuntimeClass that confines it; None: the cluster's default, gvisor."""
    node_selector: Mapping[str, str] | None = None
    """Labels that the node must have."""


def in_cluster(namespace: str | None, options: ClusterOptions) -> ClusterBackend:
    _need_kubernetes()
    from fumehood import _cluster_api

    return _backend(_cluster_api.from_pod(namespace), options)


def from_kubeconfig(
    path: str | os.PathLike[str] | None, context: str | None, namespace: str | None, options: ClusterOptions
) -> ClusterBackend:
    _need_kubernetes()
    from fumehood import _cluster_api

    return _backend(_cluster_api.from_kubeconfig(path, context, namespace), options)


def _backend(api: CommandApi, options: ClusterOptions) -> ClusterBackend:
    from fumehood._cluster import ClusterBackend

    return ClusterBackend(api, options)


def _need_kubernetes() -> None:
    try:
        import kubernetes  # noqa: F401
    except ImportError as error:
        raise FumehoodError(
            "clusters need the Python package kubernetes, which is not installed: pip install 'fumehood[kubernetes]'"
        ) from error

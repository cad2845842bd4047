"""The requests that we make to an API server, through the official client. Its exceptions end here."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config

from fumehood._cluster_objects import GROUP, PLURAL, VERSION, Object
from fumehood._errors import (
    AccessDenied,
    ClusterError,
    ClusterUnavailable,
    FumehoodError,
    InvalidRequest,
    NotInstalled,
    QuotaExceeded,
)

_NAMESPACE_OF_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
# Of Debian, Red Hat, and others.
_SYSTEM_AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_REQUEST_TIMEOUT = (10, 30)  # seconds to connect, and of silence
# Beyond the end that the server was asked for, so that a slow end is told from a dead connection.
_SILENCE = 5


class HistoryGone(Exception):
    """The server no longer keeps the changes since that version: list again."""


class ObjectGone(Exception):
    """There is no such object."""


class CommandApi:
    """The SandboxCommands of one namespace. Several threads may use it."""

    def __init__(self, api_client: client.ApiClient, namespace: str) -> None:
        self.namespace = namespace
        self._api_client: Any = api_client
        self._objects: Any = client.CustomObjectsApi(api_client)
        self._where = (GROUP, VERSION, namespace, PLURAL)

    def create(self, command: Object) -> Object:
        with _translated("create a SandboxCommand", self.namespace):
            created: Object = self._objects.create_namespaced_custom_object(
                *self._where, command, field_validation="Strict", _request_timeout=_REQUEST_TIMEOUT
            )
        return created

    def list(self, *, field_selector: str = "", label_selector: str = "") -> tuple[str, list[Object]]:
        """The version to watch from, and what there is."""
        with _translated("list SandboxCommands", self.namespace):
            listed = self._objects.list_namespaced_custom_object(
                *self._where,
                field_selector=field_selector,
                label_selector=label_selector,
                _request_timeout=_REQUEST_TIMEOUT,
            )
        return listed["metadata"]["resourceVersion"], listed["items"]

    def watch(self, name: str, version: str, seconds: int) -> Generator[tuple[str, Object], None, None]:
        """What happens to one object after `version`, for so many seconds: the type of the event, and the object.

        Raises HistoryGone.
        """
        with _translated("watch a SandboxCommand", self.namespace):
            response = self._objects.list_namespaced_custom_object(
                *self._where,
                field_selector=f"metadata.name={name}",
                resource_version=version,
                watch=True,
                allow_watch_bookmarks=True,
                timeout_seconds=seconds,
                _preload_content=False,
                _request_timeout=(_REQUEST_TIMEOUT[0], seconds + _SILENCE),
            )
            try:
                if response.status != 200:
                    raise client.ApiException(http_resp=response, body=response.data.decode(errors="replace"))
                for line in _lines(response):
                    event = json.loads(line)
                    kind, seen = event["type"], event["object"]
                    if kind == "ERROR":
                        error = client.ApiException(status=seen.get("code"), reason=seen.get("message"))
                        error.body = json.dumps(seen)
                        raise error
                    yield kind, seen
            except client.ApiException as error:
                if error.status == 410:
                    raise HistoryGone from error
                raise
            finally:
                # An answer that was not read to its end makes the connection unusable for others.
                response.close()
                response.release_conn()

    def cancel(self, name: str) -> None:
        """Raises ObjectGone where there is nothing left to cancel; a finished command stays as it is."""
        with _translated("cancel a SandboxCommand", self.namespace):
            try:
                self._objects.patch_namespaced_custom_object(
                    *self._where,
                    name,
                    {"spec": {"cancel": True}},
                    _content_type="application/merge-patch+json",
                    _request_timeout=_REQUEST_TIMEOUT,
                )
            except client.ApiException as error:
                # The API server refuses it after the end.
                if error.status != 422:
                    raise _object_gone(error) from error

    def delete(self, name: str) -> None:
        """Ends a command that runs, too. Raises ObjectGone."""
        with _translated("delete a SandboxCommand", self.namespace):
            try:
                self._objects.delete_namespaced_custom_object(*self._where, name, _request_timeout=_REQUEST_TIMEOUT)
            except client.ApiException as error:
                raise _object_gone(error) from error

    def close(self) -> None:
        self._api_client.close()


def from_pod(namespace: str | None) -> CommandApi:
    """As the service account of the pod that we run in. Raises ClusterError outside of a cluster."""
    configuration = _configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        if namespace is None:
            namespace = _NAMESPACE_OF_POD.read_text().strip()
    except (config.ConfigException, OSError) as error:
        raise ClusterError(f"this is no pod with a service account: {error}") from error
    return _open(configuration, namespace)


def from_kubeconfig(path: str | os.PathLike[str] | None, context: str | None, namespace: str | None) -> CommandApi:
    """As kubectl does: $KUBECONFIG or ~/.kube/config, its current context and namespace. Raises ClusterError."""
    configuration = _configuration()
    file = None if path is None else os.fspath(path)
    try:
        contexts, current = config.list_kube_config_contexts(config_file=file)  # type: ignore[no-untyped-call]
        config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=file, context=context, client_configuration=configuration
        )
    except (config.ConfigException, OSError) as error:
        raise ClusterError(
            f"read the kubeconfig {file or os.environ.get('KUBECONFIG') or '~/.kube/config'}: {error}"
        ) from error
    chosen = next((one for one in contexts if one["name"] == context), current)
    return _open(configuration, namespace or chosen["context"].get("namespace") or "default")


def _configuration() -> Any:
    configuration: Any = client.Configuration()
    # The library takes a proxy from the environment. Set before a kubeconfig is read, this leaves it its proxy-url.
    configuration.proxy = None
    configuration.no_proxy = None
    return configuration


def _open(configuration: Any, namespace: str) -> CommandApi:
    configuration.no_proxy = None if configuration.proxy else "*"
    if configuration.verify_ssl and not configuration.ssl_ca_cert:
        configuration.ssl_ca_cert = _system_authorities()
    return CommandApi(client.ApiClient(configuration), namespace)


def _system_authorities() -> str | None:
    """The system's own certificates, named: OpenSSL by itself would look at SSL_CERT_FILE first."""
    return next((bundle for bundle in _SYSTEM_AUTHORITIES if os.path.isfile(bundle)), None)


def _lines(response: Any) -> Iterator[bytes]:
    rest = b""
    for piece in response.stream(65_536, decode_content=True):
        *lines, rest = (rest + piece).split(b"\n")
        yield from filter(None, lines)


def _object_gone(error: client.ApiException) -> Exception:
    return ObjectGone() if error.status == 404 else error


@contextmanager
def _translated(what: str, namespace: str) -> Iterator[None]:
    try:
        yield
    except client.ApiException as error:
        raise _refusal(what, namespace, error) from error
    # The last one is an answer that was cut off.
    except (urllib3.exceptions.HTTPError, OSError, json.JSONDecodeError) as error:
        raise ClusterUnavailable(f"{what} in the namespace {namespace}: {error}") from error


def _refusal(what: str, namespace: str, error: client.ApiException) -> FumehoodError:
    try:
        status = json.loads(error.body or "")
        message, details = status["message"], status.get("details") or {}
    except (ValueError, KeyError, TypeError):
        message, details = str(error.body or error.reason), {}
    text = f"{what} in the namespace {namespace}: {message}"
    if error.status in (400, 413, 422):
        return InvalidRequest(text)
    if error.status == 401:
        return AccessDenied(f"{text}: the API server doesn't know us; is the token or the certificate still valid?")
    if error.status == 403:
        return QuotaExceeded(text) if "exceeded quota" in message else AccessDenied(text)
    if error.status == 404 and details.get("kind") == "namespaces":
        return NotInstalled(f"{text}: create the namespace, or name another")
    if error.status == 404:
        return NotInstalled(f"{text}: the cluster has no SandboxCommands; apply crds/ and manifests/base of Fumehood")
    return ClusterUnavailable(text)

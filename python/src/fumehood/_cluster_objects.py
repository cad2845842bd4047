"""A command as the object that the API server takes, and its status as the result. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fumehood._answer import output_bytes
from fumehood._errors import FumehoodError, InvalidRequest, RunFailed
from fumehood._request import CommandRequest, Resources
from fumehood._result import CommandResult, Isolation

GROUP, VERSION, PLURAL, KIND = "fumehood.dev", "v1alpha1", "sandboxcommands", "SandboxCommand"
# Finds again what was created when the API server's answer was lost.
REQUEST_LABEL = "fumehood.dev/request"

Object = dict[str, Any]

# As the local backend calls the same endings.
_REASONS = {"ExitedZero": "Exited", "ExitedNonZero": "Exited", "DeadlineExceeded": "TimedOut"}
_WRONG_REQUESTS = frozenset({"RepositoryUnavailable", "ImageNotFound", "InvalidSpec"})
# Of an ending that has no exit status; what shells and timeout(1) use.
_RETURNCODES = {"TimedOut": 124, "Cancelled": 143}
_NOT_TOLD = 125
_SIGNALED = 128
_NOT_EXECUTABLE = 126


def sandbox_command(
    request: CommandRequest, request_id: str, *, runtime_class: str | None, node_selector: Mapping[str, str] | None
) -> Object:
    """Raises InvalidRequest for what no cluster understands; the API server checks the rest."""
    if request.repo_path is None:
        raise InvalidRequest(
            "repo_path is missing: in a cluster it is the repository's path below the executors' root, "
            "such as team/shop"
        )
    spec: Object = {
        "repository": {"path": _relative("repo_path", request.repo_path, "the executors' root")},
        "timeoutSeconds": math.ceil(request.timeout),
    }
    if request.shell:
        spec["shell"] = request.shell
    else:
        spec["command"] = list(request.command)
    if request.working_dir is not None:
        spec["workingDir"] = _relative("working_dir", request.working_dir, "the repository")
    if request.env:
        spec["env"] = [{"name": name, "value": value} for name, value in request.env.items()]
    if request.stdin is not None:
        spec["stdin"] = _stdin(request.stdin)
    if request.image is not None:
        spec["image"] = request.image
    if request.max_output_bytes is not None:
        spec["output"] = {"maxBytes": request.max_output_bytes}
    if request.access != "ReadOnly":
        spec["repository"]["access"] = request.access
    if resources := _resources(request.resources):
        spec["resources"] = resources
    if runtime_class is not None:
        spec["runtimeClassName"] = runtime_class
    if node_selector:
        spec["nodeSelector"] = dict(node_selector)
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"generateName": "command-", "labels": {REQUEST_LABEL: request_id}},
        "spec": spec,
    }


def name_of(command: Object) -> str:
    name: str = command["metadata"]["name"]
    return name


def version_of(command: Object) -> str:
    version: str = command["metadata"]["resourceVersion"]
    return version


def is_finished(command: Object) -> bool:
    return condition(command, "Finished").get("status") == "True"


def is_bound(command: Object) -> bool:
    """An executor has it. It may lose it again."""
    return command.get("status", {}).get("phase") in ("Scheduled", "Running")


def condition(command: Object, kind: str) -> Object:
    """The condition of that type; an empty dict where there is none."""
    for one in command.get("status", {}).get("conditions", []):
        if one["type"] == kind:
            return dict(one)
    return {}


def read_finished(command: Object) -> CommandResult | FumehoodError:
    """The result of a finished command, or why it was not run."""
    status = command["status"]
    verdict = condition(command, "Succeeded") or condition(command, "Finished")
    reason: str = verdict["reason"]
    message: str = verdict.get("message", "")
    if reason in _WRONG_REQUESTS:
        return InvalidRequest(f"{reason}: {message}")
    if reason == "ExecutorLost":
        return RunFailed(f"{reason}: {message}")
    if reason == "CommandNotFound" and status.get("exitCode") == _NOT_EXECUTABLE:
        reason = "CommandNotExecutable"
    reason = _REASONS.get(reason, reason)
    stdout, stderr = (
        output_bytes(status.get(stream, ""), status.get("outputEncoding", "utf-8")) for stream in ("stdout", "stderr")
    )
    isolation = status.get("isolation", {})
    return CommandResult(
        returncode=_returncode(status, reason),
        stdout=stdout.decode(errors="replace"),
        stderr=stderr.decode(errors="replace"),
        reason=reason,
        message="" if reason == "Exited" else message,
        isolation=Isolation(
            backend="cluster",
            runtime=isolation.get("runtime", ""),
            version=isolation.get("version", ""),
            platform=isolation.get("platform", ""),
            network=isolation.get("network", ""),
            repository=isolation.get("repository", ""),
        ),
        signal=status.get("signal"),
        startup=status.get("startupMillis", 0) / 1000,
        duration=status.get("durationMillis", 0) / 1000,
        stdout_bytes=stdout,
        stderr_bytes=stderr,
        stdout_size=status.get("stdoutBytes", 0),
        stderr_size=status.get("stderrBytes", 0),
        stdout_truncated=status.get("stdoutTruncated", False),
        stderr_truncated=status.get("stderrTruncated", False),
        name=name_of(command),
    )


def _returncode(status: Object, reason: str) -> int:
    if "exitCode" in status:
        return int(status["exitCode"])
    if "signal" in status:
        return _SIGNALED + int(status["signal"])
    return _RETURNCODES.get(reason, _NOT_TOLD)


def _relative(what: str, path: str, root: str) -> str:
    if path.startswith("/"):
        raise InvalidRequest(f'{what} is "{path}": in a cluster it is relative to {root}, not a path of this machine')
    return path


def _resources(resources: Resources) -> Object:
    # Of the quantities the schema takes strings.
    quantities = {"cpu": resources.cpu, "memory": resources.memory, "scratch": resources.scratch}
    asked: Object = {name: str(value) for name, value in quantities.items() if value is not None}
    return asked if resources.pids is None else asked | {"pids": resources.pids}


def _stdin(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            "stdin is not UTF-8, and a SandboxCommand holds text: put it into the repository"
        ) from error

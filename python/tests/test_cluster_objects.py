"""A command as an object of the API, and its status as a result."""

import base64

import pytest

from fumehood import InvalidRequest, Resources, RunFailed
from fumehood._cluster_objects import read_finished, sandbox_command
from fumehood._request import command_request


def object_for(**parameters):
    request = command_request(**({"repo_path": "team/shop"} | parameters))
    return sandbox_command(request, "id", runtime_class=None, node_selector=None)


def test_the_least_that_can_be_said():
    assert object_for(shell="make | tail") == {
        "apiVersion": "fumehood.dev/v1alpha1",
        "kind": "SandboxCommand",
        "metadata": {"generateName": "command-", "labels": {"fumehood.dev/request": "id"}},
        "spec": {"repository": {"path": "team/shop"}, "shell": "make | tail", "timeoutSeconds": 60},
    }


def test_all_that_can_be_said():
    request = command_request(
        command=["ls", "-l"],
        repo_path="team/shop",
        working_dir="services/api",
        env={"A": "b"},
        timeout=1.2,
        image="debian",
        stdin=b"\xc3\xa4",
        max_output_bytes=0,
        access="Ephemeral",
        resources=Resources(cpu=2, memory="512Mi", pids=64, scratch=1 << 20),
    )
    command = sandbox_command(request, "id", runtime_class="gvisor-kvm", node_selector={"disk": "ssd"})
    assert command["spec"] == {
        "command": ["ls", "-l"],
        "repository": {"path": "team/shop", "access": "Ephemeral"},
        "resources": {"cpu": "2", "memory": "512Mi", "pids": 64, "scratch": "1048576"},
        "workingDir": "services/api",
        "env": [{"name": "A", "value": "b"}],
        "timeoutSeconds": 2,
        "image": "debian",
        "stdin": "ä",
        "output": {"maxBytes": 0},
        "runtimeClassName": "gvisor-kvm",
        "nodeSelector": {"disk": "ssd"},
    }


WRONG = {
    "NoRepository": ({"repo_path": None}, "repo_path is missing"),
    "RepositoryOfThisMachine": ({"repo_path": "/srv/shop"}, "relative to the executors' root"),
    "WorkingDirOfThisMachine": ({"working_dir": "/srv"}, "relative to the repository"),
    "BinaryInput": ({"stdin": b"\xff"}, "stdin is not UTF-8"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_no_cluster_understands_is_refused(name):
    parameters, message = WRONG[name]
    with pytest.raises(InvalidRequest, match=message):
        object_for(command=["true"], **parameters)


def finished(reason, **status):
    conditions = [
        {"type": "Scheduled", "status": "True", "reason": "Bound"},
        {"type": "Finished", "status": "True", "reason": reason, "message": "why"},
        {"type": "Succeeded", "status": "False", "reason": reason, "message": "why"},
    ]
    return {"metadata": {"name": "command-1"}, "status": {"conditions": conditions} | status}


# reason in the cluster, status: (reason, returncode, signal, message)
ENDINGS = {
    "Zero": ("ExitedZero", {"exitCode": 0}, ("Exited", 0, None, "")),
    "NonZero": ("ExitedNonZero", {"exitCode": 3}, ("Exited", 3, None, "")),
    "Signal": ("Signaled", {"signal": 9}, ("Signaled", 137, 9, "why")),
    "TimeOver": ("DeadlineExceeded", {"timedOut": True}, ("TimedOut", 124, None, "why")),
    "Cancelled": ("Cancelled", {}, ("Cancelled", 143, None, "why")),
    "NotFound": ("CommandNotFound", {"exitCode": 127}, ("CommandNotFound", 127, None, "why")),
    "NotExecutable": ("CommandNotFound", {"exitCode": 126}, ("CommandNotExecutable", 126, None, "why")),
    "SandboxGone": ("SandboxTerminated", {}, ("SandboxTerminated", 125, None, "why")),
    "OfALaterVersion": ("SomethingNew", {}, ("SomethingNew", 125, None, "why")),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_an_ending_is_called_as_on_this_machine(name):
    reason, status, wanted = ENDINGS[name]
    result = read_finished(finished(reason, **status))
    assert (result.reason, result.returncode, result.signal, result.message) == wanted
    assert result.success == (wanted[1] == 0)
    assert result.timed_out == (wanted[0] == "TimedOut")


ERRORS = {
    "RepositoryUnavailable": InvalidRequest,
    "ImageNotFound": InvalidRequest,
    "InvalidSpec": InvalidRequest,
    "ExecutorLost": RunFailed,
}


@pytest.mark.parametrize("reason", ERRORS)
def test_what_was_not_run_is_an_error(reason):
    error = read_finished(finished(reason))
    assert type(error) is ERRORS[reason]
    assert str(error) == f"{reason}: why"


def test_the_status_becomes_the_result():
    result = read_finished(
        finished(
            "ExitedZero",
            exitCode=0,
            stdout=base64.b64encode(b"\xff").decode(),
            outputEncoding="base64",
            stdoutBytes=500,
            stderrBytes=0,
            stdoutTruncated=True,
            stderrTruncated=False,
            durationMillis=1500,
            startupMillis=250,
            isolation={
                "runtimeClass": "gvisor",
                "handler": "runsc",
                "runtime": "runsc",
                "version": "v1",
                "platform": "systrap",
                "network": "none",
                "repository": "ReadOnly",
            },
        )
    )
    assert (result.stdout, result.stdout_bytes, result.stdout_size, result.stdout_truncated) == (
        "\ufffd",
        b"\xff",
        500,
        True,
    )
    assert (result.stderr, result.stderr_bytes, result.stderr_size, result.stderr_truncated) == ("", b"", 0, False)
    assert (result.startup, result.duration, result.name) == (0.25, 1.5, "command-1")
    assert (result.isolation.backend, result.isolation.runtime, result.isolation.network) == (
        "cluster",
        "runsc",
        "none",
    )
    assert result.isolation.isolated

"""What becomes of a command: how it ends, what it is given, and how clients learn of it."""

import pytest
from kubernetes import client, watch

from crd_files import REPOSITORY
from sandbox_commands import GROUP, PLURAL, VERSION, condition, is_finished, outcome, output
from specs import SAMPLE, manifest

pytestmark = pytest.mark.needs_executor


def test_success(run):
    command = run(shell="echo hello; echo trouble >&2")

    status = command["status"]
    assert outcome(command) == ("Succeeded", "ExitedZero")
    assert (status["exitCode"], status["stdout"], status["stderr"]) == (0, "hello\n", "trouble\n")
    assert (status["stdoutBytes"], status["stderrBytes"], status["stdoutTruncated"], status["stderrTruncated"]) == (6, 8, False, False)
    assert (status["attempt"], status["outputEncoding"]) == (1, "utf-8")
    assert {one["type"]: one["status"] for one in status["conditions"]} == {
        "Scheduled": "True", "Isolated": "True", "Finished": "True", "Succeeded": "True"}
    assert status["startTime"] <= status["completionTime"]


@pytest.mark.parametrize("code", [1, 3, 126, 255])
def test_exit_code(run, code):
    command = run(shell=f"exit {code}")

    assert outcome(command) == ("Failed", "ExitedNonZero")
    assert command["status"]["exitCode"] == code
    assert condition(command, "Finished")["status"] == "True"
    assert condition(command, "Succeeded")["status"] == "False"


@pytest.mark.parametrize(("name", "number"), [("TERM", 15), ("KILL", 9), ("SEGV", 11)])
def test_signal(run, name, number):
    command = run(shell=f"echo before; kill -{name} $$")

    assert outcome(command) == ("Failed", "Signaled")
    assert command["status"]["signal"] == number
    assert "exitCode" not in command["status"]
    assert command["status"]["stdout"] == "before\n"


def test_time_limit_keeps_the_output_so_far(run):
    command = run(shell="echo before; sleep 300; echo after", timeoutSeconds=1)

    status = command["status"]
    assert outcome(command) == ("TimedOut", "DeadlineExceeded")
    assert (status["timedOut"], status["stdout"]) == (True, "before\n")
    assert "exitCode" not in status
    assert 1000 <= status["durationMillis"] < 10000


def test_time_limit_beats_a_command_that_ignores_signals(run):
    command = run(shell="trap '' TERM INT HUP; while :; do sleep 1; done", timeoutSeconds=1)

    assert outcome(command) == ("TimedOut", "DeadlineExceeded")


def test_background_child_does_not_keep_a_command_open(run):
    command = run(shell="sleep 300 & echo started")

    assert outcome(command) == ("Succeeded", "ExitedZero")
    assert command["status"]["stdout"] == "started\n"


def test_command_not_found(run):
    command = run(command=["no-such-program"])

    assert outcome(command) == ("Failed", "CommandNotFound")
    assert command["status"]["exitCode"] == 127
    assert "no-such-program" in condition(command, "Succeeded")["message"]


def test_program_that_is_not_executable(run):
    command = run(command=["./README.md"])

    assert outcome(command) == ("Failed", "CommandNotFound")
    assert command["status"]["exitCode"] == 126


def test_longest_program_name_is_reported_too(run):
    command = run(command=["x" * 4096])

    assert command["status"]["phase"] == "Failed"
    assert condition(command, "Succeeded")["message"]


def test_shell_pipes_and_redirections(run):
    command = run(shell="printf 'b\\na\\n' | sort > /tmp/sorted && cat /tmp/sorted | tr a-z A-Z")

    assert command["status"]["stdout"] == "A\nB\n"


def test_arguments_reach_the_program_unchanged(run):
    arguments = ["$HOME", "a b", "", "*", "'\"\\", "ä\n", "--", "x" * 65536]

    command = run(command=["printf", "%s|", *arguments], output={"maxBytes": 262144})

    assert output(command).decode() == "".join(f"{argument}|" for argument in arguments)


def test_env_is_given_and_nothing_inherited(run):
    command = run(command=["env"], env=[{"name": "CI", "value": "a b=$HOME"}, {"name": "EMPTY"}])

    variables = dict(line.split("=", 1) for line in command["status"]["stdout"].splitlines())
    assert variables.pop("CI") == "a b=$HOME"
    assert variables.pop("EMPTY") == ""
    assert variables.keys() == {"PATH", "HOME", "LANG"}


def test_env_replaces_defaults(run):
    command = run(command=["env"], env=[{"name": "HOME", "value": "/elsewhere"}])

    assert "HOME=/elsewhere" in command["status"]["stdout"].splitlines()


def test_stdin(run):
    text = "first\nsecond, without end of line: ä\0" + "x" * 60000

    command = run(command=["cat"], stdin=text, output={"maxBytes": 262144})

    assert output(command).decode() == text


def test_without_stdin_there_is_end_of_file(run):
    assert run(command=["wc", "-c"])["status"]["stdout"].strip() == "0"


@pytest.mark.parametrize(("given", "wanted"), [(None, "/workspace"), ("", "/workspace"), ("services/api", "/workspace/services/api")])
def test_working_dir(run, given, wanted):
    command = run(command=["pwd"], **({} if given is None else {"workingDir": given}))

    assert command["status"]["stdout"] == f"{wanted}\n"


def test_missing_working_dir_fails_and_is_named(run):
    command = run(command=["pwd"], workingDir="no/such/folder")

    assert outcome(command) == ("Failed", "RepositoryUnavailable")
    assert "no/such/folder" in condition(command, "Succeeded")["message"]


def test_missing_repository(run):
    command = run(shell="true", repository={"path": "no-such-repository"})

    assert outcome(command) == ("Failed", "RepositoryUnavailable")
    assert "no-such-repository" in condition(command, "Succeeded")["message"]
    assert "exitCode" not in command["status"]


def test_repository_is_what_the_path_names(run, repository):
    path, _ = repository({"inner/only-here.txt": "found\n"})

    command = run(shell="cat only-here.txt", repository={"path": f"{path}/inner"})

    assert command["status"]["stdout"] == "found\n"


def test_kubectl_applies_waits_and_reads(cluster, executors, namespace):
    failing = manifest("failing", spec=SAMPLE | {"shell": "echo oh; exit 3"})
    applied = cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=failing)
    assert applied.exit_code == 0, applied.stderr

    waited = cluster.kubectl("wait", "--for=condition=Finished", "--timeout=60s", "-n", namespace, "sbc/failing")

    assert waited.exit_code == 0, waited.stderr
    header, row = cluster.kubectl("get", "sbc", "-n", namespace).stdout.splitlines()
    assert header.split()[:5] == ["NAME", "PHASE", "EXIT", "REASON", "NODE"]
    assert row.split()[:4] == ["failing", "Failed", "3", "ExitedNonZero"]
    read = cluster.kubectl("get", "sbc", "failing", "-n", namespace, "-o", "jsonpath={.status.stdout}")
    assert read.stdout == "oh\n"


def test_python_client_creates_and_watches(cluster, executors, namespace):
    objects = client.CustomObjectsApi(cluster.api)
    where = (GROUP, VERSION, namespace, PLURAL)
    created = objects.create_namespaced_custom_object(*where, {
        "apiVersion": f"{GROUP}/{VERSION}", "kind": "SandboxCommand", "metadata": {"generateName": "from-python-"},
        "spec": SAMPLE | {"command": ["head", "-n", "1", "README.md"]}})

    phases = []
    for event in watch.Watch().stream(objects.list_namespaced_custom_object, *where, timeout_seconds=60,
                                      resource_version=created["metadata"]["resourceVersion"]):
        phases.append(event["object"]["status"]["phase"])
        if is_finished(event["object"]):
            break

    assert phases[-1] == "Succeeded"
    assert phases[:-1] in (["Scheduled"], ["Scheduled", "Running"])
    assert event["object"]["status"]["stdout"].startswith("#")


def test_sample_manifests_do_what_they_say(cluster, executors, commands):
    answer = cluster.kubectl("apply", "-n", commands.namespace, "-f", str(REPOSITORY / "manifests/samples"))
    assert answer.exit_code == 0, answer.stderr

    assert outcome(commands.wait_finished("hello")) == ("Succeeded", "ExitedZero")
    assert outcome(commands.wait_finished("failing")) == ("Failed", "ExitedNonZero")
    assert commands.wait_finished("argv")["status"]["stdout"] == "1:$HOME is not expanded\n3:hello from fumehood\n"
    assert outcome(commands.wait_finished("timeout")) == ("TimedOut", "DeadlineExceeded")

"""Controller and executors as pods, on a node of scripts/node: what a command can't reach of them, and that no command is lost
while they are replaced."""

import json
import os
import statistics
import time
from pathlib import Path

import pytest
from kubernetes import client

from sandbox_commands import condition, outcome, waits_because
from specs import SAMPLE

pytestmark = [pytest.mark.needs_executor, pytest.mark.pods]

SYSTEM = "fumehood-system"
NODE = "node-a"
LABEL = "e2e.fumehood.dev/chosen"


@pytest.fixture
def system(cluster):
    """system(arguments, …): kubectl in Fumehood's namespace, which has to succeed; its output."""
    def call(*arguments, deadline=120):
        answer = cluster.kubectl("-n", SYSTEM, *arguments, deadline=deadline)
        assert answer.exit_code == 0, answer.stderr
        return answer.stdout.strip()
    return call


@pytest.fixture
def whole_again(system):
    """Afterwards everything is Ready again."""
    yield
    system("uncordon", NODE)
    for workload in ("deployment/fumehood-controller", "daemonset/fumehood-executor"):
        system("rollout", "status", workload, "--timeout=90s")
    system("wait", "--for=condition=Ready", f"sandboxexecutor/{NODE}", "--timeout=60s")


def start(commands, shell, count):
    names = [f"it-{number}" for number in range(count)]
    for name in names:
        commands.create(name, SAMPLE | {"shell": shell, "timeoutSeconds": 300})
    return names


def test_the_executors_token_is_out_of_reach(run, system):
    token = system("exec", "daemonset/fumehood-executor", "--", "cat", "/var/run/secrets/kubernetes.io/serviceaccount/token")
    beginning = token[:10]
    assert beginning.startswith("ey")

    command = run(shell=f"grep -rlsF {beginning[:6]}''{beginning[6:]} / --exclude-dir=proc --exclude-dir=sys; "
                        "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; echo looked", image="debian", timeoutSeconds=120)

    assert command["status"]["stdout"].endswith("looked\n")
    assert "secrets" not in command["status"]["stdout"]
    assert "KUBERNETES" not in command["status"]["stdout"]


def test_the_executors_folders_are_out_of_reach(run):
    command = run(shell="ls -d /.repos /images /var/lib/fumehood /run/fumehood /etc/fumehood /var/run/secrets /usr/local/bin/runsc 2>/dev/null; echo looked")

    assert command["status"]["stdout"] == "looked\n"


def test_another_commands_data_is_out_of_reach(commands, run):
    commands.create("other", SAMPLE | {"shell": "echo needle-$((40 + 2)) > /tmp/haystack; sleep 60", "env": [{"name": "NEEDLE", "value": "needle-43"}]})
    commands.wait_until("other", lambda one: one.get("status", {}).get("phase") == "Running")

    command = run(shell="grep -rsE 'needle-4[23]' /tmp /dev/shm /workspace; cat /proc/[0-9]*/environ | grep -c needle-43; ls /proc | grep -c '^[0-9]'")
    commands.cancel("other")

    assert command["status"]["stdout"].splitlines()[0] == "0"


def test_a_rollout_loses_no_command(commands, system, whole_again):
    names = start(commands, "sleep 4; echo done", 8)
    commands.create("longer-than-the-grace-period", SAMPLE | {"shell": "sleep 30; echo done", "timeoutSeconds": 300})
    commands.wait_until(names[0], lambda one: one.get("status", {}).get("phase") == "Running")

    system("rollout", "restart", "daemonset/fumehood-executor")
    system("rollout", "status", "daemonset/fumehood-executor", "--timeout=120s", deadline=150)

    for name in [*names, "longer-than-the-grace-period"]:
        command = commands.wait_finished(name, deadline=120)
        assert (outcome(command), command["status"]["stdout"]) == (("Succeeded", "ExitedZero"), "done\n")


def test_an_executor_that_is_deleted_by_force_loses_no_command(commands, system, whole_again):
    names = start(commands, "sleep 3; echo done", 6)
    commands.wait_until(names[0], lambda one: one.get("status", {}).get("phase") == "Running")

    system("delete", "pod", "-l", "app.kubernetes.io/name=fumehood-executor", "--force", "--grace-period=0")

    for name in names:
        command = commands.wait_finished(name, deadline=120)
        assert (outcome(command), command["status"]["stdout"]) == (("Succeeded", "ExitedZero"), "done\n")


def test_an_executor_whose_process_is_killed_comes_back_and_loses_no_command(commands, system, whole_again):
    pod = system("get", "pod", "-l", "app.kubernetes.io/name=fumehood-executor", "-o", "name")
    names = start(commands, "sleep 3; echo done", 6)
    commands.wait_until(names[0], lambda one: one.get("status", {}).get("phase") == "Running")

    # The reaper, PID 1 of the executor's own namespace: everything in it ends with it. PID 1 of the pod can't be killed from within.
    system("exec", pod, "--", "sh", "-c", "kill -KILL $(cat /proc/1/task/1/children)")

    for name in names:
        command = commands.wait_finished(name, deadline=120)
        assert (outcome(command), command["status"]["stdout"]) == (("Succeeded", "ExitedZero"), "done\n")
    assert system("get", pod, "-o", "jsonpath={.status.containerStatuses[0].restartCount}") == "1"


def leader(system):
    return system("get", "lease", "fumehood-controller", "-o", "jsonpath={.spec.holderIdentity}").rsplit("_", 1)[0]


def test_another_controller_takes_over(commands, system, whole_again):
    first = leader(system)
    names = start(commands, "sleep 1; echo done", 12)

    system("delete", "pod", first, "--force", "--grace-period=0")

    for name in names:
        assert outcome(commands.wait_finished(name, deadline=120)) == ("Succeeded", "ExitedZero")
    assert leader(system) != first


def test_a_drain_leaves_one_controller_and_loses_no_command(cluster, commands, system, whole_again):
    names = start(commands, "sleep 3; echo done", 6)
    commands.wait_until(names[0], lambda one: one.get("status", {}).get("phase") == "Running")

    # There is no other node, so a second eviction is what the PodDisruptionBudget refuses.
    drained = cluster.kubectl("drain", NODE, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=10s")

    assert drained.exit_code != 0
    assert "disruption budget" in drained.stderr
    for name in names:
        assert outcome(commands.wait_finished(name, deadline=120)) == ("Succeeded", "ExitedZero")


def test_a_runtime_class_chooses_the_nodes_by_their_labels(cluster, commands, system):
    name = f"e2e-{os.urandom(4).hex()}"
    client.NodeV1Api(cluster.api).create_runtime_class({
        "metadata": {"name": name}, "handler": "runsc", "scheduling": {"nodeSelector": {LABEL: "yes"}}, "overhead": {"podFixed": {"memory": "32Mi"}}})
    try:
        commands.create("it", SAMPLE | {"shell": "echo ran", "runtimeClassName": name})
        waiting = commands.wait_until("it", waits_because("NoExecutorAvailable"))
        assert LABEL in condition(waiting, "Scheduled")["message"]

        system("label", "node", NODE, f"{LABEL}=yes")
        assert outcome(commands.wait_finished("it")) == ("Succeeded", "ExitedZero")
    finally:
        system("label", "node", NODE, f"{LABEL}-")
        client.NodeV1Api(cluster.api).delete_runtime_class(name)


def test_without_the_runtime_class_nothing_starts(cluster, commands, system):
    runtime_class = json.loads(system("get", "runtimeclass", "gvisor", "-o", "json"))
    system("delete", "runtimeclass", "gvisor")
    try:
        commands.create("it", SAMPLE | {"shell": "echo ran"})
        commands.wait_until("it", waits_because("RuntimeClassNotFound"))
    finally:
        kept = {key: runtime_class[key] for key in ("apiVersion", "kind", "handler", "overhead")}
        labels = {"name": "gvisor", "labels": runtime_class["metadata"]["labels"]}
        assert cluster.kubectl("create", "-f", "-", stdin=json.dumps(kept | {"metadata": labels})).exit_code == 0

    assert outcome(commands.wait_finished("it")) == ("Succeeded", "ExitedZero")


def job(name):
    container = {"name": "main", "image": "busybox", "imagePullPolicy": "Never", "command": ["dmesg"],
                 "resources": {"requests": {"memory": "32Mi"}}}
    pod = {"runtimeClassName": "gvisor", "restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}
    return {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}


def seconds_of_job(cluster, namespace, name):
    jobs = client.BatchV1Api(cluster.api)
    began = time.monotonic()
    jobs.create_namespaced_job(namespace, job(name))
    assert cluster.kubectl("-n", namespace, "wait", "--for=condition=Complete", f"job/{name}", "--timeout=60s", deadline=90).exit_code == 0
    return time.monotonic() - began


def seconds_of_command(commands, name):
    began = time.monotonic()
    commands.create(name, SAMPLE | {"command": ["dmesg"]})
    assert outcome(commands.wait_finished(name)) == ("Succeeded", "ExitedZero")
    return time.monotonic() - began


def test_a_job_of_the_same_class_runs_in_the_same_kernel(cluster, commands, capsys):
    """And costs more: what both take is printed."""
    jobs = [seconds_of_job(cluster, commands.namespace, f"job-{number}") for number in range(3)]
    own = [seconds_of_command(commands, f"command-{number}") for number in range(10)]

    assert "Starting gVisor" in cluster.kubectl("-n", commands.namespace, "logs", "job/job-0").stdout
    text = (f"from creation to result, median: Job with RuntimeClass gvisor {statistics.median(jobs):.2f} s (of {len(jobs)}), "
            f"SandboxCommand {statistics.median(own) * 1000:.0f} ms (of {len(own)})")
    if folder := os.environ.get("FUMEHOOD_TEST_RESULTS"):
        (Path(folder) / "job-and-command.txt").write_text(text + "\n")
    with capsys.disabled():
        print(f"\n{text}")

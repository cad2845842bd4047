"""An executor beside the cluster's own, on a node of its own: the same program, with some of its options changed."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import yaml
from kubernetes import client

from identities import EXECUTOR, SYSTEM, Identities
from specs import SAMPLE

LABEL = "e2e.fumehood.dev/node"


def process_of(state, program):
    """The number of the process that scripts/dev has started."""
    return int((state / "run" / f"{program}.pid").read_text().split()[0])


def command_line_of(state, program):
    return Path(f"/proc/{process_of(state, program)}/cmdline").read_bytes().decode().rstrip("\0").split("\0")


def command_lines():
    """Of every process that this machine has now, its arguments divided by blanks."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


class ExecutorOnItsOwnNode:
    """Starts it with start(option=value, …); whatever it is, it ends with the `with`."""

    def __init__(self, cluster, identities, state, folder, node):
        self._command_line = command_line_of(state, "executor")
        self._cluster = cluster
        self._folder = folder
        self.node = node
        self.log = folder / "log"
        self._process = None
        client.CoreV1Api(cluster.api).patch_node(node, {"metadata": {"labels": {LABEL: node}}})
        self._kubeconfig = folder / "kubeconfig"
        self._write_kubeconfig(cluster, identities.pod(EXECUTOR, node))

    def _write_kubeconfig(self, cluster, identity):
        configuration = cluster.api.configuration
        self._kubeconfig.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": {"server": configuration.host, "certificate-authority": configuration.ssl_ca_cert}}],
            "users": [{"name": "it", "user": {"token": identity.configuration.api_key["BearerToken"].removeprefix("Bearer ")}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it", "namespace": SYSTEM}}]}))

    def option(self, name):
        """What the cluster's own executor was started with."""
        return self._command_line[self._command_line.index(f"--{name}") + 1]

    def start(self, **options):
        changed = {"kubeconfig": self._kubeconfig, "node_name": self.node, "state_dir": self._folder / "state",
                   "ledger_dir": self._folder / "ledger", "grace_period": "1s", "http_address": "127.0.0.1:0"} | options
        command = list(self._command_line)
        for name, value in changed.items():
            option = "--" + name.replace("_", "-")
            if option in command:
                command[command.index(option) + 1] = str(value)
            else:
                command += [option, str(value)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def spec(self, **parts):
        """Of a command that only this executor can run."""
        return SAMPLE | {"nodeSelector": {LABEL: self.node}} | parts

    def wait_until_ready_is(self, status):
        for condition in ("create", f"condition=Ready={status}"):
            answer = self._cluster.kubectl("wait", f"--for={condition}", f"sandboxexecutor/{self.node}", "--timeout=20s")
            assert answer.exit_code == 0, answer.stderr + self.log.read_text()

    def exit_status(self, deadline=20):
        return self._process.wait(deadline)

    def stop(self):
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(20)


@contextmanager
def executor_on_its_own_node(cluster, state, folder):
    name = f"e2e-{os.urandom(5).hex()}"
    with Identities(cluster) as identities:
        identities.node(name)
        executor = ExecutorOnItsOwnNode(cluster, identities, state, folder, name)
        try:
            yield executor
        finally:
            executor.stop()
            cluster.kubectl("delete", "sandboxexecutor", name, "--ignore-not-found")
            cluster.kubectl("delete", "lease", f"executor-{name}", "-n", SYSTEM, "--ignore-not-found")

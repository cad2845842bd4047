"""The cluster under test: a control plane, two nodes with an executor each, two controllers, and a proxy before each of them."""

import asyncio
import fcntl
import json
import os
import shutil
import signal
from pathlib import Path

from api import COMMANDS, MERGE_PATCH, Api
from plans import CONTROLLERS, GRACE, LEADER, LEADER_LEASE, LEASE, NODES
from program import Program
from proxy import Proxy

REPOSITORY = Path(__file__).resolve().parents[2]
CONTROL_PLANE = Path(__file__).resolve().parent / "control_plane"
BUILD = REPOSITORY / "build" / "dev"
SYSTEM = "fumehood-system"
NAMESPACE = "faults"
SLOTS = 4

_EXECUTOR_TIMES = ("--lease-duration", f"{LEASE}s", "--lease-renew-period", "1s", "--grace-period", f"{GRACE}s")
_LEADER_TIMES = ("--leader-elect-lease-duration", f"{LEADER_LEASE}s", "--leader-elect-renew-deadline", "2s",
                 "--leader-elect-retry-period", "500ms")


class NotReady(Exception):
    """The programs did not come back although nothing keeps them from it."""


class Component:
    """A program, the proxy that it speaks through, and the pod that it says it is."""

    def __init__(self, name, node, account, folder):
        self.name = name
        self.node = node
        self.account = account
        self.pod = f"fumehood-{name}" if account == "fumehood-controller" else f"fumehood-executor-{name}"
        self.pod_uid = ""
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.ledger = folder / "ledger"
        self.proxy = None
        self.program = None
        # After a kill that a rule of the proxy causes, seconds.
        self.down_for = Program.PAUSE

    def killed_by_rule(self):
        self.program.kill(self.down_for)


class Cluster:
    """Everything of it lives in `state`, and dies with this process, except for the control plane, which stop() ends."""

    def __init__(self, state):
        self.state = Path(state)
        self.logs = self.state / "logs"
        self.executors = [Component(name, name, "fumehood-executor", self.state / name) for name in NODES]
        self.controllers = [Component(name, NODES[0], "fumehood-controller", self.state / name) for name in CONTROLLERS]
        self.components = {one.name: one for one in (*self.executors, *self.controllers)}
        self.api = None
        self.etcd = ""
        self._tools = {}
        self._lock = None

    async def start(self):
        self.state.mkdir(parents=True, exist_ok=True)
        self._lock = (self.state / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock = None
            raise SystemExit(f"{self.state} is in use by another run") from None
        self._tools = dict(line.split("=", 1) for line in (await self._control_plane("up")).splitlines())
        self.etcd = self._tools["etcd"]
        self.api = Api(self._tools["server"], self.state / "keys")
        await self.api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        # Of a run that was interrupted.
        await self.api.delete(COMMANDS.format(NAMESPACE))
        for node in NODES:
            await self._provide_node(node)
        for component in self.components.values():
            component.folder.mkdir(exist_ok=True)
            component.proxy = Proxy(self._tools["server"], self.state / "keys", component.killed_by_rule)
            await component.proxy.start()
            await self.provide_identity(component)
        for one in self.executors:
            shutil.rmtree(self.repositories(one.node), ignore_errors=True)
            self.repositories(one.node).mkdir()
            one.program = Program(one.name, lambda one=one: self._executor_command(one), self.logs / f"{one.name}.log", contained=True)
        for one in self.controllers:
            one.program = Program(one.name, lambda one=one: self._controller_command(one), self.logs / f"{one.name}.log")
        for component in self.components.values():
            component.program.start()

    async def stop(self):
        if self._lock is None:
            return
        for component in self.components.values():
            if component.program is not None:
                await component.program.stop()
            if component.proxy is not None:
                component.proxy.stop()
        await self._control_plane("down")
        self._lock.close()

    def find(self, target):
        """The component of that name; "leader" is the controller that wrote the lease last."""
        if target == LEADER:
            return max(self.controllers, key=lambda one: one.proxy.lease_written)
        return self.components[target]

    async def wait_ready(self, deadline=30):
        """Until every executor, and a controller, watches what it has to."""
        end = asyncio.get_running_loop().time() + deadline
        while not (all(one.proxy.open_watches for one in self.executors) and any(one.proxy.open_watches >= 4 for one in self.controllers)):
            if asyncio.get_running_loop().time() > end:
                raise NotReady(f"after {deadline} s these watches are open: "
                               f"{ {one.name: one.proxy.open_watches for one in self.components.values()} }")
            await asyncio.sleep(0.01)

    def take_crashes(self):
        """How programs ended that were not meant to, since one asked last."""
        crashes = [crash for component in self.components.values() for crash in component.program.crashes]
        for component in self.components.values():
            component.program.crashes.clear()
        return crashes

    def repositories(self, node):
        return self.state / node / "repositories"

    async def provide_identity(self, component):
        """A new pod of that name, a token that is bound to it, and a kubeconfig that names both and the proxy."""
        pods = f"/api/v1/namespaces/{SYSTEM}/pods"
        await self.api.delete(f"{pods}/{component.pod}?gracePeriodSeconds=0")
        pod = await self.api.persist("POST", pods, {
            "metadata": {"name": component.pod, "labels": {"app.kubernetes.io/name": component.account}},
            "spec": {"nodeName": component.node, "serviceAccountName": component.account, "automountServiceAccountToken": False,
                     "containers": [{"name": "main", "image": "fumehood"}]}})
        component.pod_uid = pod["metadata"]["uid"]
        await self.api.persist("PATCH", f"{pods}/{component.pod}/status",
                               {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}, MERGE_PATCH)
        token = await self.api.persist("POST", f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/{component.account}/token", {
            "spec": {"audiences": [], "expirationSeconds": 24 * 3600, "boundObjectRef": {
                "apiVersion": "v1", "kind": "Pod", "name": component.pod, "uid": component.pod_uid}}})
        name = component.name
        component.kubeconfig.touch(0o600)
        component.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": component.proxy.url,
                                                    "certificate-authority": str(self.state / "keys" / "ca.crt")}}],
            "users": [{"name": name, "user": {"token": token["status"]["token"]}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": SYSTEM}}]}))

    async def restart_api_server(self):
        """SIGKILL, as a node that loses power; returns when it is ready again."""
        pid, _ = (self.state / "run" / "kube-apiserver.pid").read_text().split()
        os.kill(int(pid), signal.SIGKILL)
        await self._control_plane("start-api-server")

    async def _control_plane(self, action):
        process = await asyncio.create_subprocess_exec(CONTROL_PLANE, self.state, action, stdout=asyncio.subprocess.PIPE,
                                                       stderr=asyncio.subprocess.PIPE)
        output, errors = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"control_plane {action}: {errors.decode()}")
        return output.decode()

    async def _provide_node(self, name):
        resources = {"cpu": "2", "memory": "8Gi", "pods": "110"}
        await self.api.create("/api/v1/nodes", {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}})
        # Admission taints each new node; a kubelet's controller would take that back.
        await self.api.persist("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}}, MERGE_PATCH)
        await self.api.persist("PATCH", f"/api/v1/nodes/{name}/status", {"status": {
            "capacity": resources, "allocatable": resources, "conditions": [{"type": "Ready", "status": "True"}]}}, MERGE_PATCH)

    def _executor_command(self, one):
        command = [BUILD / "executor/fumehood-executor", "--kubeconfig", one.kubeconfig, "--node-name", one.node,
                   "--pod-name", one.pod, "--pod-uid", one.pod_uid, "--repositories", self.repositories(one.node),
                   "--images", self._tools["images"], "--runsc", self._tools["runsc"], "--init", BUILD / "lib/sandbox/fumehood-init",
                   "--state-dir", one.folder / "run", "--ledger-dir", one.ledger, "--slots", SLOTS,
                   "--namespace", SYSTEM, "--http-address", "127.0.0.1:0", *_EXECUTOR_TIMES]
        return list(map(str, command))

    def _controller_command(self, one):
        command = [BUILD / "controller/fumehood-controller", "--kubeconfig", one.kubeconfig,
                   "--namespace", SYSTEM, "--http-address", "127.0.0.1:0", *_LEADER_TIMES]
        return list(map(str, command))

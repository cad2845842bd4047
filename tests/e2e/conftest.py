import itertools
import os
import shutil
import uuid
from pathlib import Path

import pytest
from kubernetes import client

from administrator import Administrator
from cluster import Cluster
from identities import CONTROLLER, EVERYTHING, EXECUTOR, HERE, SYSTEM, THERE, Identities, Rule
from node_of_its_own import command_line_of, executor_on_its_own_node
from sandbox_commands import GROUP, VERSION, SandboxCommands, api_call
from specs import SAMPLE


def _setting(name):
    value = os.environ.get(name)
    if not value:
        pytest.fail(f"{name} is not set; `scripts/dev up` starts a cluster and says what to export")
    return value


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """The cluster of $KUBECONFIG, with Fumehood's CRDs and manifests applied."""
    found = Cluster(_setting("KUBECONFIG"), tmp_path_factory.mktemp("kubectl"))
    established = found.kubectl("wait", "--for=condition=Established", "--timeout=30s",
                                "crd/sandboxcommands.fumehood.dev", "crd/sandboxexecutors.fumehood.dev")
    if established.exit_code != 0:
        pytest.fail(f"the cluster has no Fumehood CRDs; `kubectl apply -k manifests/base` brings them: {established.stderr}")
    return found


@pytest.fixture
def new_namespace(cluster):
    """Makes namespaces of the test's own; what is in them is deleted afterwards, whether or not a namespace controller runs."""
    core = client.CoreV1Api(cluster.api)
    made = []

    def make():
        made.append(f"e2e-{uuid.uuid4().hex[:10]}")
        core.create_namespace({"metadata": {"name": made[-1]}})
        return made[-1]

    yield make
    for name in made:
        SandboxCommands(cluster.api, name).delete_all()
        core.delete_namespace(name)


@pytest.fixture
def namespace(new_namespace):
    return new_namespace()


@pytest.fixture
def commands(cluster, namespace):
    return SandboxCommands(cluster.api, namespace)


@pytest.fixture(scope="module")
def writers(cluster):
    """ApiClients by name. What refuses them is no role: Fumehood's accounts may do more here than theirs say."""
    with Identities(cluster) as identities:
        for account in (EXECUTOR, CONTROLLER):
            identities.grant(account, SYSTEM, Rule(
                ("fumehood.dev",), ("sandboxcommands/status", "sandboxexecutors", "sandboxexecutors/status")))
            identities.grant(account, SYSTEM, Rule(("coordination.k8s.io",), ("leases",)), within=SYSTEM)
        for node in (HERE, THERE):
            identities.node(node)
        yield {
            "here": identities.pod(EXECUTOR, HERE), "successor": identities.pod(EXECUTOR, HERE), "there": identities.pod(EXECUTOR, THERE),
            "unscheduled": identities.pod(EXECUTOR), "unbound": identities.token(EXECUTOR, SYSTEM),
            "controller": identities.pod(CONTROLLER, HERE), "cluster-owner": identities.user("default", EVERYTHING, everywhere=True),
            "administrator": cluster.api,
        }


@pytest.fixture(scope="session")
def executors(cluster):
    """The ready SandboxExecutors, at least one."""
    objects = client.CustomObjectsApi(cluster.api)
    ready = [executor for executor in api_call(objects.list_cluster_custom_object, GROUP, VERSION, "sandboxexecutors")["items"]
             if any(one["type"] == "Ready" and one["status"] == "True"
                    for one in executor.get("status", {}).get("conditions", []))]
    if not ready:
        pytest.fail("no sandboxexecutor is Ready; `scripts/dev up` starts a controller and an executor")
    return ready


@pytest.fixture
def run(executors, commands):
    """run(shell="…", …) runs a command on the repository `sample` and returns it as it is after its end."""
    numbers = itertools.count()
    return lambda **spec: commands.run(f"command-{next(numbers)}", SAMPLE | spec)


@pytest.fixture
def repository(executors):
    """Makes repositories below the executor's root: repository({"file": "content"}) returns (path for the spec, folder)."""
    root = Path(_setting("FUMEHOOD_REPOSITORIES"))
    made = []

    def make(files):
        folder = root / f"e2e-{uuid.uuid4().hex[:10]}"
        folder.mkdir()
        made.append(folder)
        for name, content in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)
        return folder.name, folder

    yield make
    for folder in made:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def hostile(state):
    """tests/programs/hostile.cc, beside the executor that runs."""
    command_line = command_line_of(state, "executor")
    return Path(command_line[command_line.index("--init") + 1]).parents[2] / "tests/lib/sandbox/hostile"


@pytest.fixture
def runtime_class(cluster):
    """Makes RuntimeClasses that last as long as the test: runtime_class(name, handler)."""
    nodes = client.NodeV1Api(cluster.api)
    made = []

    def make(name, handler):
        nodes.create_runtime_class({"metadata": {"name": name}, "handler": handler})
        made.append(name)

    yield make
    for name in made:
        nodes.delete_runtime_class(name)


@pytest.fixture(scope="session")
def state():
    """The folder of the cluster that scripts/dev runs: logs, configuration, process ids."""
    return Path(_setting("FUMEHOOD_STATE"))


@pytest.fixture
def configure(executors, state):
    """configure(configuration) is what the administrator allows from now on, until the test ends."""
    administrator = Administrator(state)
    yield administrator.allow
    administrator.allow({})


@pytest.fixture
def other(cluster, executors, state, tmp_path):
    """A second executor, on a node of its own: other.start(option=value, …)."""
    with executor_on_its_own_node(cluster, state, tmp_path) as executor:
        yield executor


@pytest.fixture(scope="session")
def audit_log():
    """The API server's audit log, JSON lines of level Metadata or more."""
    return Path(_setting("FUMEHOOD_AUDIT_LOG"))

"""Who may write SandboxExecutors and Leases: each executor its own, the controller its own, whatever roles they were given."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from kubernetes import client

from identities import HERE, SYSTEM, THERE
from sandbox_commands import GROUP, MERGE_PATCH, VERSION, Refused, api_call, refusal_of

LEASE_HERE, LEASE_THERE, LEADERSHIP = f"executor-{HERE}", f"executor-{THERE}", "fumehood-controller"


def metadata_of(name, generate_name):
    return {"generateName": generate_name} if generate_name else {"name": name, "labels": {"e2e": name}}


class SandboxExecutors:
    """As somebody; the arguments are names."""

    def __init__(self, api):
        self._objects = client.CustomObjectsApi(api)
        self._kind = (GROUP, VERSION, "sandboxexecutors")

    def create(self, name="", generate_name=None):
        metadata = metadata_of(name, generate_name)
        return api_call(self._objects.create_cluster_custom_object, *self._kind,
                        {"apiVersion": f"{GROUP}/{VERSION}", "kind": "SandboxExecutor", "metadata": metadata})

    def change(self, name):
        return api_call(self._objects.patch_cluster_custom_object, *self._kind, name, {"metadata": {"labels": {"a": "b"}}},
                        _content_type=MERGE_PATCH)

    def report(self, name):
        return api_call(self._objects.patch_cluster_custom_object_status, *self._kind, name, {"status": {"slots": 4}},
                        _content_type=MERGE_PATCH)

    def delete(self, name):
        return api_call(self._objects.delete_cluster_custom_object, *self._kind, name)

    def delete_all(self, only):
        return api_call(self._objects.delete_collection_cluster_custom_object, *self._kind, label_selector=f"e2e={only}")

    def version(self, name):
        return api_call(self._objects.get_cluster_custom_object, *self._kind, name)["metadata"]["resourceVersion"]


class Leases:
    """Those of Fumehood's namespace, as somebody; the arguments are names."""

    def __init__(self, api):
        self._coordination = client.CoordinationV1Api(api)

    def create(self, name="", generate_name=None):
        metadata = metadata_of(name, generate_name)
        return api_call(self._coordination.create_namespaced_lease, SYSTEM, {"metadata": metadata})

    def create_by_put(self, name):
        return api_call(self._coordination.replace_namespaced_lease, name, SYSTEM, {"metadata": {"name": name}})

    def change(self, name, **options):
        return api_call(self._coordination.patch_namespaced_lease, name, SYSTEM, {"spec": {"holderIdentity": "e2e"}}, **options)

    def delete(self, name):
        return api_call(self._coordination.delete_namespaced_lease, name, SYSTEM)

    def delete_all(self, only):
        return api_call(self._coordination.delete_collection_namespaced_lease, SYSTEM, label_selector=f"e2e={only}")

    def version(self, name):
        return api_call(self._coordination.read_namespaced_lease, name, SYSTEM).metadata.resource_version


@dataclass(frozen=True)
class Write:
    name: str
    writer: str
    act: Callable
    says: str


NO_NODE = "this executor's token names no node"
NOT_YOURS = f'the executor of node "{HERE}" may write the SandboxExecutor of that name only'
NOT_YOUR_LEASE = f'the executor of node "{HERE}" may write the Lease "{LEASE_HERE}" only'
EXECUTORS_ONLY = "may not write the status of a SandboxExecutor, only the executor of its node may"
NOT_THE_LEADERS = 'the controller may write the Lease "fumehood-controller" only'

REFUSED = [
    Write("executor-creation-of-anothers", "here", lambda executors: executors.create(THERE), NOT_YOURS),
    Write("executor-creation-with-a-generated-name", "here", lambda executors: executors.create(generate_name=f"{HERE}-"), NOT_YOURS),
    Write("executor-change-of-anothers", "here", lambda executors: executors.change(THERE), NOT_YOURS),
    Write("executor-report-for-another", "here", lambda executors: executors.report(THERE), NOT_YOURS),
    Write("executor-deletion-of-anothers", "here", lambda executors: executors.delete(THERE), NOT_YOURS),
    Write("executor-deletion-of-all", "here", lambda executors: executors.delete_all(only=THERE), NOT_YOURS),
    Write("executor-creation-with-an-unbound-token", "unbound", lambda executors: executors.create(HERE), NO_NODE),
    Write("executor-report-with-the-token-of-a-pod-without-node", "unscheduled", lambda executors: executors.report(THERE), NO_NODE),
    Write("executor-report-by-the-controller", "controller", lambda executors: executors.report(THERE), EXECUTORS_ONLY),
    Write("executor-report-by-a-user", "cluster-owner", lambda executors: executors.report(THERE), EXECUTORS_ONLY),
]
REFUSED_LEASES = [
    Write("lease-creation-of-anothers", "here", lambda leases: leases.create(LEASE_THERE), NOT_YOUR_LEASE),
    Write("lease-creation-with-a-generated-name", "here", lambda leases: leases.create(generate_name=f"{LEASE_HERE}-"), NOT_YOUR_LEASE),
    Write("lease-creation-by-put", "here", lambda leases: leases.create_by_put(f"{LEASE_THERE}-2"), NOT_YOUR_LEASE),
    Write("lease-renewal-of-anothers", "here", lambda leases: leases.change(LEASE_THERE), NOT_YOUR_LEASE),
    Write("lease-deletion-of-anothers", "here", lambda leases: leases.delete(LEASE_THERE), NOT_YOUR_LEASE),
    Write("lease-deletion-of-all", "here", lambda leases: leases.delete_all(only=LEASE_THERE), NOT_YOUR_LEASE),
    Write("lease-creation-of-the-controllers", "here", lambda leases: leases.create(LEADERSHIP), NOT_YOUR_LEASE),
    Write("lease-taking-of-the-controllers", "here", lambda leases: leases.change(LEADERSHIP), NOT_YOUR_LEASE),
    Write("lease-deletion-of-the-controllers", "here", lambda leases: leases.delete(LEADERSHIP), NOT_YOUR_LEASE),
    Write("lease-creation-with-an-unbound-token", "unbound", lambda leases: leases.create(LEASE_HERE), NO_NODE),
    Write("lease-renewal-with-the-token-of-a-pod-without-node", "unscheduled", lambda leases: leases.change(LEASE_THERE), NO_NODE),
    Write("lease-creation-by-the-controller", "controller", lambda leases: leases.create(LEASE_HERE), NOT_THE_LEADERS),
    Write("lease-generated-name-by-the-controller", "controller", lambda leases: leases.create(generate_name=LEADERSHIP), NOT_THE_LEADERS),
    Write("lease-renewal-by-the-controller", "controller", lambda leases: leases.change(LEASE_THERE), NOT_THE_LEADERS),
    Write("lease-deletion-by-the-controller", "controller", lambda leases: leases.delete(LEASE_THERE), NOT_THE_LEADERS),
]


def rows(table):
    return [pytest.param(one, id=one.name) for one in table]


def provide(objects, *names):
    """Makes what is not there yet, and deletes it afterwards, if it still is there."""
    made = []
    for name in names:
        try:
            objects.create(name)
            made.append(name)
        except Refused as refused:
            assert refused.code == 409
    yield objects
    for name in made:
        try:
            objects.delete(name)
        except Refused as refused:
            assert refused.code == 404


@pytest.fixture
def sandbox_executors(cluster):
    """As the administrator; that of THERE exists."""
    yield from provide(SandboxExecutors(cluster.api), THERE)


@pytest.fixture
def leases(cluster):
    """As the administrator; those of THERE's executor and of the controller exist."""
    yield from provide(Leases(cluster.api), LEASE_THERE, LEADERSHIP)


def check_refused(act, policy, says):
    refused = refusal_of(act)

    assert (refused.code, f"ValidatingAdmissionPolicy '{policy}'" in refused.message) == (403, True), refused
    assert says in refused.message


@pytest.mark.parametrize("write", rows(REFUSED))
def test_sandbox_executor_is_fenced(sandbox_executors, writers, write):
    before = sandbox_executors.version(THERE)

    check_refused(lambda: write.act(SandboxExecutors(writers[write.writer])), "fumehood-sandboxexecutors", write.says)

    assert sandbox_executors.version(THERE) == before


@pytest.mark.parametrize("write", rows(REFUSED_LEASES))
def test_lease_is_fenced(leases, writers, write):
    before = leases.version(LEASE_THERE)

    check_refused(lambda: write.act(Leases(writers[write.writer])), "fumehood-leases", write.says)

    assert leases.version(LEASE_THERE) == before


def test_an_executor_writes_the_sandbox_executor_of_its_node(writers):
    executors = SandboxExecutors(writers["here"])

    executors.create(HERE)
    executors.change(HERE)
    assert executors.report(HERE)["status"]["slots"] == 4
    executors.delete(HERE)


def test_an_executor_writes_the_lease_of_its_node(writers):
    leases = Leases(writers["here"])

    leases.create(LEASE_HERE)
    assert leases.change(LEASE_HERE).spec.holder_identity == "e2e"
    leases.delete(LEASE_HERE)
    leases.create_by_put(LEASE_HERE)
    leases.delete(LEASE_HERE)


def test_the_controller_writes_its_lease(leases, writers):
    # A dry run, for it may be a living controller's.
    assert Leases(writers["controller"]).change(LEADERSHIP, dry_run="All").spec.holder_identity == "e2e"


def test_an_administrator_makes_and_deletes_sandbox_executors(writers):
    executors = SandboxExecutors(writers["cluster-owner"])

    executors.create(HERE)
    executors.delete(HERE)


def test_leases_are_open_to_administrators(leases, writers):
    assert Leases(writers["cluster-owner"]).change(LEASE_THERE).spec.holder_identity == "e2e"


def test_system_masters_may_repair_a_sandbox_executor(sandbox_executors):
    assert sandbox_executors.report(THERE)["status"]["slots"] == 4

"""What the two service accounts and the users' roles may do, and that they may do nothing else with Fumehood's objects."""

import re

import pytest
import yaml
from kubernetes import client

from crd_files import REPOSITORY
from identities import SYSTEM
from sandbox_commands import SandboxCommands, refusal_of
from specs import PARKED, bound

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
READ = {"get", "list", "watch"}

# Each resource of the API that matters here, and what may be done with it; verbs that are not named are refused.
ALLOWED = {
    "fumehood-controller": {
        "fumehood.dev/sandboxcommands": READ | {"delete"},
        "fumehood.dev/sandboxcommands/status": {"patch"},
        "fumehood.dev/sandboxexecutors": READ,
        "fumehood.dev/sandboxexecutors/status": set(),
        "node.k8s.io/runtimeclasses": READ,
        "/nodes": READ,
        "events.k8s.io/events": {"create", "patch"},
        "coordination.k8s.io/leases": set(),
        "/secrets": set(),
        "/pods": set(),
        "/pods/exec": set(),
        "/serviceaccounts/token": set(),
        "rbac.authorization.k8s.io/clusterroles": set(),
    },
    "fumehood-executor": {
        "fumehood.dev/sandboxcommands": READ,
        "fumehood.dev/sandboxcommands/status": {"patch"},
        "fumehood.dev/sandboxexecutors": {"create"},
        "fumehood.dev/sandboxexecutors/status": {"patch"},
        "node.k8s.io/runtimeclasses": set(),
        "/nodes": set(),
        "events.k8s.io/events": set(),
        "coordination.k8s.io/leases": set(),
        "/secrets": set(),
        "/pods": set(),
        "/pods/exec": set(),
        "/serviceaccounts/token": set(),
        "rbac.authorization.k8s.io/clusterroles": set(),
    },
}
# In Fumehood's own namespace: (account, name of the Lease; empty for any) and what may be done with it.
ALLOWED_WITH_LEASES = {
    ("fumehood-controller", ""): READ | {"create"},
    ("fumehood-controller", "fumehood-controller"): READ | {"create", "update"},
    ("fumehood-executor", ""): {"get", "create", "update"},
}
# The cluster's own role that it becomes a part of, and what may be done with what.
USER_ROLES = {
    "fumehood-view": ("view", ["sandboxcommands", "sandboxexecutors"], READ),
    "fumehood-edit": ("edit", ["sandboxcommands"], set(VERBS)),
}


def manifests(kind):
    documents = yaml.safe_load_all((REPOSITORY / "manifests/base/rbac.yaml").read_text())
    return {one["metadata"]["name"]: one for one in documents if one["kind"] == kind}


@pytest.fixture(scope="module")
def api_as(cluster):
    """api_as(account): an ApiClient with a token of that service account."""
    core = client.CoreV1Api(cluster.api)

    def make(account):
        request = {"spec": {"expirationSeconds": 600, "audiences": []}}
        return cluster.with_token(core.create_namespaced_service_account_token(account, SYSTEM, request).status.token)
    return make


def verbs_of(api, resource):
    """What the owner of `api` may do with it."""
    reviews = client.AuthorizationV1Api(api)
    return {verb for verb in VERBS
            if reviews.create_self_subject_access_review({"spec": {"resourceAttributes": resource | {"verb": verb}}}).status.allowed}


@pytest.mark.parametrize(("account", "resource"), [(account, resource) for account, allowed in ALLOWED.items() for resource in allowed])
def test_account_may_do_what_it_needs_and_no_more(api_as, account, resource):
    group, name, *subresource = resource.split("/")

    allowed = verbs_of(api_as(account), {"group": group, "resource": name, "subresource": "".join(subresource), "namespace": "default"})

    assert allowed == ALLOWED[account][resource]


@pytest.mark.parametrize(("account", "name"), ALLOWED_WITH_LEASES)
def test_account_may_do_with_leases_what_it_needs_and_no_more(api_as, account, name):
    allowed = verbs_of(api_as(account), {"group": "coordination.k8s.io", "resource": "leases", "namespace": SYSTEM, "name": name})

    assert allowed == ALLOWED_WITH_LEASES[account, name]


@pytest.mark.parametrize("account", ALLOWED)
def test_account_reads_commands(cluster, api_as, namespace, account):
    SandboxCommands(cluster.api, namespace).create("it", PARKED)

    assert [one["metadata"]["name"] for one in SandboxCommands(api_as(account), namespace).list("status.phase!=Succeeded")] == ["it"]


def test_the_controller_writes_a_status(cluster, api_as, namespace):
    SandboxCommands(cluster.api, namespace).create("it", PARKED)

    after = SandboxCommands(api_as("fumehood-controller"), namespace).patch_status("it", {"status": bound()})

    assert after["status"]["phase"] == "Scheduled"


@pytest.mark.parametrize("account", ALLOWED)
@pytest.mark.parametrize("act", [
    pytest.param(lambda commands: commands.create("another", PARKED), id="create"),
    pytest.param(lambda commands: commands.cancel("it"), id="change"),
    pytest.param(lambda commands: commands.delete_all(), id="delete-all"),
])
def test_account_cannot_do_what_users_do(cluster, api_as, namespace, account, act):
    SandboxCommands(cluster.api, namespace).create("it", PARKED)

    assert refusal_of(lambda: act(SandboxCommands(api_as(account), namespace))).code == 403


def test_only_the_controller_deletes(cluster, api_as, namespace):
    SandboxCommands(cluster.api, namespace).create("it", PARKED)

    assert refusal_of(lambda: SandboxCommands(api_as("fumehood-executor"), namespace).delete("it")).code == 403
    SandboxCommands(api_as("fumehood-controller"), namespace).delete("it")


@pytest.mark.parametrize("role", USER_ROLES)
def test_user_role_is_aggregated_and_has_no_status(cluster, role):
    target, resources, verbs = USER_ROLES[role]

    found = client.RbacAuthorizationV1Api(cluster.api).read_cluster_role(role)

    assert found.metadata.labels[f"rbac.authorization.k8s.io/aggregate-to-{target}"] == "true"
    assert [(rule.api_groups, rule.resources, set(rule.verbs)) for rule in found.rules] == [(["fumehood.dev"], resources, verbs)]


@pytest.mark.parametrize(("part", "whole"), [("view", "edit"), ("edit", "admin")])
def test_the_clusters_own_roles_pass_it_on(cluster, part, whole):
    found = client.RbacAuthorizationV1Api(cluster.api).read_cluster_role(part)

    assert found.metadata.labels[f"rbac.authorization.k8s.io/aggregate-to-{whole}"] == "true"


def granted_by(role):
    return {(f"{group}/{resource}", name): set(rule["verbs"]) for rule in role["rules"] for group in rule["apiGroups"]
            for resource in rule["resources"] for name in rule.get("resourceNames", [""])}


def test_no_role_has_a_wildcard_or_grants_more_than_is_tested():
    roles, local_roles = manifests("ClusterRole"), manifests("Role")
    assert roles.keys() == ALLOWED.keys() | USER_ROLES.keys()
    assert local_roles.keys() == ALLOWED.keys()

    for role in [*roles.values(), *local_roles.values()]:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], role["metadata"]["name"]
    for account, allowed in ALLOWED.items():
        assert granted_by(roles[account]) == {(resource, ""): verbs for resource, verbs in allowed.items() if verbs}
        assert {resource for resource, _ in granted_by(local_roles[account])} == {"coordination.k8s.io/leases"}


@pytest.mark.parametrize("account", ALLOWED)
@pytest.mark.parametrize("kind", ["ClusterRole", "Role"])
def test_role_is_bound_to_its_account_alone(account, kind):
    binding = manifests(f"{kind}Binding")[account]

    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": account}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": SYSTEM}]
    assert binding["metadata"].get("namespace") == (SYSTEM if kind == "Role" else None)


def test_the_fences_know_the_accounts_by_the_names_that_they_have():
    fences = (REPOSITORY / "manifests/base/admission.yaml").read_text()
    accounts = yaml.safe_load_all((REPOSITORY / "manifests/base/serviceaccounts.yaml").read_text())

    assert set(re.findall(r"system:serviceaccount:[a-z:-]+", fences)) == {
        f"system:serviceaccount:{one['metadata']['namespace']}:{one['metadata']['name']}" for one in accounts}

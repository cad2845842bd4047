"""What the two service accounts and the users' roles may do, and that they may do nothing else with Fumehood's objects."""

import pytest
import yaml
from kubernetes import client

from crd_files import REPOSITORY
from sandbox_commands import SandboxCommands, refusal_of
from specs import PARKED, bound

SYSTEM = "fumehood-system"
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
        "events.k8s.io/events": {"create"},
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
        "/secrets": set(),
        "/pods": set(),
        "/pods/exec": set(),
        "/serviceaccounts/token": set(),
        "rbac.authorization.k8s.io/clusterroles": set(),
    },
}
USER_ROLES = {
    "fumehood-view": ("view", READ),
    "fumehood-edit": ("edit", set(VERBS)),
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


@pytest.mark.parametrize(("account", "resource"), [(account, resource) for account, allowed in ALLOWED.items() for resource in allowed])
def test_account_may_do_what_it_needs_and_no_more(api_as, account, resource):
    group, name, *subresource = resource.split("/")
    reviews = client.AuthorizationV1Api(api_as(account))

    def may(verb):
        attributes = {"group": group, "resource": name, "subresource": "".join(subresource), "verb": verb, "namespace": "default"}
        return reviews.create_self_subject_access_review({"spec": {"resourceAttributes": attributes}}).status.allowed

    assert {verb for verb in VERBS if may(verb)} == ALLOWED[account][resource]


@pytest.mark.parametrize("account", ALLOWED)
def test_account_reads_commands_and_writes_their_status(cluster, api_as, namespace, account):
    SandboxCommands(cluster.api, namespace).create("it", PARKED)
    as_account = SandboxCommands(api_as(account), namespace)

    assert [one["metadata"]["name"] for one in as_account.list("status.phase!=Succeeded")] == ["it"]
    assert as_account.patch_status("it", {"status": bound()})["status"]["phase"] == "Scheduled"


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
    target, verbs = USER_ROLES[role]

    found = client.RbacAuthorizationV1Api(cluster.api).read_cluster_role(role)

    assert found.metadata.labels[f"rbac.authorization.k8s.io/aggregate-to-{target}"] == "true"
    assert [(rule.api_groups, rule.resources, set(rule.verbs)) for rule in found.rules] == [(["fumehood.dev"], ["sandboxcommands"], verbs)]


def test_no_role_has_a_wildcard_or_grants_more_than_is_tested():
    roles = manifests("ClusterRole")
    assert roles.keys() == ALLOWED.keys() | USER_ROLES.keys()

    for name, role in roles.items():
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], name
        if name in ALLOWED:
            granted = {f"{group}/{resource}": set(rule["verbs"]) for rule in role["rules"]
                       for group in rule["apiGroups"] for resource in rule["resources"]}
            assert granted == {resource: verbs for resource, verbs in ALLOWED[name].items() if verbs}


@pytest.mark.parametrize("account", ALLOWED)
def test_role_is_bound_to_its_account_alone(account):
    binding = manifests("ClusterRoleBinding")[account]

    assert binding["roleRef"]["name"] == account
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": SYSTEM}]

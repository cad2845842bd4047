"""What is shipped: each manifest as the API server takes it, and what no pod of ours may have."""

import json
import re
import subprocess

import pytest
import yaml

from crd_files import REPOSITORY

OVERLAYS = ("single-tenant", "multi-tenant")
FOLDERS = ("base", "overlays/single-tenant", "overlays/multi-tenant", "monitoring", "configuration")
# Of the Prometheus operator, which no API server has by itself.
FOREIGN = "monitoring.coreos.com/v1"
# Why the executor has each is said beside it.
CAPABILITIES = {"SYS_ADMIN", "SETUID", "SETGID", "SETFCAP"}


def rendered(folder):
    done = subprocess.run(["kubectl", "kustomize", REPOSITORY / "manifests" / folder], capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(done.stdout))


def samples():
    return [one for file in sorted((REPOSITORY / "manifests/samples").glob("*.yaml")) for one in yaml.safe_load_all(file.read_text())]


def pods():
    """(name, kind, pod) of each pod template of the overlays."""
    for overlay in OVERLAYS:
        for one in rendered(f"overlays/{overlay}"):
            if "template" in one.get("spec", {}):
                yield f"{overlay}-{one['kind']}", one["kind"], one["spec"]["template"]


PODS = list(pods())
POD = pytest.mark.parametrize(("kind", "pod"), [pytest.param(kind, pod, id=name) for name, kind, pod in PODS])


def test_both_overlays_have_both_programs():
    assert sorted(name for name, _, _ in PODS) == sorted(f"{one}-{kind}" for one in OVERLAYS for kind in ("Deployment", "DaemonSet"))


def dry_run(cluster, documents, *options):
    known = [one for one in documents if one["apiVersion"] != FOREIGN]
    assert known
    return cluster.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", *options, "-f", "-",
                           stdin=yaml.safe_dump_all(known))


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_api_server_takes_it(cluster, folder):
    answer = dry_run(cluster, rendered(folder))

    assert answer.exit_code == 0, answer.stderr


def test_the_api_server_takes_the_samples(cluster):
    answer = dry_run(cluster, samples(), "-n", "default")

    assert answer.exit_code == 0, answer.stderr


def test_a_field_that_does_not_exist_is_noticed(cluster):
    wrong = next(one for one in rendered("overlays/single-tenant") if one["kind"] == "DaemonSet")
    wrong["spec"]["template"]["spec"]["priorityClasName"] = "fumehood"

    answer = dry_run(cluster, [wrong])

    assert answer.exit_code != 0
    assert "priorityClasName" in answer.stderr


def test_the_installation_in_one_file_is_what_the_manifests_say():
    assert list(yaml.safe_load_all((REPOSITORY / "dist/install.yaml").read_text())) == rendered("overlays/single-tenant")


@POD
def test_each_container_says_what_it_needs_and_how_it_is_asked(kind, pod):
    for container in pod["spec"]["containers"]:
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]


@POD
def test_no_pod_is_privileged_or_shares_the_nodes_namespaces(kind, pod):
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod["spec"].keys()
    for container in pod["spec"]["containers"]:
        assert "privileged" not in container["securityContext"]


@POD
def test_capabilities_are_those_with_a_reason(kind, pod):
    (container,) = pod["spec"]["containers"]
    context = container["securityContext"]

    assert set(context["capabilities"].get("add", [])) == (CAPABILITIES if kind == "DaemonSet" else set())
    if kind == "DaemonSet":
        assert context["seccompProfile"] == context["appArmorProfile"] == {"type": "Unconfined"}
        text = (REPOSITORY / "manifests/workloads/executor.yaml").read_text()
        assert set(re.findall(r"^ +- ([A-Z_]+)  # \S", text, re.MULTILINE)) == CAPABILITIES


@POD
def test_what_an_executor_reads_of_its_node_it_cannot_write(kind, pod):
    if kind != "DaemonSet":
        assert not [one for one in pod["spec"]["volumes"] if "hostPath" in one]
        return
    mounts = {one["name"]: one for one in pod["spec"]["containers"][0]["volumeMounts"]}
    assert {one["name"] for one in pod["spec"]["volumes"] if "hostPath" in one} == {"repositories", "images", "ledger"}
    for name in ("repositories", "images"):
        assert mounts[name]["readOnly"] is True
        assert mounts[name]["mountPropagation"] == "HostToContainer"


def test_what_does_not_fit_beside_the_executor_is_not_offered():
    """The commands' cgroups are within the container's."""
    for name, kind, pod in PODS:
        if kind == "DaemonSet":
            (container,) = pod["spec"]["containers"]
            (allocatable,) = [one for one in container["args"] if one.startswith("--allocatable-memory=")]
            assert (allocatable, container["resources"]["limits"]["memory"]) == ("--allocatable-memory=3584Mi", "4Gi"), name
            grace = next(one for one in container["args"] if one.startswith("--grace-period="))
            assert int(re.search(r"(\d+)s$", grace)[1]) < pod["spec"]["terminationGracePeriodSeconds"]


@pytest.fixture
def restricted(cluster, namespace):
    """A namespace with the strictest Pod Security."""
    answer = cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    assert answer.exit_code == 0, answer.stderr
    return namespace


@POD
def test_the_controller_keeps_to_the_strictest_pod_security(cluster, restricted, kind, pod):
    cluster.kubectl("create", "serviceaccount", f"fumehood-{pod['spec']['containers'][0]['name']}", "-n", restricted)
    spec = {key: value for key, value in pod["spec"].items() if key != "priorityClassName"}
    answer = cluster.kubectl("create", "--dry-run=server", "-n", restricted, "-f", "-", stdin=json.dumps(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "it", "namespace": restricted}, "spec": spec}))

    if kind == "Deployment":
        assert answer.exit_code == 0, answer.stderr
    else:
        assert 'violates PodSecurity "restricted' in answer.stderr


def test_no_role_of_what_is_shipped_has_a_wildcard():
    roles = [one for overlay in OVERLAYS for one in rendered(f"overlays/{overlay}") if one["kind"] in ("Role", "ClusterRole")]
    assert roles
    for role in roles:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], role["metadata"]["name"]


def metrics_in(text):
    known_prefixes = r"fumehood|rest_client|workqueue|controller_runtime|process|leader_election|stale"
    return {re.sub("_bucket$", "", one) for one in re.findall(rf"\b(?:{known_prefixes})_[a-z_]+(?=[\s{{\[)]|$)", text)}


def test_dashboard_and_alerts_ask_for_metrics_that_there_are():
    there_are = set(re.findall(r"^\| `([a-z_]+)` \|", (REPOSITORY / "docs/metrics.md").read_text(), re.MULTILINE))
    dashboard = json.loads((REPOSITORY / "manifests/monitoring/fumehood.json").read_text())
    rules = next(one for one in rendered("monitoring") if one["kind"] == "PrometheusRule")
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"]]

    for expression in asked:
        assert metrics_in(expression), expression
        assert metrics_in(expression) <= there_are, expression

"""The schemas as a whole: documented, bounded, and usable through kubectl and selectors."""

import json

import pytest
import yaml
from kubernetes import client

from crd_files import CRDS, REPOSITORY, fields, schema_of
from sandbox_commands import GROUP, JSON_PATCH, VERSION, api_call
from specs import FINISHED, PARKED, bound

UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed,status.phase!=TimedOut,status.phase!=Cancelled"
BOUNDS = {"string": ["maxLength"], "array": ["maxItems"], "integer": ["minimum", "maximum"]}
ALL_FIELDS = [pytest.param(schema, id=f"{crd}:{path}") for crd in CRDS for path, schema in fields(schema_of(crd)) if path != "metadata"]


@pytest.mark.parametrize("schema", ALL_FIELDS)
def test_field_is_described_and_bounded(schema):
    assert schema.get("description", "").strip().endswith(".")
    needed = list(BOUNDS.get(schema.get("type", "string"), []))  # without a type: a number or a string)
    if "additionalProperties" in schema:
        needed.append("maxProperties")
    assert [bound for bound in needed if bound not in schema] == []


@pytest.mark.parametrize(("resource", "part"), [("sandboxcommand", "spec"), ("sandboxcommand", "status"), ("sandboxexecutor", "status")])
def test_explain_shows_every_field(cluster, resource, part):
    answer = cluster.kubectl("explain", f"{resource}.{part}", "--recursive")

    assert answer.exit_code == 0, answer.stderr
    shown = {line.split()[0] for line in answer.stdout.splitlines() if "\t<" in line}
    wanted = {path.rsplit(".", 1)[-1] for path, _ in fields(schema_of(f"{resource}s")["properties"][part]) if path[-1] not in ".]}"}
    assert wanted - shown == set()


@pytest.mark.parametrize("field", ["spec.shell", "spec.repository.path", "status.conditions.reason", "status.stdout"])
def test_explain_shows_the_description(cluster, field):
    answer = cluster.kubectl("explain", f"sandboxcommand.{field}")

    assert answer.exit_code == 0, answer.stderr
    schema = dict(fields(schema_of("sandboxcommands")))[field.replace("conditions", "conditions[]")]
    assert " ".join(schema["description"].split()) in " ".join(answer.stdout.split())


@pytest.mark.parametrize("name", ["sbc", "sbx", "fumehood", "sandboxcommand", "sandboxexecutor"])
def test_short_names_and_category(cluster, name):
    answer = cluster.kubectl("get", name, "--all-namespaces")

    assert answer.exit_code == 0, answer.stderr


@pytest.mark.parametrize("sample", sorted((REPOSITORY / "manifests/samples").glob("*.yaml")), ids=lambda path: path.stem)
def test_sample_is_accepted(cluster, namespace, sample):
    answer = cluster.kubectl("apply", "--dry-run=server", "-n", namespace, "-f", str(sample))

    assert answer.exit_code == 0, answer.stderr
    assert answer.stderr == ""
    assert yaml.safe_load(sample.read_text())["metadata"]["name"] == sample.stem


@pytest.fixture
def three_commands(commands):
    """One waits, one is bound to the node `moon`, one has ended."""
    for name in ("waiting", "running", "finished"):
        commands.create(name, PARKED)
    commands.patch_status("running", {"status": bound(node="moon")})
    commands.patch_status("finished", {"status": bound(node="moon") | FINISHED})
    return commands


@pytest.mark.parametrize(("selector", "wanted"), [
    pytest.param("status.nodeName=moon", {"running", "finished"}, id="node"),
    pytest.param("status.phase=Succeeded", {"finished"}, id="phase"),
    pytest.param(UNFINISHED, {"waiting", "running"}, id="unfinished"),
    pytest.param("status.phase!=,status.phase!=Pending,status.phase!=Scheduled,status.phase!=Running", {"finished"}, id="finished"),
    pytest.param(f"status.nodeName=moon,{UNFINISHED}", {"running"}, id="unfinished-of-a-node"),
])
def test_list_and_watch_select_by(three_commands, selector, wanted):
    assert {one["metadata"]["name"] for one in three_commands.list(selector)} == wanted

    seen = set()
    for event in three_commands.events(10, field_selector=selector):
        seen.add(event["object"]["metadata"]["name"])
        if seen >= wanted:
            break
    assert seen == wanted


def test_a_command_leaves_the_unfinished_when_it_ends(three_commands):
    events = three_commands.events(10, field_selector=f"status.nodeName=moon,{UNFINISHED}")
    assert next(events)["type"] == "ADDED"

    three_commands.patch_status("running", {"status": FINISHED})

    assert next(events)["type"] == "DELETED"


def test_table_has_what_a_sweep_needs_and_stays_small(cluster, commands):
    commands.create("large", PARKED | {"shell": "x" * 65536})
    commands.patch_status("large", {"status": bound() | FINISHED | {"stdout": "x" * 262144, "stderr": "x" * 262144, "storedBytes": 700_000}})

    text = cluster.get_as(f"/apis/{GROUP}/{VERSION}/namespaces/{commands.namespace}/sandboxcommands?includeObject=Metadata",
                          "application/json;as=Table;v=v1;g=meta.k8s.io")

    table = json.loads(text)
    row = dict(zip([column["name"] for column in table["columnDefinitions"]], table["rows"][0]["cells"], strict=True))
    assert (row["Phase"], row["Completed"], row["TTL"], row["Size"]) == ("Succeeded", FINISHED["completionTime"], 3600, 700_000)
    assert len(text) < 16384


def test_kubectl_get_prints_the_columns(cluster, three_commands):
    plain = cluster.kubectl("get", "sbc", "-n", three_commands.namespace).stdout.splitlines()
    wide = cluster.kubectl("get", "sbc", "-n", three_commands.namespace, "-o", "wide").stdout.splitlines()

    assert plain[0].split() == ["NAME", "PHASE", "EXIT", "REASON", "NODE", "DURATION(MS)", "AGE"]
    assert wide[0].split()[6:] == ["AGE", "COMMAND", "REPOSITORY", "ISOLATION", "COMPLETED", "TTL", "SIZE"]
    finished = next(line for line in plain if line.startswith("finished")).split()
    assert finished[1:6] == ["Succeeded", "0", "ExitedZero", "moon", "12"]


def test_executor_columns(cluster):
    objects = client.CustomObjectsApi(cluster.api)
    name = "e2e-columns"
    status = {"slots": 4, "images": [{"name": "default"}, {"name": "debian"}], "imageNames": "default,debian", "handlers": ["runsc"],
              "runtime": {"name": "runsc", "version": "release-1", "platform": "systrap"},
              "executor": {"podName": "p", "podUID": "u"},
              "conditions": [{"type": "Ready", "status": "False", "reason": "Test", "message": "no executor",
                              "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    api_call(objects.create_cluster_custom_object, GROUP, VERSION, "sandboxexecutors",
             {"apiVersion": f"{GROUP}/{VERSION}", "kind": "SandboxExecutor", "metadata": {"name": name}}, field_validation="Strict")
    try:
        api_call(objects.patch_cluster_custom_object_status, GROUP, VERSION, "sandboxexecutors", name,
                 [{"op": "add", "path": "/status", "value": status}], field_validation="Strict", _content_type=JSON_PATCH)
        lines = cluster.kubectl("get", "sbx", name).stdout.splitlines()
    finally:
        api_call(objects.delete_cluster_custom_object, GROUP, VERSION, "sandboxexecutors", name)

    assert lines[0].split() == ["NAME", "READY", "SLOTS", "IMAGES", "VERSION", "PLATFORM", "AGE"]
    assert lines[1].split()[:-1] == [name, "False", "4", "default,debian", "release-1", "systrap"]

"""What may be changed after creation: cancel, one way, and ttlSecondsAfterFinished. Everything else may not, in no way."""

import pytest

from crd_files import schema_of
from sandbox_commands import refusal_of
from specs import FINISHED, PARKED, bound, manifest

CHANGEABLE = {"cancel", "ttlSecondsAfterFinished"}

# Each immutable field: what it is at first, and what a change would make of it.
OLD_AND_NEW = {
    "command": (["true"], ["true", "now"]),
    "shell": ("true", "false"),
    "repository": ({"path": "sample"}, {"path": "another"}),
    "workingDir": ("a", "b"),
    "image": ("default", "debian"),
    "env": ([{"name": "A", "value": "1"}], [{"name": "A", "value": "2"}]),
    "stdin": ("a", "b"),
    "timeoutSeconds": (60, 61),
    "resources": ({"cpu": 1, "memory": "64Mi"}, {"cpu": 2, "memory": "64Mi"}),
    "output": ({"maxBytes": 16384}, {"maxBytes": 1}),
    "runtimeClassName": ("gvisor", "runc"),
    "priority": (0, 1),
    "retryLimit": (2, 3),
    "nodeSelector": ({"disk": "fast"}, {"disk": "slow"}),
}
HAVE_DEFAULTS = {name for name, schema in schema_of("sandboxcommands")["properties"]["spec"]["properties"].items() if "default" in schema}
OPTIONAL = sorted(OLD_AND_NEW.keys() - HAVE_DEFAULTS - {"repository"})


def spec_with(field, value):
    spec = PARKED | {field: value}
    if field == "command":
        del spec["shell"]
    return spec


def spec_without(field):
    """A spec without `field`: instead of a shell it has a command, instead of a command a shell."""
    spec = PARKED if field != "shell" else PARKED | {"command": ["true"]}
    return {name: value for name, value in spec.items() if name != field}


def replace_spec(commands, name, spec):
    return commands.patch(name, [{"op": "replace", "path": "/spec", "value": spec}])


def test_every_field_is_either_changeable_or_tested_here():
    assert schema_of("sandboxcommands")["properties"]["spec"]["properties"].keys() == OLD_AND_NEW.keys() | CHANGEABLE


@pytest.mark.parametrize("field", OLD_AND_NEW)
def test_cannot_be_changed(commands, field):
    old, new = OLD_AND_NEW[field]
    commands.create("it", spec_with(field, old))

    refused = refusal_of(lambda: commands.patch("it", {"spec": {field: new}}))

    assert f"spec.{field} is immutable: create a new SandboxCommand" in refused.message


@pytest.mark.parametrize("field", OPTIONAL)
def test_cannot_be_added(commands, field):
    commands.create("it", spec_without(field))

    refused = refusal_of(lambda: replace_spec(commands, "it", spec_with(field, OLD_AND_NEW[field][0])))

    assert f"spec.{field} is immutable: create a new SandboxCommand" in refused.message


@pytest.mark.parametrize("field", OPTIONAL)
def test_cannot_be_removed(commands, field):
    commands.create("it", spec_with(field, OLD_AND_NEW[field][0]))

    refused = refusal_of(lambda: replace_spec(commands, "it", spec_without(field)))

    assert f"spec.{field} is immutable: create a new SandboxCommand" in refused.message


@pytest.mark.parametrize("field", sorted(HAVE_DEFAULTS - CHANGEABLE))
def test_removing_a_default_changes_nothing(commands, field):
    created = commands.create("it", PARKED | {field: OLD_AND_NEW[field][0]})

    changed = commands.patch("it", {"spec": {field: None}})

    assert changed["spec"] == created["spec"]


@pytest.mark.parametrize("field", sorted(HAVE_DEFAULTS - CHANGEABLE))
def test_removing_another_value_than_the_default_is_a_change(commands, field):
    commands.create("it", PARKED | {field: OLD_AND_NEW[field][1]})

    refused = refusal_of(lambda: commands.patch("it", {"spec": {field: None}}))

    assert f"spec.{field} is immutable: create a new SandboxCommand" in refused.message


@pytest.mark.parametrize("patch", [
    pytest.param([{"op": "add", "path": "/spec/env/-", "value": {"name": "B", "value": "1"}}], id="env-added"),
    pytest.param([{"op": "remove", "path": "/spec/env/0"}], id="env-removed"),
    pytest.param([{"op": "add", "path": "/spec/nodeSelector/size", "value": "big"}], id="label-added"),
    pytest.param([{"op": "remove", "path": "/spec/nodeSelector/disk"}], id="label-removed"),
    pytest.param([{"op": "add", "path": "/spec/command/-", "value": "now"}], id="argument-added"),
    pytest.param([{"op": "add", "path": "/spec/resources/cpu", "value": "1"}], id="resource-added"),
    pytest.param([{"op": "remove", "path": "/spec/resources/pids"}], id="resource-removed"),
    pytest.param([{"op": "replace", "path": "/spec/resources/memory", "value": "134217728"}], id="resource-written-otherwise"),
    pytest.param([{"op": "replace", "path": "/spec/repository/access", "value": "Ephemeral"}], id="access-changed"),
])
def test_part_of_a_field_cannot_be_changed(commands, patch):
    spec = spec_with("command", ["true"]) | {"env": [{"name": "A", "value": "1"}], "nodeSelector": {"disk": "fast"},
                                             "resources": {"memory": "128Mi", "pids": 16}}
    commands.create("it", spec)

    refused = refusal_of(lambda: commands.patch("it", patch))

    assert "is immutable: create a new SandboxCommand" in refused.message
    assert patch[0]["path"].split("/")[2] in refused.message


def test_repository_cannot_be_removed(commands):
    commands.create("it", PARKED)

    refused = refusal_of(lambda: commands.patch("it", {"spec": {"repository": None}}))

    assert "spec.repository: Required" in refused.message


def test_shell_and_command_cannot_be_swapped(commands):
    commands.create("it", PARKED)

    refused = refusal_of(lambda: commands.patch("it", {"spec": {"shell": None, "command": ["true"]}}))

    assert "spec.command is immutable" in refused.message
    assert "spec.shell is immutable" in refused.message


@pytest.mark.parametrize("status", [{}, FINISHED], ids=["unfinished", "finished"])
def test_ttl_can_be_changed(commands, status):
    commands.create("it", PARKED)
    commands.patch_status("it", {"status": bound() | status})

    changed = commands.patch("it", {"spec": {"ttlSecondsAfterFinished": 7200}})

    assert changed["spec"]["ttlSecondsAfterFinished"] == 7200


def test_cancel_can_be_set(commands):
    commands.create("it", PARKED)

    assert commands.cancel("it")["spec"]["cancel"] is True


@pytest.mark.parametrize("value", [False, None], ids=["changed", "removed"])
def test_cancel_cannot_be_taken_back(commands, value):
    commands.create("it", PARKED | {"cancel": True})

    refused = refusal_of(lambda: commands.patch("it", {"spec": {"cancel": value}}))

    assert "spec.cancel" in refused.message


def test_cancel_cannot_be_set_after_the_end(commands):
    commands.create("it", PARKED)
    commands.patch_status("it", {"status": bound() | FINISHED})

    refused = refusal_of(lambda: commands.cancel("it"))

    assert "spec.cancel can't be set any more: the command has finished" in refused.message


def test_labels_and_annotations_can_be_changed_after_the_end(commands):
    commands.create("it", PARKED)
    commands.patch_status("it", {"status": bound() | FINISHED})

    changed = commands.patch("it", {"metadata": {"labels": {"seen": "yes"}, "annotations": {"by": "me"}}})

    assert changed["metadata"]["labels"] == {"seen": "yes"}


def test_applying_the_same_manifest_again_changes_nothing(cluster, namespace):
    again = manifest("again", spec=PARKED | {"env": [{"name": "A"}]})
    assert cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=again).exit_code == 0

    answer = cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=again)

    assert (answer.exit_code, answer.stdout.strip()) == (0, "sandboxcommand.fumehood.dev/again unchanged")

"""Every limit and rule on a spec: the API server refuses what breaks it and names the field; next to it a value that just fits."""

from dataclasses import dataclass
from typing import Any

import pytest

from sandbox_commands import SandboxCommands, refusal_of
from specs import SAMPLE, manifest

NUL = "a\0b"
PATH_RULE = "must be a clean relative path"
CPU_RULE = "must be a quantity from 10m to 1k"
MEMORY_RULE = "must be a quantity from 64Mi to 4Ti"
SCRATCH_RULE = "must be a quantity from 1Mi to 4Ti"
DIR_RULE = "must be empty or a clean path"


@dataclass(frozen=True)
class Rule:
    """One way to break one field of the spec."""

    name: str
    field: str  # dotted, below spec
    good: Any
    bad: Any
    says: str = ""  # what the message says beside the field
    named: str = ""  # the field as the message names it, where that is longer than `field`


RULES = [
    Rule("command-has-an-item", "command", ["true"], []),
    Rule("command-has-a-program", "command", ["true", ""], [""], "the program to start"),
    Rule("command-program-length", "command", ["x" * 4096], ["x" * 4097], "4096"),
    Rule("command-items", "command", ["x"] * 256, ["x"] * 257, "256"),
    Rule("command-item-length", "command", ["echo", "x" * 65536], ["echo", "x" * 65537], "65536", "command[1]"),
    Rule("command-length-in-all", "command", ["echo", "x" * 65536, "x" * 65532], ["echo", "x" * 65536, "x" * 65533], "131072"),
    Rule("command-without-nul", "command", ["echo", "a b\n"], ["echo", NUL], "NUL", "command[1]"),
    Rule("command-of-strings", "command", ["sleep", "1"], ["sleep", 1], "string", "command[1]"),
    Rule("shell-not-empty", "shell", ":", "", "1"),
    Rule("shell-length", "shell", "x" * 65536, "x" * 65537, "65536"),
    Rule("shell-without-nul", "shell", "printf 'a\\0b'\n", NUL, "NUL"),
    Rule("repository-required", "repository", SAMPLE["repository"], None, "Required"),
    Rule("repository-path-required", "repository", SAMPLE["repository"], {}, "Required", "repository.path"),
    Rule("repository-path-length", "repository.path", "x" * 1024, "x" * 1025, "1024"),
    Rule("repository-path-not-empty", "repository.path", "a", "", PATH_RULE),
    Rule("repository-path-relative", "repository.path", "a/b", "/a/b", PATH_RULE),
    Rule("repository-path-no-trailing-slash", "repository.path", "a/b", "a/b/", PATH_RULE),
    Rule("repository-path-no-empty-segment", "repository.path", "a/b", "a//b", PATH_RULE),
    Rule("repository-path-no-dot", "repository.path", "a/.b", "a/./b", PATH_RULE),
    Rule("repository-path-not-only-a-dot", "repository.path", "...", ".", PATH_RULE),
    Rule("repository-path-no-dot-dot", "repository.path", "a/..b", "a/../b", PATH_RULE),
    Rule("repository-path-not-only-dot-dot", "repository.path", "..a", "..", PATH_RULE),
    Rule("repository-path-without-nul", "repository.path", "a b", NUL, PATH_RULE),
    Rule("repository-path-without-newline", "repository.path", "ä b", "a\n", PATH_RULE),
    Rule("repository-path-without-delete", "repository.path", "a~", "a\x7f", PATH_RULE),
    Rule("repository-access", "repository.access", "Ephemeral", "ReadWrite", '"ReadOnly", "Ephemeral"'),
    Rule("working-dir-length", "workingDir", "x" * 1024, "x" * 1025, "1024"),
    Rule("working-dir-relative", "workingDir", "", "/a", DIR_RULE),
    Rule("working-dir-no-trailing-slash", "workingDir", "a", "a/", DIR_RULE),
    Rule("working-dir-no-dot", "workingDir", ".a", ".", DIR_RULE),
    Rule("working-dir-no-dot-dot", "workingDir", "a/b", "a/..", DIR_RULE),
    Rule("working-dir-no-empty-segment", "workingDir", "a/b", "a//b", DIR_RULE),
    Rule("working-dir-without-control-character", "workingDir", "a b", "a\tb", DIR_RULE),
    Rule("image-length", "image", "x" * 253, "x" * 254, "253"),
    Rule("image-not-empty", "image", "x", "", "name of an image"),
    Rule("image-lower-case", "image", "python-3.12", "Python", "name of an image"),
    Rule("image-is-no-reference", "image", "debian", "docker.io/debian:12", "no reference into a container registry"),
    Rule("image-is-no-path", "image", "a.b", "../b", "name of an image"),
    Rule("env-items", "env", [{"name": f"A{i}"} for i in range(256)], [{"name": f"A{i}"} for i in range(257)], "256"),
    Rule("env-name-required", "env", [{"name": "A"}], [{"value": "1"}], "Required", "env[0].name"),
    Rule("env-name-not-empty", "env", [{"name": "_"}], [{"name": ""}], "letters, digits", "env[0].name"),
    Rule("env-name-without-equals", "env", [{"name": "A_1"}], [{"name": "A=1"}], "letters, digits", "env[0].name"),
    Rule("env-name-no-digit-first", "env", [{"name": "a1"}], [{"name": "1a"}], "letters, digits", "env[0].name"),
    Rule("env-name-without-newline", "env", [{"name": "A"}], [{"name": "A\n"}], "letters, digits", "env[0].name"),
    Rule("env-name-length", "env", [{"name": "A" * 256}], [{"name": "A" * 257}], "256", "env[0].name"),
    Rule("env-name-once", "env", [{"name": "A"}, {"name": "a"}], [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
         "Duplicate", "env[1]"),
    Rule("env-value-length", "env", [{"name": "A", "value": "x" * 32768}], [{"name": "A", "value": "x" * 32769}], "32768", "env[0].value"),
    Rule("env-value-without-nul", "env", [{"name": "A", "value": "a\nb"}], [{"name": "A", "value": NUL}], "NUL", "env[0].value"),
    Rule("env-length-in-all", "env", [{"name": f"A{i}", "value": "x" * 32766} for i in range(4)],
         [{"name": f"A{i}", "value": "x" * 32767} for i in range(4)], "131072"),
    Rule("stdin-length", "stdin", "\0" * 65536, "x" * 65537, "65536"),
    Rule("timeout-at-least", "timeoutSeconds", 1, 0, "1"),
    Rule("timeout-at-most", "timeoutSeconds", 86400, 86401, "86400"),
    Rule("timeout-whole-seconds", "timeoutSeconds", 2, 1.5, "integer"),
    Rule("cpu-form", "resources.cpu", "1500m", "1 core", CPU_RULE),
    Rule("cpu-with-a-unit-that-exists", "resources.cpu", "0.5", "1c", CPU_RULE),
    Rule("cpu-positive", "resources.cpu", 1, -1, CPU_RULE),
    Rule("cpu-at-least", "resources.cpu", "10m", "9m", CPU_RULE),
    Rule("cpu-at-most", "resources.cpu", 1000, 1001, CPU_RULE),
    Rule("cpu-of-a-number-or-a-string", "resources.cpu", "1e0", 1.5, "integer,string"),
    Rule("cpu-length", "resources.cpu", "1." + "0" * 30, "1." + "0" * 31, "32"),
    Rule("memory-form", "resources.memory", "1.5Gi", "512MB", MEMORY_RULE),
    Rule("memory-positive", "resources.memory", "1G", "-1G", MEMORY_RULE),
    Rule("memory-is-not-in-milli", "resources.memory", "67108864", "512m", MEMORY_RULE),
    Rule("memory-at-least", "resources.memory", 67108864, 67108863, MEMORY_RULE),
    Rule("memory-at-most", "resources.memory", "4Ti", "4097Gi", MEMORY_RULE),
    Rule("memory-length", "resources.memory", "1" + "." + "0" * 28 + "Gi", "1" + "." + "0" * 29 + "Gi", "32"),
    Rule("pids-at-least", "resources.pids", 1, 0, "1"),
    Rule("pids-at-most", "resources.pids", 32768, 32769, "32768"),
    Rule("pids-of-a-number", "resources.pids", 64, "64", "integer"),
    Rule("scratch-form", "resources.scratch", "100M", "100MiB", SCRATCH_RULE),
    Rule("scratch-positive", "resources.scratch", "1Mi", 0, SCRATCH_RULE),
    Rule("scratch-at-least", "resources.scratch", "1024Ki", "1023Ki", SCRATCH_RULE),
    Rule("scratch-at-most", "resources.scratch", "4Ti", "5Ti", SCRATCH_RULE),
    Rule("output-at-least", "output.maxBytes", 0, -1, "0"),
    Rule("output-at-most", "output.maxBytes", 262144, 262145, "262144"),
    Rule("runtime-class-length", "runtimeClassName", "x" * 253, "x" * 254, "253"),
    Rule("runtime-class-not-empty", "runtimeClassName", "gvisor", "", "name of a RuntimeClass"),
    Rule("runtime-class-form", "runtimeClassName", "g.visor-1", "g_visor", "name of a RuntimeClass"),
    Rule("node-selector-items", "nodeSelector", {f"k{i}": "v" for i in range(32)}, {f"k{i}": "v" for i in range(33)}, "32"),
    Rule("node-selector-key-length", "nodeSelector", {"k" * 317: ""}, {"k" * 318: ""}, "317"),
    Rule("node-selector-value-length", "nodeSelector", {"k": "v" * 63}, {"k": "v" * 64}, "63", "nodeSelector.k"),
    Rule("priority-at-least", "priority", -1000, -1001, "-1000"),
    Rule("priority-at-most", "priority", 1000, 1001, "1000"),
    Rule("retry-limit-at-least", "retryLimit", 0, -1, "0"),
    Rule("retry-limit-at-most", "retryLimit", 10, 11, "10"),
    Rule("ttl-at-least", "ttlSecondsAfterFinished", 0, -1, "0"),
    Rule("ttl-at-most", "ttlSecondsAfterFinished", 604800, 604801, "604800"),
    Rule("cancel-is-boolean", "cancel", True, "yes", "boolean"),
]
BY_NAME = [pytest.param(rule, id=rule.name) for rule in RULES]


def spec_with(field, value):
    """The smallest spec, with `field` set to `value`; None leaves it out."""
    spec = {"repository": {"path": "sample"}} | ({} if field == "command" else {"shell": "true"})
    *parents, last = field.split(".")
    holder = spec
    for parent in parents:
        holder = holder.setdefault(parent, {})
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return spec


@pytest.fixture(scope="module")
def dry_run(cluster):
    """Creates without keeping anything: dry_run(spec) returns the object as it would be stored."""
    commands = SandboxCommands(cluster.api, "default")
    return lambda spec: commands.create("e2e-dry-run", spec, dry_run=True)


@pytest.mark.parametrize("rule", BY_NAME)
def test_fits(dry_run, rule):
    created = dry_run(spec_with(rule.field, rule.good))

    assert created["metadata"]["name"] == "e2e-dry-run"


@pytest.mark.parametrize("rule", BY_NAME)
def test_breaks(dry_run, rule):
    refused = refusal_of(lambda: dry_run(spec_with(rule.field, rule.bad)))

    assert refused.code == 422
    assert f"spec.{rule.named or rule.field}" in refused.message
    assert rule.says in refused.message


@pytest.mark.parametrize("spec", [
    pytest.param(SAMPLE, id="neither"),
    pytest.param(SAMPLE | {"shell": "true", "command": ["true"]}, id="both"),
])
def test_exactly_one_of_command_and_shell(dry_run, spec):
    refused = refusal_of(lambda: dry_run(spec))

    assert "exactly one of spec.command and spec.shell must be set" in refused.message


@pytest.mark.parametrize("field", ["volumes", "network"])
def test_unknown_field_is_refused_where_validation_is_strict(dry_run, field):
    refused = refusal_of(lambda: dry_run(SAMPLE | {"shell": "true", field: 1}))

    assert refused.code == 400
    assert f"spec.{field}" in refused.message


def test_spec_is_required(cluster):
    answer = cluster.kubectl("create", "--dry-run=server", "--validate=false", "-f", "-", stdin=manifest("empty"))

    assert answer.exit_code != 0
    assert "spec: Required" in answer.stderr


def test_kubectl_shows_the_message(cluster):
    bad = manifest("bad", spec={"shell": "true", "repository": {"path": "../secrets"}})

    answer = cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=bad)

    assert answer.exit_code != 0
    assert "spec.repository.path must be a clean relative path" in answer.stderr


def test_defaults(dry_run):
    spec = dry_run(SAMPLE | {"shell": "true"})["spec"]

    assert spec == {
        "shell": "true", "repository": {"path": "sample", "access": "ReadOnly"}, "image": "default", "timeoutSeconds": 60,
        "output": {"maxBytes": 16384}, "runtimeClassName": "gvisor",
        "priority": 0, "retryLimit": 2, "ttlSecondsAfterFinished": 3600, "cancel": False,
    }


def test_status_given_at_creation_is_dropped(cluster):
    forged = manifest("forged", spec=SAMPLE | {"shell": "true"}, status={"phase": "Running"})

    answer = cluster.kubectl("create", "--dry-run=server", "-o", "jsonpath={.status}", "-f", "-", stdin=forged)

    assert (answer.exit_code, answer.stdout) == (0, "")

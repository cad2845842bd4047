"""What nobody should send, through kubectl: each answer names the field, nothing crashes, and nothing is stored."""

import pytest

from specs import SAMPLE, manifest


MEBIBYTE = "x" * 1024 * 1024

BAD = {
    "one MiB of argument": (SAMPLE | {"command": ["echo", MEBIBYTE]}, "spec.command"),
    "one MiB of shell": (SAMPLE | {"shell": MEBIBYTE}, "spec.shell"),
    "one MiB of stdin": (SAMPLE | {"shell": "cat", "stdin": MEBIBYTE}, "spec.stdin"),
    "one MiB of environment": (SAMPLE | {"shell": "env", "env": [{"name": "A", "value": MEBIBYTE}]}, "spec.env"),
    "more than a request may have": (SAMPLE | {"shell": MEBIBYTE * 4}, "too large"),
    "NUL in an argument": (SAMPLE | {"command": ["echo", "a\0b"]}, "spec.command"),
    "NUL in a path": ({"shell": "true", "repository": {"path": "a\0b"}}, "spec.repository.path"),
    "path upwards": ({"shell": "true", "repository": {"path": "../etc"}}, "spec.repository.path"),
    "absolute path": ({"shell": "true", "repository": {"path": "/etc"}}, "spec.repository.path"),
    "working directory upwards": (SAMPLE | {"shell": "true", "workingDir": "../.."}, "spec.workingDir"),
    "number as text": (SAMPLE | {"shell": "true", "timeoutSeconds": "soon"}, "spec.timeoutSeconds"),
    "unknown field": (SAMPLE | {"shell": "true", "shel": "true"}, "spec.shel"),
    "nothing to run": (SAMPLE, "spec"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused_with_the_field_named(cluster, namespace, name):
    spec, field = BAD[name]

    answer = cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=manifest("bad", spec=spec))

    assert answer.exit_code != 0
    assert field in answer.stderr
    assert len(answer.stderr) < 10_000
    left = cluster.kubectl("get", "sbc", "-n", namespace, "-o", "name")
    assert (left.exit_code, left.stdout) == (0, "")


@pytest.mark.needs_executor
def test_longest_arguments_that_are_accepted_arrive(run):
    argument = "x" * 65_536
    command = run(command=["sh", "-c", "printf %s \"$1\" | wc -c", "sh", argument])
    assert command["status"]["stdout"].strip() == "65536"

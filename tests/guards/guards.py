"""The list of guards: what keeps commands from being lost or doubled, and which test notices when it is gone."""

from dataclasses import dataclass
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
LISTS = Path(__file__).parent
ADMISSION = "manifests/base/admission.yaml"


class Mismatch(Exception):
    """The list names something that is not there, or not only once."""


@dataclass(frozen=True)
class CodeGuard:
    """Some text of a source file, and what stands there while the guard is out."""

    guard: str
    file: str
    take: str
    put: str
    program: str
    test: str

    @property
    def place(self):
        return self.file

    def without(self, text):
        """The file's text without the guard."""
        if text.count(self.take) != 1:
            raise Mismatch(f'"{self.guard}": {self.file} has {text.count(self.take)} times: {self.take}')
        return text.replace(self.take, self.put)


@dataclass(frozen=True)
class RuleGuard:
    """A validation rule of a CRD, known by the beginning of its message."""

    guard: str
    crd: str
    rule: str
    test: str

    @property
    def place(self):
        return self.file

    @property
    def file(self):
        return f"crds/fumehood.dev_{self.crd}.yaml"

    def without(self, documents):
        """The object to apply while the guard is out."""
        crd, = documents
        found = [(rules, rule) for rules in rules_of(crd) for rule in rules if rule["message"].startswith(self.rule)]
        rules, rule = only(found, self)
        rules.remove(rule)
        return crd


@dataclass(frozen=True)
class PolicyGuard:
    """A part of an admission policy or of its binding: a validation, known by words of its message, or an item of a list."""

    guard: str
    policy: str
    test: str
    validation: str = ""
    operation: str = ""
    resource: str = ""
    action: str = ""

    file = ADMISSION

    @property
    def place(self):
        return f"{self.file}: {self.policy}"

    def without(self, documents):
        """The object to apply while the guard is out."""
        kind = "ValidatingAdmissionPolicyBinding" if self.action else "ValidatingAdmissionPolicy"
        policy, = (one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, self.policy))
        if self.action:
            policy["spec"]["validationActions"] = ["Audit"]
        elif self.validation:
            validations = policy["spec"]["validations"]
            validations.remove(only([one for one in validations if self.validation in message_of(one)], self))
        else:
            rule, = policy["spec"]["matchConstraints"]["resourceRules"]
            rule["operations" if self.operation else "resources"].remove(self.operation or self.resource)
        return policy


def only(found, guard):
    if len(found) != 1:
        raise Mismatch(f'"{guard.guard}": {guard.file} has {len(found)} of these')
    return found[0]


def message_of(validation):
    return validation.get("message") or validation["messageExpression"]


def rules_of(node):
    """Every list of validation rules at and below `node`."""
    if isinstance(node, list):
        for item in node:
            yield from rules_of(item)
    elif isinstance(node, dict):
        for name, below in node.items():
            if name == "x-kubernetes-validations":
                yield below
            else:
                yield from rules_of(below)


def documents_of(file):
    return list(yaml.safe_load_all((REPOSITORY / file).read_text()))


def code_guards():
    return [CodeGuard(**entry) for entry in yaml.safe_load((LISTS / "code.yaml").read_text())]


def api_guards():
    return [(RuleGuard if "crd" in entry else PolicyGuard)(**entry) for entry in yaml.safe_load((LISTS / "api.yaml").read_text())]


def table(guards):
    """As docs/guards.md has it."""
    lines = ["| guard | where | test |", "|---|---|---|"]
    lines += [f"| {one.guard} | `{one.place}` | `{one.test}` |" for one in guards]
    return "\n".join(lines) + "\n"

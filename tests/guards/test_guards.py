"""The list of guards is whole, and what it names is there."""

import re
import subprocess
import sys

import pytest

from guards import ADMISSION, REPOSITORY, RuleGuard, api_guards, code_guards, documents_of, message_of, rules_of, table

CODE, API = code_guards(), api_guards()
TEST = re.compile(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", re.MULTILINE)


def by_name(guards):
    return [pytest.param(one, id=f"{one.place}: {one.guard}") for one in guards]


def plain(test):
    """SUITE.NAME, of one row of a table: "TABLE/SUITE.NAME/ROW"."""
    return next(part for part in test.split("/") if "." in part)


@pytest.fixture(scope="module")
def unit_tests():
    return {f"{suite}.{name}" for file in (REPOSITORY / "tests").rglob("*_test.cc") for suite, name in TEST.findall(file.read_text())}


@pytest.fixture(scope="module")
def e2e_tests():
    collected = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q"],
                               cwd=REPOSITORY / "tests/e2e", capture_output=True, text=True, check=True)
    return set(collected.stdout.splitlines())


@pytest.mark.parametrize("guard", by_name(CODE))
def test_a_guard_of_the_code_is_there_and_has_a_test(guard, unit_tests):
    whole = (REPOSITORY / guard.file).read_text()

    assert guard.without(whole) != whole
    assert plain(guard.test) in unit_tests


@pytest.mark.parametrize("guard", by_name(API))
def test_a_guard_of_the_api_server_is_there_and_has_a_test(guard, e2e_tests):
    whole = documents_of(guard.file)

    assert guard.without(documents_of(guard.file)) not in whole
    assert guard.test in e2e_tests


def test_every_rule_of_the_crds_is_listed():
    messages = [rule["message"] for file in (REPOSITORY / "crds").glob("fumehood.dev_*.yaml")
                for rules in rules_of(documents_of(file.relative_to(REPOSITORY))) for rule in rules]
    listed = [one.rule for one in API if isinstance(one, RuleGuard)]

    assert [message for message in messages if not any(map(message.startswith, listed))] == []


@pytest.mark.parametrize("policy", [one for one in documents_of(ADMISSION) if one["kind"] == "ValidatingAdmissionPolicy"],
                         ids=lambda policy: policy["metadata"]["name"])
def test_every_part_of_a_policy_is_listed(policy):
    listed = [one for one in API if not isinstance(one, RuleGuard) and one.policy == policy["metadata"]["name"]]
    rule, = policy["spec"]["matchConstraints"]["resourceRules"]

    for validation in policy["spec"]["validations"]:
        assert any(one.validation and one.validation in message_of(validation) for one in listed)
    for kind, parts in (("operation", rule["operations"]), ("resource", rule["resources"])):
        # The only one can't be taken out.
        assert len(parts) == 1 or set(parts) == {getattr(one, kind) for one in listed} - {""}
    assert any(one.action for one in listed)


@pytest.mark.parametrize("guards", [CODE, API], ids=["code", "api"])
def test_the_document_has_the_list(guards):
    assert table(guards) in (REPOSITORY / "docs/guards.md").read_text(), f"docs/guards.md should have:\n{table(guards)}"

"""docs/threat-model.md names a test for each write that is refused, and each such test is named there."""

import re

import test_fences
import test_fences_of_executors
import test_rbac
from crd_files import REPOSITORY

MODULES = (test_fences, test_fences_of_executors, test_rbac)
ROWS = {one.name for one in (*test_fences.REFUSED, *test_fences.REFUSED_BY_THE_CRD,
                             *test_fences_of_executors.REFUSED, *test_fences_of_executors.REFUSED_LEASES)}
TESTS = {name for module in MODULES for name in vars(module) if name.startswith("test_")}


def named_tests():
    """The names in the last column of the table of refusals."""
    text = (REPOSITORY / "docs/threat-model.md").read_text()
    table = text.split("| tests |\n")[1].split("\n\n")[0]
    return re.findall(r"`([^`]+)`", "\n".join(line.split("|")[-2] for line in table.splitlines()))


def test_each_refusal_has_a_test_that_exists():
    assert set(named_tests()) - ROWS - TESTS == set()


def test_each_test_of_a_refusal_is_told_once():
    named = named_tests()

    assert [name for name in ROWS if named.count(name) != 1] == []

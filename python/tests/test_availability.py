"""Whether commands can be isolated here."""

import asyncio

import pytest

from fumehood import _availability, aio, is_gvisor_available


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch):
    monkeypatch.setattr(_availability, "_known", None)


def test_it_is_true_where_a_command_ran(program):
    found = is_gvisor_available()
    assert found
    assert found.reason == "runsc: runsc v1"
    assert found.isolation.platform == "systrap"
    arguments = program.last_call()["arguments"]
    assert arguments[-2:] == ["--", "true"]
    assert "--isolation=auto" in arguments
    assert "--allow-unisolated-fallback" not in arguments


def test_it_is_false_and_says_why_where_none_works(program):
    program.refuses("unavailable", "no isolation works here: install gVisor")
    found = is_gvisor_available()
    assert not found
    assert found.reason == "no isolation works here: install gVisor"


def test_it_is_false_without_the_program(monkeypatch):
    monkeypatch.setenv("FUMEHOOD_PROGRAM", "/nowhere")
    found = is_gvisor_available()
    assert not found
    assert "/nowhere" in found.reason


def test_it_is_false_where_true_fails(program):
    program.answers(success=False, returncode=137, reason="Signaled", message="ended by signal 9")
    found = is_gvisor_available()
    assert not found
    assert found.reason == "`true` did not succeed: Signaled ended by signal 9"


def test_it_is_tried_once_until_it_is_refreshed(program):
    program.refuses("unavailable", "not yet")
    assert not is_gvisor_available()
    program.answers()
    assert not is_gvisor_available()
    assert len(program.calls()) == 1
    assert is_gvisor_available(refresh=True)
    assert is_gvisor_available()
    assert len(program.calls()) == 2


def test_the_coroutine_shares_what_is_known(program):
    assert asyncio.run(aio.is_gvisor_available())
    assert is_gvisor_available()
    assert len(program.calls()) == 1

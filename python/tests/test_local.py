"""Commands on this machine, with a program that answers as the test says."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from fake_program import RESULT, is_alive, wait_until

from fumehood import (
    Cancellation,
    Fumehood,
    InvalidRequest,
    Isolation,
    IsolationUnavailable,
    ProgramNotFound,
    Resources,
    RunFailed,
    _local,
    run_command_isolated,
    run_shell_command_isolated,
)
from fumehood._request import command_request


def test_the_program_is_told_all_that_was_asked_for(program):
    run_command_isolated(
        ["grep", "-n", "--", "a b"],
        "/work dir",
        "/repo",
        {"A": "x=y", "B": ""},
        1.5,
        isolation="runsc",
        image="/image",
        stdin="ä",
        max_output_bytes=10,
        access="Ephemeral",
        resources=Resources(cpu=0.5, memory="512Mi", pids=64, scratch=1 << 20),
        allow_unisolated_fallback=True,
    )
    call = program.last_call()
    assert call["arguments"] == [
        *("run", "--json", "--isolation=runsc", "--timeout=1500ms", "--allow-unisolated-fallback", "--image=/image"),
        *("--repo=/repo", "--workdir=/work dir", "--env=A=x=y", "--env=B=", "--stdin", "--max-output=10"),
        *("--access=ephemeral", "--cpus=0.5", "--memory=512Mi", "--pids=64", "--scratch=1048576"),
        *("--", "grep", "-n", "--", "a b"),
    ]
    assert call["stdin"] == "ä"


def test_a_script_is_handed_over_as_it_is(program):
    run_shell_command_isolated("--help; echo 'a' | cat", timeout=timedelta(minutes=2))
    assert program.last_call()["arguments"] == [
        *("run", "--json", "--isolation=auto", "--timeout=120000ms", "--shell=--help; echo 'a' | cat")
    ]


def test_the_answer_becomes_the_result(program):
    program.answers(stdout_bytes=5000, stdout_truncated=True)
    result = run_command_isolated(["true"])
    assert (result.success, result.returncode, result.reason, result.timed_out) == (True, 0, "Exited", False)
    assert (result.stdout, result.stdout_bytes, result.stdout_size, result.stdout_truncated) == (
        "out",
        b"out",
        5000,
        True,
    )
    assert (result.stderr, result.stderr_bytes, result.stderr_size, result.stderr_truncated) == (
        "err",
        b"err",
        3,
        False,
    )
    assert (result.startup, result.duration, result.signal) == (0.25, 1.5, None)
    assert result.isolation == Isolation("runsc", "runsc", "v1", "systrap", "none", "ReadOnly")
    assert result.isolation.isolated


def test_output_that_is_no_text_is_kept_as_bytes(program):
    encoded = base64.b64encode(b"\xff\n").decode()
    program.answers(stdout=encoded, stderr="", output_encoding="base64")
    result = run_command_isolated(["true"])
    assert (result.stdout, result.stdout_bytes, result.stderr) == ("\ufffd\n", b"\xff\n", "")


ENDINGS = {
    "ExitStatus": {"returncode": 3},
    "Signal": {"returncode": 137, "reason": "Signaled", "signal": 9, "message": "ended by signal 9 (Killed)"},
    "TimeOver": {"returncode": 124, "reason": "TimedOut", "timed_out": True, "message": "killed"},
    "NoSuchProgram": {"returncode": 127, "reason": "CommandNotFound", "message": "no such program"},
    "SandboxGone": {"returncode": 125, "reason": "SandboxTerminated", "message": "gone"},
}


@pytest.mark.parametrize("name", ENDINGS)
def test_however_a_command_ends_it_is_a_result(name, program):
    ending = ENDINGS[name]
    program.answers(success=False, **ending)
    result = run_command_isolated(["true"])
    wanted = RESULT | ending
    assert not result.success
    assert (result.returncode, result.reason, result.message, result.timed_out, result.signal) == (
        *(wanted["returncode"], wanted["reason"], wanted["message"], wanted["timed_out"], wanted.get("signal")),
    )


ERRORS = {
    "invalid": InvalidRequest,
    "too large": InvalidRequest,
    "unavailable": IsolationUnavailable,
    "not found": IsolationUnavailable,
    "forbidden": IsolationUnavailable,
    "internal": RunFailed,
    "outcome unknown": RunFailed,
    "a code of a later version": RunFailed,
}


@pytest.mark.parametrize("code", ERRORS)
def test_what_was_not_run_is_an_exception_by_its_code(code, program):
    program.refuses(code, "what was tried: why not")
    with pytest.raises(ERRORS[code], match=r"^what was tried: why not$"):
        run_command_isolated(["true"])


@pytest.mark.parametrize("reason", ["RepositoryUnavailable", "WorkingDirUnavailable", "ImageUnavailable"])
def test_a_place_that_cannot_be_used_is_an_invalid_request(reason, program):
    program.answers(success=False, returncode=125, reason=reason, message="not there")
    with pytest.raises(InvalidRequest, match=f"{reason}: not there"):
        run_command_isolated(["true"])


NO_ANSWERS = {
    "Nothing": ("", "--bad: not understood", 125, "ended with 125 without an answer: --bad: not understood"),
    "NoJson": ("Usage: …", "", 0, "ended with 0 without an answer: Usage"),
    "Half": ('{"success": true, "returnc', "", 0, "without an answer"),
    "WithoutFields": ('{"success": true}', "", 0, "without an answer"),
    "NoObject": ("[]", "", 0, "without an answer"),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_a_program_without_an_answer_has_failed(name, program):
    stdout, stderr, status, message = NO_ANSWERS[name]
    program.prints(stdout, stderr=stderr, status=status)
    with pytest.raises(RunFailed, match=message):
        run_command_isolated(["true"])


def test_what_the_program_warns_of_is_logged(program, caplog):
    program.prints(json.dumps(RESULT), stderr="fumehood: WARNING: no isolation\n")
    run_command_isolated(["true"])
    assert [(record.name, record.levelname, record.message) for record in caplog.records] == [
        ("fumehood", "WARNING", "fumehood: WARNING: no isolation")
    ]


def test_a_command_line_that_the_kernel_refuses_is_an_invalid_request(program):
    with pytest.raises(InvalidRequest, match="too long for this machine"):
        run_command_isolated(["echo", "x" * 3_000_000])


def test_a_program_that_gives_no_answer_is_ended(program, monkeypatch):
    monkeypatch.setattr(_local, "_ALLOWANCE", 0.5)
    program.hangs()
    with pytest.raises(RunFailed, match="gave no answer within"):
        run_command_isolated(["true"], timeout=1)
    assert program.was_told_to_end()
    assert not is_alive(program.last_call()["pid"])


def test_a_program_that_does_not_end_when_told_is_killed(program, monkeypatch):
    monkeypatch.setattr(_local, "_ALLOWANCE", 0.5)
    monkeypatch.setattr(_local, "_GRACE", 0.2)
    program.hangs(stubborn=True)
    with pytest.raises(RunFailed, match="gave no answer within"):
        run_command_isolated(["true"], timeout=1)
    assert not is_alive(program.last_call()["pid"])


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_cancellation_ends_the_program(stubborn, program, monkeypatch):
    monkeypatch.setattr(_local, "_GRACE", 0.2)
    program.hangs(stubborn=stubborn)
    cancellation = Cancellation()
    with ThreadPoolExecutor() as pool:
        run = pool.submit(_local.LocalBackend().run, command_request(command=["true"]), cancellation)
        pid = program.wait_for_call()
        cancellation.cancel()
        with pytest.raises(RunFailed):
            run.result(timeout=30)
    assert not is_alive(pid)


def test_a_cancellation_that_came_before_ends_the_program_too(program):
    program.hangs()
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(RunFailed, match="without an answer"):
        _local.LocalBackend().run(command_request(command=["true"]), cancellation)


def test_an_interrupted_python_ends_the_program_and_waits_for_it(program):
    program.hangs()
    python = subprocess.Popen(
        [sys.executable, "-c", "import fumehood; fumehood.run_command_isolated(['true'])"], stderr=subprocess.PIPE
    )
    try:
        pid = program.wait_for_call()
        python.send_signal(signal.SIGINT)
        _, errors = python.communicate(timeout=30)
        assert b"KeyboardInterrupt" in errors
        assert program.was_told_to_end()
        assert not is_alive(pid)
    finally:
        python.kill()
        python.wait()


def test_threads_run_commands_side_by_side(program):
    with Fumehood.local() as fumehood, ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: fumehood.run(["echo", str(number)]), range(8)))
    assert all(result.success for result in results)
    assert sorted(call["arguments"][-1] for call in program.calls()) == [str(number) for number in range(8)]


def test_nothing_is_left_behind(program):
    def descriptors():
        return sorted(os.listdir("/proc/self/fd"))

    run_command_isolated(["true"])
    before = descriptors(), threading.active_count()
    run_command_isolated(["true"], stdin="x" * 200_000)
    program.refuses("unavailable", "no")
    with pytest.raises(IsolationUnavailable):
        run_command_isolated(["true"])
    wait_until(lambda: (descriptors(), threading.active_count()) == before)


def test_a_program_that_does_not_read_its_input_is_no_error(program):
    program.path.write_text(f"#!/bin/sh\necho '{json.dumps(RESULT)}'\n")
    assert run_command_isolated(["true"], stdin="x" * 200_000).success


def test_a_named_program_that_is_none_is_said(monkeypatch):
    monkeypatch.setenv("FUMEHOOD_PROGRAM", "/nowhere/fumehood")
    with pytest.raises(ProgramNotFound, match='"/nowhere/fumehood", which FUMEHOOD_PROGRAM names'):
        run_command_isolated(["true"])


def test_without_a_program_it_is_said_where_it_was_looked_for(monkeypatch, tmp_path):
    monkeypatch.delenv("FUMEHOOD_PROGRAM", raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    monkeypatch.setenv("PATH", "/nowhere:relative:")
    with pytest.raises(ProgramNotFound, match=f"in {tmp_path}/bin, /nowhere: install"):
        run_command_isolated(["true"])


def test_a_program_in_the_current_directory_is_not_taken(monkeypatch, tmp_path, program):
    monkeypatch.delenv("FUMEHOOD_PROGRAM")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    monkeypatch.chdir(program.path.parent)
    for path in (".", "", ":"):
        monkeypatch.setenv("PATH", path)
        with pytest.raises(ProgramNotFound):
            run_command_isolated(["true"])
    monkeypatch.setenv("PATH", str(program.path.parent))
    assert run_command_isolated(["true"]).success


def test_a_program_beside_this_python_is_taken_first(monkeypatch, program):
    monkeypatch.delenv("FUMEHOOD_PROGRAM")
    monkeypatch.setattr(sys, "executable", str(program.path.parent / "python"))
    monkeypatch.setenv("PATH", "/nowhere")
    assert run_command_isolated(["true"]).success

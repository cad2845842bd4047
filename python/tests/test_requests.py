"""What is refused before anything is started."""

from datetime import timedelta

import pytest

from fumehood import FumehoodError, InvalidRequest, run_command_isolated, run_shell_command_isolated

WRONG = {
    "CommandIsOneString": ({"command": "ls -la"}, "must be a list"),
    "CommandIsEmpty": ({"command": []}, "command is empty"),
    "ProgramIsEmpty": ({"command": [""]}, "command is empty"),
    "ArgumentIsNoString": ({"command": ["ls", 1]}, r"command\[1\] is a int"),
    "ArgumentHoldsNul": ({"command": ["ls", "a\0b"]}, "NUL"),
    "ArgumentIsNoUnicode": ({"command": ["ls", "\ud800"]}, "not Unicode"),
    "NoTimeout": ({"timeout": None}, "there is always a limit"),
    "TimeoutIsText": ({"timeout": "60"}, "number of seconds"),
    "TimeoutIsTrue": ({"timeout": True}, "number of seconds"),
    "TimeoutIsZero": ({"timeout": 0}, "from 0.001"),
    "TimeoutIsNegative": ({"timeout": -1}, "from 0.001"),
    "TimeoutIsNaN": ({"timeout": float("nan")}, "from 0.001"),
    "TimeoutIsInfinite": ({"timeout": float("inf")}, "from 0.001"),
    "TimeoutIsTwoDays": ({"timeout": timedelta(days=2)}, "from 0.001"),
    "NameInEnvHasEquals": ({"env": {"A=B": "c"}}, "no name of a variable"),
    "NameInEnvIsEmpty": ({"env": {"": "c"}}, "no name of a variable"),
    "ValueInEnvHoldsNul": ({"env": {"A": "\0"}}, 'the value of "A" in env'),
    "ValueInEnvIsNoString": ({"env": {"A": 1}}, 'the value of "A" in env is a int'),
    "WorkingDirIsEmpty": ({"working_dir": ""}, "working_dir is empty"),
    "RepositoryHoldsNul": ({"repo_path": "/a\0"}, "NUL"),
    "NegativeOutput": ({"max_output_bytes": -1}, "can't be negative"),
    "UnknownAccess": ({"access": "ReadWrite"}, "can be ReadOnly or Ephemeral"),
    "UnknownIsolation": ({"isolation": "chroot"}, 'isolation is "chroot"'),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_refused_and_nothing_is_started(name, program):
    parameters, message = WRONG[name]
    with pytest.raises(InvalidRequest, match=message):
        run_command_isolated(**({"command": ["true"]} | parameters))
    assert program.calls() == []


@pytest.mark.parametrize("script", ["", " \n"])
def test_an_empty_script_is_refused(script, program):
    with pytest.raises(InvalidRequest, match="shell_command is empty"):
        run_shell_command_isolated(script)
    assert program.calls() == []


def test_what_is_refused_is_a_fumehood_error_and_a_value_error():
    assert issubclass(InvalidRequest, FumehoodError)
    assert issubclass(InvalidRequest, ValueError)

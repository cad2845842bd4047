"""The examples of the setup guide, as they stand there but for the import."""

import contextlib
import io
import os
import shutil
from pathlib import Path

import pytest

BASIC = """
from fumehood import run_command_isolated

# Run a command in an isolated gVisor sandbox
result = run_command_isolated(
    command=["ls", "-la"],
    working_dir="/path/to/repo",
    repo_path="/.repos/repo-name"
)

if result.success:
    print(result.stdout)
else:
    print(f"Error: {result.stderr}")
"""

SHELL = """
from fumehood import run_shell_command_isolated

# Run a shell command string
result = run_shell_command_isolated(
    shell_command="npm install",
    working_dir="/path/to/repo",
    timeout=300  # 5 minutes
)
"""

AVAILABILITY = """
from fumehood import is_gvisor_available

if is_gvisor_available():
    print("gVisor is ready to use")
else:
    print("gVisor is not available, commands will run without isolation")
"""


def run_example(text):
    """What it prints, and the variables that it leaves."""
    printed, variables = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        exec(compile(text, "guide", "exec"), variables)
    return printed.getvalue(), variables


@pytest.fixture
def guides_folders():
    """The two folders that the guide names, with a file in each; what had to be made for them is removed."""
    folders = Path("/path/to/repo"), Path("/.repos/repo-name")
    with contextlib.ExitStack() as undo:
        for folder in folders:
            topmost = next(path for path in reversed([folder, *folder.parents]) if not path.exists() or path == folder)
            if folder.exists():
                pytest.skip(f"{folder} belongs to somebody else")
            try:
                folder.mkdir(parents=True)
            except OSError as error:
                pytest.skip(f"{folder} can't be made: {error}")
            undo.callback(shutil.rmtree, topmost)
        (folders[0] / "package.json").write_text('{"name": "example", "version": "1.0.0"}\n')
        (folders[1] / "README").write_text("the repository\n")
        yield


@pytest.mark.usefixtures("real", "guides_folders")
def test_the_basic_example_lists_the_working_directory():
    printed, variables = run_example(BASIC)
    assert "package.json" in printed
    assert not printed.startswith("Error")
    assert variables["result"].isolation.network == "none"


@pytest.mark.usefixtures("real", "guides_folders")
def test_the_shell_example_runs_in_the_sandbox_within_its_time():
    _, variables = run_example(SHELL)
    result = variables["result"]
    assert (result.reason, result.timed_out) == ("Exited", False)
    assert (result.isolation.network, result.isolation.repository) == ("none", "ReadOnly")
    if not shutil.which("npm"):
        assert result.returncode == 127
    assert os.listdir("/path/to/repo") == ["package.json"]


@pytest.mark.usefixtures("real")
def test_the_availability_example_says_that_gvisor_is_ready(monkeypatch):
    monkeypatch.setattr("fumehood._availability._known", None)
    assert run_example(AVAILABILITY)[0] == "gVisor is ready to use\n"

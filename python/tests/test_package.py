"""The package as somebody gets it who installs it."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[1]
DEADLINE = 300

PROGRAM = """
import importlib.metadata, pathlib, sys
import fumehood, fumehood.aio
assert pathlib.Path(fumehood.__file__).is_relative_to(sys.prefix), fumehood.__file__
assert (pathlib.Path(fumehood.__file__).parent / "py.typed").is_file()
installed = {one.name for one in importlib.metadata.distributions()} - {"pip", "setuptools"}
assert installed == {"fumehood"}, installed
try:
    fumehood.Fumehood.from_kubeconfig()
except fumehood.FumehoodError as error:
    assert "pip install 'fumehood[kubernetes]'" in str(error)
else:
    raise AssertionError("there is no Kubernetes client")
print(fumehood.is_gvisor_available().reason)
"""


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A new environment with nothing but the package."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", SOURCES],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr
    return python


def test_it_is_installed_typed_and_without_dependencies(clean, program):
    ran = subprocess.run([clean, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "runsc: runsc v1\n"


def test_the_server_for_agents_says_what_it_lacks(clean):
    ran = subprocess.run(
        [clean.parent / "fumehood-mcp", "--repos", "/usr"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode != 0
    assert "pip install 'fumehood[mcp]'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_types_are_sound():
    pytest.importorskip("mypy", reason="mypy is not installed")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy"], cwd=SOURCES, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr

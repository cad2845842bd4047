"""Programs, sandboxes and clusters that the tests run commands in.

What is missing is a reason to skip, and is said; with FUMEHOOD_TEST_ALL=1 it is a failure.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from fake_program import FakeProgram


def setting(name):
    value = os.environ.get(name)
    if not value:
        (pytest.fail if os.environ.get("FUMEHOOD_TEST_ALL") == "1" else pytest.skip)(f"{name} is not set")
    return value


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A program `fumehood` that answers as the test says."""
    fake = FakeProgram(tmp_path / "program")
    monkeypatch.setenv("FUMEHOOD_PROGRAM", str(fake.path))
    return fake


def readable_copy(source, folder):
    copy = folder / Path(source).name
    shutil.copyfile(source, copy)
    copy.chmod(0o755)
    return copy


@pytest.fixture(scope="session")
def open_folder():
    """A folder that every user may read; those of pytest are their owner's alone."""
    with tempfile.TemporaryDirectory(prefix="fumehood-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def installed(open_folder):
    """The real programs, where every user may execute them."""
    named = {name: setting(name) for name in ("FUMEHOOD_PROGRAM", "FUMEHOOD_INIT", "FUMEHOOD_RUNSC")}
    return {name: readable_copy(source, open_folder) for name, source in named.items()}


NOBODY = 65534


@pytest.fixture(params=["as we are", "not as root"])
def real(request, installed, open_folder, monkeypatch):
    """The real program, with gVisor, as this user and as one without any rights."""
    for name, path in installed.items():
        monkeypatch.setenv(name, str(path))
    if request.param == "not as root":
        if os.geteuid() != 0:
            pytest.skip("that is what we are already")
        home = open_folder / "home"
        home.mkdir(exist_ok=True)
        os.chown(home, NOBODY, NOBODY)
        as_nobody = open_folder / "as-nobody"
        as_nobody.write_text(
            f"#!/bin/sh\nHOME={home}; unset XDG_RUNTIME_DIR XDG_CACHE_HOME\n"
            f'exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups -- {installed["FUMEHOOD_PROGRAM"]} "$@"\n'
        )
        as_nobody.chmod(0o755)
        monkeypatch.setenv("FUMEHOOD_PROGRAM", str(as_nobody))
    return request.param


@pytest.fixture
def repository(open_folder):
    """A folder with the file greeting.txt, for every user to read."""
    with tempfile.TemporaryDirectory(dir=open_folder) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "greeting.txt").write_text("hello\n")
        yield folder


@pytest.fixture(scope="session")
def kubeconfig():
    setting("FUMEHOOD_REPOSITORIES")
    return setting("KUBECONFIG")

"""Commands that may write to their repository, and leave it as it was."""

import os

import pytest

from sandbox_commands import outcome
from test_isolation import fingerprint

pytestmark = pytest.mark.needs_executor

WRITE = "echo changed >file && rm old && mkdir -p new/deep && echo x >new/deep/y && mv src moved && cat file moved/main new/deep/y"


def test_writes_succeed_and_the_repository_stays_as_it_was(run, repository):
    path, folder = repository({"file": "as it was\n", "old": "", "src/main": "main\n"})
    before = fingerprint(folder)

    command = run(shell=WRITE, repository={"path": path, "access": "Ephemeral"})

    assert outcome(command) == ("Succeeded", "ExitedZero")
    assert command["status"]["stdout"] == "changed\nmain\nx\n"
    assert command["status"]["isolation"]["repository"] == "Ephemeral"
    assert fingerprint(folder) == before


def test_another_command_sees_nothing_of_them(run, repository):
    path, _ = repository({"file": "as it was\n", "old": "", "src/main": "main\n"})
    run(shell=WRITE, repository={"path": path, "access": "Ephemeral"})

    command = run(shell="cat file; ls", repository={"path": path, "access": "Ephemeral"})

    assert command["status"]["stdout"] == "as it was\nfile\nold\nsrc\n"


def test_writes_are_bounded_by_scratch(run, repository):
    path, _ = repository({"file": ""})

    command = run(shell="dd if=/dev/zero of=big bs=1M count=20", repository={"path": path, "access": "Ephemeral"},
                  resources={"scratch": "4Mi"})

    assert outcome(command) == ("Failed", "ExitedNonZero")
    assert "No space left" in command["status"]["stderr"]


@pytest.mark.parametrize("access", ["ReadOnly", "Ephemeral"])
def test_a_repository_that_only_its_owner_may_read_is_the_commands_own(run, repository, access):
    path, folder = repository({"file": "private\n", "src/main": "main\n"})
    for entry in (folder, *folder.rglob("*")):
        entry.chmod(0o700 if entry.is_dir() else 0o600)
        os.chown(entry, 4242, 4343)

    command = run(shell="cat file src/main; stat -c %u . file", repository={"path": path, "access": access})

    assert command["status"]["stdout"] == "private\nmain\n1000\n1000\n"

"""`fumehood run` in each isolation, as tests see it."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

NOBODY_SPECIAL = 12345  # a uid that no account has

ISOLATED = ["runsc", "runsc-rootless", "docker"]
ALL = [*ISOLATED, "process"]


def on(*names):
    """Makes one test of it for each of these, with the fixture `backend`."""
    return pytest.mark.parametrize("backend", names, indirect=True)


@dataclass(frozen=True)
class Backend:
    """One isolation, and who uses it."""

    isolation: str
    program: Path
    environment: dict = field(default_factory=dict)
    uid: int = 0

    def start(self, *arguments, cwd, **options):
        """Starts `fumehood run` and does not wait."""
        command = [self.program, "run", f"--isolation={self.isolation}", *arguments]
        privileges = {"user": self.uid, "group": self.uid, "extra_groups": []} if self.uid else {}
        return subprocess.Popen(command, env=self.environment, cwd=cwd, text=True, start_new_session=True,
                                **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | privileges | options)

    def run(self, *arguments, cwd, stdin=None, **options):
        """The CompletedProcess of `fumehood run ARGUMENTS`."""
        started = self.start(*arguments, cwd=cwd, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL, **options)
        out, err = started.communicate(stdin, timeout=60)
        return subprocess.CompletedProcess(started.args, started.returncode, out, err)

    def result(self, *arguments, cwd, stdin=None):
        """The JSON of `fumehood run --json ARGUMENTS`."""
        ran = self.run("--json", *arguments, cwd=cwd, stdin=stdin)
        assert ran.returncode == 0, ran
        return json.loads(ran.stdout)


def let_everybody_in(folder):
    """What pytest makes is its owner's alone."""
    for parent in (folder, *folder.parents):
        if parent.is_relative_to("/tmp") and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o055)


def copy_programs(program, runsc, folder):
    """All that `fumehood run` needs of ours, for everybody to execute."""
    for source, name in ((program, "fumehood"), (program.parent / "fumehood-init", "fumehood-init"), (runsc, "runsc")):
        shutil.copy(source, folder / name)
        (folder / name).chmod(0o755)


def basic_environment(home):
    return {"PATH": os.environ["PATH"], "HOME": str(home)}

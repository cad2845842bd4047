"""Runs scripts/install-runsc, and looks at what it left behind."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@dataclass(frozen=True)
class Outcome:
    status: int
    stdout: str
    stderr: str


class Installer:
    """Installs from `url` into `to`, with an environment that has nothing of the caller's but the PATH."""

    def __init__(self, home, url, script=SCRIPTS / "install-runsc"):
        self.home = home
        self.url = url
        self.to = home / "bin"
        self.script = script

    def run(self, *arguments, cwd=None, before=(), programs=None, to=True, **environment):
        """`before` is a command that starts it, `programs` a folder at the head of the PATH."""
        path = os.environ["PATH"] if programs is None else f"{programs}:{os.environ['PATH']}"
        done = subprocess.run(
            [*before, self.script, *(("--to", self.to) if to else ()), *arguments], cwd=cwd or self.home, timeout=60, text=True,
            capture_output=True, stdin=subprocess.DEVNULL, start_new_session=True, check=False,
            env={"PATH": path, "HOME": str(self.home), "FUMEHOOD_GVISOR_URL": self.url, **environment})
        return Outcome(done.returncode, done.stdout, done.stderr)

    def inventory(self):
        """The releases that the installed runsc, its sidecar and the shim are from; the shim's only where there is one."""
        parts = subprocess.run([self.to / "runsc", "inventory"], capture_output=True, text=True, check=True).stdout.split()
        assert len(parts) == 2, f"runsc does not find its sidecar: {parts}"
        shim = self.to / "containerd-shim-runsc-v1"
        if os.path.lexists(shim):
            parts += subprocess.run([shim], capture_output=True, text=True, check=True).stdout.split()
        return parts

    def snapshot(self):
        return snapshot(self.to)


def snapshot(folder):
    """Every name below a folder, with what it links to or contains and its mode."""
    found = {}
    for path in sorted(folder.rglob("*")):
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(folder))] = (content, path.lstat().st_mode)
    return found


def write_programs(folder, programs):
    """Executable files by name: text for a script of sh, bytes as they are."""
    for name, content in programs.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else f"#!/bin/sh\n{content}\n".encode())
        file.chmod(0o755)
    return folder

"""The Docker engine that scripts/docker-engine starts, as tests see it."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


class DockerEngine:
    def __init__(self, state):
        self.state = state
        self.environment = os.environ | {}
        try:
            exports = self._script("up")
        except subprocess.CalledProcessError:
            self.stop()
            raise
        for line in exports.splitlines():
            name, value = line.removeprefix("export ").split("=", 1)
            if name == "PATH":
                value = value.removesuffix(':"$PATH"') + ":" + os.environ["PATH"]
            self.environment[name] = value
        self.daemon_json = state / "daemon.json"
        self.configuration = json.loads(self.daemon_json.read_text())

    def _script(self, action):
        return subprocess.run([SCRIPTS / "docker-engine", action, "--state", self.state],
                              check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout

    def docker(self, *arguments):
        return subprocess.run(["docker", *arguments], env=self.environment,
                              check=False, capture_output=True, text=True, timeout=60)

    def runtimes(self):
        """{name: path}, as the running engine has them."""
        offered = json.loads(self.docker("info", "--format", "{{json .Runtimes}}").stdout)
        return {name: runtime["path"] for name, runtime in offered.items() if name in ("runc", "runsc", "other")}

    def pid(self):
        return int(Path(self.configuration["pidfile"]).read_text())

    def configure(self, **more):
        """Makes daemon.json what it was at first and `more`, and gives the engine these runtimes."""
        more.setdefault("runtimes", {})
        self.daemon_json.write_text(json.dumps(self.configuration | more, indent=2) + "\n")
        wanted = {"runc": "runc"} | {name: runtime["path"] for name, runtime in more["runtimes"].items()}
        if self.runtimes() == wanted:
            return
        os.kill(self.pid(), signal.SIGHUP)
        deadline = time.monotonic() + 15
        while self.runtimes() != wanted:
            assert time.monotonic() < deadline, f"the engine has {self.runtimes()}, not {wanted}"
            time.sleep(0.05)

    def stop(self):
        self._script("down")

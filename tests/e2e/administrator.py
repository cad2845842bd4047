"""The administrator of a cluster that scripts/dev runs: changes the configuration that its two programs read."""

import os
import time
import uuid

import yaml

PROGRAMS = ("controller", "executor")
TAKEN, REFUSED = "configuration taken", "configuration not taken"
_DEADLINE = 20


class Administrator:
    """Writes configuration.yaml, and waits until both programs have said what they make of it."""

    def __init__(self, state):
        self._file = state / "configuration.yaml"
        self._logs = {name: state / "logs" / f"{name}.log" for name in PROGRAMS}

    def allow(self, configuration):
        self.write(yaml.safe_dump(configuration), TAKEN)

    def write(self, text, answer):
        """Replaces the file, as a kubelet does; returns the line with that `answer` by program."""
        read_so_far = {name: log.stat().st_size for name, log in self._logs.items()}
        new = self._file.with_suffix(".new")
        new.write_text(f"{text}\n# {uuid.uuid4()}\n")
        os.replace(new, self._file)
        return {name: self._wait_for(name, position, answer) for name, position in read_so_far.items()}

    def _wait_for(self, name, position, answer):
        deadline = time.monotonic() + _DEADLINE
        while True:
            with self._logs[name].open() as log:
                log.seek(position)
                line = next((line for line in log if answer in line and line.endswith("\n")), None)
            if line:
                return line
            assert time.monotonic() < deadline, f"{name} does not say \"{answer}\" within {_DEADLINE} s; see {self._logs[name]}"
            time.sleep(0.05)

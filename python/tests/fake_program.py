"""A program that stands for the real `fumehood`: it notes how it was called, and does what the test says."""

import json
import os
import stat
import sys
import time

_PROGRAM = """#!{python} -S
import json, os, signal, sys, time
folder = {folder!r}
notes = {{"pid": os.getpid(), "arguments": sys.argv[1:]}}
if "--stdin" in sys.argv:
    notes["stdin"] = sys.stdin.buffer.read().decode()
def on_signal(number, frame):
    open(os.path.join(folder, "signal"), "w").write(str(number))
    if not {stubborn}:
        sys.exit(143)
signal.signal(signal.SIGTERM, on_signal)
signal.signal(signal.SIGINT, signal.SIG_IGN)
number = len(os.listdir(os.path.join(folder, "calls")))
partial = os.path.join(folder, f"partial-{{os.getpid()}}")
open(partial, "w").write(json.dumps(notes))
os.rename(partial, os.path.join(folder, "calls", f"{{number}}-{{os.getpid()}}"))
while {waits}:
    time.sleep(0.05)
sys.stderr.write({stderr!r})
sys.stdout.write({stdout!r})
sys.exit({status})
"""

RESULT = {
    "success": True,
    "returncode": 0,
    "reason": "Exited",
    "message": "",
    "timed_out": False,
    "stdout": "out",
    "stderr": "err",
    "output_encoding": "utf-8",
    "stdout_bytes": 3,
    "stderr_bytes": 3,
    "stdout_truncated": False,
    "stderr_truncated": False,
    "startup_ms": 250.0,
    "duration_ms": 1500.0,
    "isolation": {
        "backend": "runsc",
        "runtime": "runsc",
        "version": "v1",
        "platform": "systrap",
        "network": "none",
        "repository": "ReadOnly",
        "memory_limit_bytes": None,
    },
}


class FakeProgram:
    def __init__(self, folder):
        self._folder = folder
        (folder / "calls").mkdir(parents=True)
        self.path = folder / "fumehood"
        self.answers()

    def answers(self, **changes):
        """It prints a result that has these changes."""
        self.prints(json.dumps(RESULT | changes))

    def refuses(self, code, message):
        self.prints(json.dumps({"error": {"code": code, "message": message}}), status=125)

    def prints(self, stdout, *, stderr="", status=0):
        self._write(stdout=stdout, stderr=stderr, status=status)

    def hangs(self, *, stubborn=False):
        """It never answers; on SIGTERM it ends, unless it is stubborn."""
        self._write(waits=True, stubborn=stubborn)

    def calls(self):
        """What was noted of each call, the oldest first."""
        files = sorted((self._folder / "calls").iterdir(), key=lambda file: file.stat().st_mtime_ns)
        return [json.loads(file.read_text()) for file in files]

    def last_call(self):
        return self.calls()[-1]

    def wait_for_call(self):
        """Its process id, once it runs."""
        wait_until(self.calls)
        return self.last_call()["pid"]

    def was_told_to_end(self):
        return (self._folder / "signal").exists()

    def _write(self, *, stdout="", stderr="", status=0, waits=False, stubborn=False):
        self.path.write_text(
            _PROGRAM.format(
                python=sys.executable,
                folder=str(self._folder),
                stdout=stdout,
                stderr=stderr,
                status=status,
                waits=waits,
                stubborn=stubborn,
            )
        )
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)


def wait_until(holds, deadline=30):
    """Returns once `holds()`; an AssertionError when that takes longer than `deadline` seconds."""
    end = time.monotonic() + deadline
    while not holds():
        assert time.monotonic() < end, f"{holds} did not hold within {deadline} s"
        time.sleep(0.01)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

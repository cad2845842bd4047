"""gVisor by hand: `runsc run` of a bundle, once or in loops, with nothing around it."""

import itertools
import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from side_by_side import CannotMeasure

_numbers = itertools.count(1)
# What a command has that says nothing about its resources.
_LIMITS = {"memory": {"memory.limit_in_bytes": 512 << 20}, "cpu": {"cpu.cfs_quota_us": 100_000}, "pids": {"pids.max": 576}}


@contextmanager
def bundle(folder, root):
    """A bundle in a new folder that runs `true`, whose root file system is `root`, read-only, as that of our sandboxes. Removed again."""
    folder.mkdir(parents=True)
    (folder / "state").mkdir()
    (folder / "config.json").write_text(json.dumps({
        "ociVersion": "1.0.2", "hostname": "sandbox", "root": {"path": str(root), "readonly": True},
        "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "env": [], "cwd": "/", "noNewPrivileges": True},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")]}}))
    try:
        yield folder
    finally:
        # runsc leaves a mount in its state, of a namespace that its next sandbox would share; several that began at once leave several.
        for left in (folder / "state").iterdir():
            while os.path.ismount(left):
                subprocess.run(["umount", left], check=True)
        shutil.rmtree(folder)


def run_argv(runsc, folder, name):
    """Without cgroups and overlays, which cost runsc time of their own: the fastest `runsc run` there is."""
    return [str(runsc), f"--root={folder}/state", "--platform=systrap", "--network=none", "--overlay2=none", "--ignore-cgroups", "run",
            f"--bundle={folder}", name]


def run_once(argv):
    """How long it takes, in seconds."""
    begun = time.perf_counter()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    taken = time.perf_counter() - begun
    if done.returncode != 0:
        raise CannotMeasure(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return taken


def next_name():
    return f"bare-{next(_numbers)}"


def keep_running(runsc, folder, loops, seconds, run=lambda _, argv: run_once(argv)):
    """When each run ended, in seconds since the beginning, of `loops` loops that go on for `seconds`."""
    begun = time.monotonic()

    def loop():
        ends = []
        while time.monotonic() < begun + seconds:
            name = next_name()
            run(name, run_argv(runsc, folder, name))
            ends.append(time.monotonic() - begun)
        return ends
    with ThreadPoolExecutor(loops) as pool:
        return [end for each in [pool.submit(loop) for _ in range(loops)] for end in each.result()]


class Confinement:
    """Makes a cgroup with limits for each run, in the same place as those of the sandboxes, and removes it afterwards."""

    def __init__(self, mount_info):
        """`mount_info`: the text of /proc/self/mountinfo."""
        self._limits = {}
        for line in mount_info.splitlines():
            mounted, _, kind = line.partition(" - ")
            fields, options = mounted.split(), kind.split()[-1].split(",") if kind.startswith("cgroup ") else []
            for controller in set(options) & set(_LIMITS):
                self._limits[Path(fields[4])] = _LIMITS[controller]
        if len(self._limits) < len(_LIMITS):
            raise CannotMeasure("memory, cpu and pids are not all in cgroups of version 1")

    def run(self, name, argv):
        """As run_once; the making of the cgroup and its removal count."""
        begun = time.perf_counter()
        places = [mount / f"fumehood-bench-{name}" for mount in self._limits]
        for place, limits in zip(places, self._limits.values(), strict=True):
            place.mkdir()
            for file, value in limits.items():
                (place / file).write_text(str(value))
        # `tasks` rather than `cgroup.procs`, which takes the kernel milliseconds; the shell has one thread.
        joining = " && ".join(f"echo 0 >{place}/tasks" for place in places)
        run_once(["/bin/sh", "-c", f"{joining} && exec \"$@\"", "sh", *argv])
        for place in places:
            _remove(place)
        return time.perf_counter() - begun


def _remove(place):
    """Its processes may be about to end."""
    for _ in range(1000):
        try:
            return place.rmdir()
        except OSError:
            time.sleep(0.005)
    raise CannotMeasure(f"{place} can't be removed")

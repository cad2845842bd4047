"""What the parts of a cluster use, from /proc and the cgroups."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from side_by_side import CannotMeasure

_TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds


@dataclass(frozen=True)
class Cgroups:
    """Where the cgroups of an executor's sandboxes are: the directory that accounts CPU, and the one that accounts memory."""

    cpu: Path
    memory: Path

    def cpu_seconds(self):
        """Of all sandboxes that there ever were, and of the runsc that started them."""
        if (usage := self.cpu / "cpuacct.usage").exists():
            return int(usage.read_text()) / 1e9
        return int(re.search(r"^usage_usec (\d+)", (self.cpu / "cpu.stat").read_text(), re.MULTILINE)[1]) / 1e6

    def sandboxes(self):
        """{name: bytes charged to it} of those that there are."""
        charged = {}
        for child in self.memory.iterdir():
            try:
                if child.is_dir():
                    charged[child.name] = _charged(child)
            except OSError:
                continue  # it has gone meanwhile
        return charged


def _charged(cgroup):
    name = "memory.usage_in_bytes" if (cgroup / "memory.usage_in_bytes").exists() else "memory.current"
    return int((cgroup / name).read_text())


def find_cgroups(executor_pid):
    """Those that the executor made for itself: its first process holds their directories open, and no others."""
    links = [os.readlink(link) for link in Path(f"/proc/{executor_pid}/fd").iterdir()]
    names = {name for link in links for name in re.findall(r"/(fumehood-[0-9a-f]{16})$", link)}
    if len(names) != 1:
        raise CannotMeasure(f"the executor has no cgroup of its own, or several: {sorted(names)}")
    name = names.pop()
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mounted, _, kind = line.partition(" - ")
        if not kind.startswith("cgroup"):
            continue
        mount_point = Path(mounted.split()[4])
        for directory in mount_point.glob(f"**/{name}"):
            for controller, file in (("cpu", "cpuacct.usage"), ("cpu", "cpu.stat"), ("memory", "memory.usage_in_bytes"), ("memory", "memory.current")):
                if (directory / file).exists():
                    found.setdefault((controller, file), directory)
    cpu = found.get(("cpu", "cpuacct.usage")) or found.get(("cpu", "cpu.stat"))
    memory = found.get(("memory", "memory.usage_in_bytes")) or found.get(("memory", "memory.current"))
    if cpu is None or memory is None:
        raise CannotMeasure(f"the cgroup {name} of the executor accounts no CPU or no memory")
    return Cgroups(cpu, memory)


def with_its_own(pid):
    """A process and those that it has forked, as far as they are still the same program."""
    program = os.readlink(f"/proc/{pid}/exe")
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = (_stat(entry.name)["parent"], os.readlink(entry / "exe"))
            except OSError:
                continue
    family = [pid]
    for one in family:
        family += [child for child, (parent, its_program) in parents.items() if parent == one and its_program == program]
    return family


def _stat(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {"parent": int(fields[1]), "seconds": (int(fields[11]) + int(fields[12])) * _TICK}


def resident(pids):
    """The resident memory in bytes of a program and of the processes that it has forked: all of the largest one's, and of the others their
    share of what they have together with that one, and what they have alone."""
    sizes = [dict(re.findall(r"^(Rss|Pss):\s*(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)) for pid in pids]
    largest = max(sizes, key=lambda size: int(size["Rss"]))
    return 1024 * (int(largest["Rss"]) + sum(int(size["Pss"]) for size in sizes if size is not largest))


class Parts:
    """Everything that plays a part in a command, each with the CPU that it has used."""

    def __init__(self, processes):
        """`processes`: {name: pid}; one of them is the executor."""
        self.families = {name: with_its_own(pid) for name, pid in processes.items()}
        self.cgroups = find_cgroups(processes["executor"])

    def snapshot(self):
        """{part: seconds of CPU so far}, with the "clock" and the "machine" as a whole."""
        times = os.times()
        return {
            "clock": time.monotonic(),
            **{name: sum(_stat(pid)["seconds"] for pid in pids) for name, pids in self.families.items()},
            "sandboxes": self.cgroups.cpu_seconds(),
            "client": times.user + times.system,
            "machine": _busy_seconds(Path("/proc/stat").read_text()),
        }


def _busy_seconds(proc_stat):
    """Of all processors, without waiting."""
    user, nice, system, _, _, irq, softirq = (int(field) for field in proc_stat.splitlines()[0].split()[1:8])
    return (user + nice + system + irq + softirq) * _TICK


def used(before, after):
    """{part: seconds}, where "rest" is what none of the parts accounts for: the kernel's own threads, and whatever else runs."""
    spent = {name: after[name] - before[name] for name in before}
    parts = [name for name in spent if name not in ("clock", "machine")]
    return spent | {"rest": spent["machine"] - sum(spent[name] for name in parts)}

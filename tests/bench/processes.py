"""What processes use, as the kernel counts it."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """Bytes that are resident now, and at most so far."""

    now: int
    peak: int


def parse_cpu_seconds(stat):
    """User and system time of all threads, from the text of /proc/PID/stat."""
    # The program's name may hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def parse_memory(status):
    """From the text of /proc/PID/status."""
    sizes = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith("Vm")}
    return Memory(int(sizes["VmRSS"]) * 1024, int(sizes["VmHWM"]) * 1024)


def cpu_seconds(pid):
    return parse_cpu_seconds(Path(f"/proc/{pid}/stat").read_text())


def memory(pid):
    return parse_memory(Path(f"/proc/{pid}/status").read_text())


def describe_machine():
    models = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {"processor": models[0] if models else os.uname().machine, "cores": len(os.sched_getaffinity(0)), "kernel": os.uname().release}

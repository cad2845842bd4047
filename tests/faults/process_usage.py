"""What a process uses, from /proc."""

import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    pid: int
    rss_kib: int
    threads: int
    descriptors: int

    def __str__(self):
        return f"{self.rss_kib} KiB, {self.threads} threads, {self.descriptors} descriptors"


def usage_of(pid):
    """Of a process that is there."""
    process = Path(f"/proc/{pid}")
    status = (process / "status").read_text()

    def number(name):
        return int(re.search(rf"^{name}:\s*(\d+)", status, re.MULTILINE)[1])
    return Usage(pid, number("VmRSS"), number("Threads"), len(os.listdir(process / "fd")))

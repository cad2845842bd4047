"""Releases of gVisor in its two layouts, made of scripts that behave like runsc as far as an installation can tell."""

import hashlib
import io
import tarfile
from dataclasses import dataclass, field

LABEL = "/gvisor-bin/sidecar"

# `inventory` tells which release each part of the set is from, as runsc sees it: beside its resolved path.
RUNSC = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
case "$*" in
  --version) echo "runsc version {name}" ;;
  flags) echo "  -shared-root string" >&2 ;;
  inventory) echo {name} $(cat "$here/gvisor-bin/sidecar") ;;
  *" do "*) {do} ;;
esac
"""
SPEAK = 'for word; do :; done; echo "$word"'


def sha512(data):
    return hashlib.sha512(data).hexdigest()


@dataclass(frozen=True)
class Release:
    name: str
    do: str = SPEAK
    shim: bool = True
    extra: tuple = field(default=())

    @property
    def runsc(self):
        return RUNSC.format(name=self.name, do=self.do).encode()

    @property
    def shim_program(self):
        return f"#!/bin/sh\necho {self.name}\n".encode()

    def programs(self):
        found = {"runsc": self.runsc, "gvisor-bin/sidecar": self.name.encode()}
        return found | ({"containerd-shim-runsc-v1": self.shim_program} if self.shim else {})

    def tarball(self):
        return make_tarball(self.programs(), self.extra)


def make_tarball(programs, extra=()):
    """Programs by name, with the mode that a careless umask would give them: the installer has to see to that."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:bz2", compresslevel=1) as archive:
        for name, content in programs.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o700
            archive.addfile(member, io.BytesIO(content))
        for member in extra:
            archive.addfile(member)
    return written.getvalue()


def published(name, content):
    """A file and its checksum, as they lie beside each other on a server."""
    return {name: content, name + ".sha512": f"{sha512(content)}  {name}\n".encode()}

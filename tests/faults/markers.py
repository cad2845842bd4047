"""Evidence of starts from outside the programs: which command's marker file was opened on which node, by whom.

Each command reads the file `marker` of a repository of its own, of which each node has a copy. gVisor opens the file on
the host when the command does, and fanotify tells by which process: every sandbox has its own, so each pair of file and
process is one run.
"""

import asyncio
import ctypes
import os
import shutil
import struct
from dataclasses import dataclass

# linux/fanotify.h
_CLOEXEC, _NONBLOCK, _MARK_ADD, _OPEN = 0x1, 0x2, 0x1, 0x20
_EVENT = struct.Struct("=IBBHQii")  # length, version, reserved, length of this, mask, descriptor, pid
_libc = ctypes.CDLL(None, use_errno=True)
_libc.fanotify_mark.argtypes = (ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p)


@dataclass(frozen=True)
class Opened:
    """For the first time by the process `pid`."""

    time: float
    node: str
    nonce: str
    pid: int


class Markers:
    """Belongs to one event loop. `repositories` maps the name of a node to the folder of its repositories."""

    def __init__(self, repositories, on_opened):
        self._repositories = repositories
        self._on_opened = on_opened
        self._files = {}  # (node, nonce) by inode
        self._openers = {}  # the pids that have opened it, by inode
        self._descriptor = _libc.fanotify_init(_CLOEXEC | _NONBLOCK, os.O_RDONLY)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "fanotify_init")
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def close(self):
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def make(self, nonce):
        """The repository `nonce` on every node."""
        for node, folder in self._repositories.items():
            repository = folder / nonce
            repository.mkdir()
            marker = repository / "marker"
            marker.write_text(f"{nonce}\n")
            repository.chmod(0o755)
            marker.chmod(0o644)
            inode = marker.stat().st_ino
            self._files[inode] = (node, nonce)
            self._openers[inode] = set()
            if _libc.fanotify_mark(self._descriptor, _MARK_ADD, _OPEN, -1, os.fsencode(marker)) < 0:
                raise OSError(ctypes.get_errno(), f"fanotify_mark {marker}")

    def remove(self, nonce):
        for folder in self._repositories.values():
            repository = folder / nonce
            if repository.exists():
                inode = (repository / "marker").stat().st_ino
                del self._files[inode], self._openers[inode]
                shutil.rmtree(repository)

    def _read(self):
        events = os.read(self._descriptor, 64 * 1024)
        for offset in range(0, len(events), _EVENT.size):
            *_, descriptor, pid = _EVENT.unpack_from(events, offset)
            inode = os.fstat(descriptor).st_ino
            os.close(descriptor)
            if inode in self._files and pid not in self._openers[inode]:
                self._openers[inode].add(pid)
                self._on_opened(Opened(asyncio.get_running_loop().time(), *self._files[inode], pid))

"""What really happened: every version of every command, and every start, whatever the programs say about themselves."""

import asyncio
import re
import time
from collections import defaultdict
from dataclasses import dataclass, field

from api import EtcdWatch
from markers import Markers, Opened

_STARTED = re.compile(r" command starts .*\buid=(\S+)(?:.*\battempt=(\d+))?")
FINAL_PHASES = ("Succeeded", "Failed", "TimedOut", "Cancelled")


@dataclass(frozen=True)
class Version:
    """One state of one command; `deleted` says that this was its last. `time` is of this machine's wall clock."""

    time: float
    revision: int
    object: dict
    deleted: bool = False

    @property
    def uid(self):
        return self.object["metadata"]["uid"]

    @property
    def nonce(self):
        return self.object["spec"]["repository"]["path"]

    @property
    def status(self):
        return self.object.get("status", {})

    @property
    def attempt(self):
        return self.status.get("attempt", 0)

    @property
    def is_cancelled(self):
        return self.object["spec"].get("cancel", False)

    @property
    def is_finished(self):
        return self.status.get("phase") in FINAL_PHASES

    @property
    def reason(self):
        """Of the condition Succeeded, which tells how it ended."""
        return self._reason_of("Succeeded")

    @property
    def is_drained(self):
        """Its attempt was handed back by an executor that is being drained."""
        return self.status.get("phase") == "Pending" and self._reason_of("Scheduled") == "Draining"

    def _reason_of(self, condition):
        return next((one["reason"] for one in self.status.get("conditions", []) if one["type"] == condition), None)


@dataclass(frozen=True)
class LoggedStart:
    """An executor says that it starts a command; attempt is None where it doesn't say which."""

    node: str
    uid: str
    attempt: int | None


@dataclass
class Record:
    """Everything about one planned command."""

    versions: list = field(default_factory=list)
    opened: list = field(default_factory=list)
    starts: list = field(default_factory=list)

    @property
    def last(self):
        return self.versions[-1] if self.versions else None

    @property
    def is_gone(self):
        return self.last is not None and self.last.deleted

    @property
    def is_finished(self):
        return self.last is not None and (self.last.deleted or self.last.is_finished)


def describe_record(record):
    """One line for each thing that happened."""
    for version in record.versions:
        yield (f"{version.time % 1000:7.3f} r{version.revision} {version.status.get('phase')} attempt {version.attempt} "
               f"{version.status.get('nodeName', '-')} {version.reason or ''}{' cancelled' if version.is_cancelled else ''}"
               f"{' deleted' if version.deleted else ''}")
    yield from map(str, (*record.opened, *record.starts))


class Log:
    """The lines that a file has gained since one looked last."""

    def __init__(self, path):
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0

    def new_text(self):
        if not self._path.exists():
            return ""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        self._offset += len(text)
        return text.decode(errors="replace")


class Recorder:
    """Records from `start` to `stop`, by the nonce of each command. Belongs to one event loop."""

    def __init__(self, cluster):
        self._watch = EtcdWatch(cluster.etcd, "/registry/fumehood.dev/sandboxcommands/")
        self._logs = {one.name: Log(one.program.log) for one in cluster.components.values()}
        self._executors = {one.name: one.node for one in cluster.executors}
        self.markers = Markers({one.node: cluster.repositories(one.node) for one in cluster.executors}, self._on_opened)
        self.records = defaultdict(Record)
        self.last_change = time.time()
        self._nonces = {}
        self._task = None

    async def start(self):
        versions = self._watch.versions()
        await anext(versions)
        self._task = asyncio.ensure_future(self._record(versions))

    def stop(self):
        if self._task is not None:
            self._task.cancel()
        self.markers.close()

    def check_alive(self):
        """Raises what ended the recording, if anything did."""
        if self._task.done():
            self._task.result()

    def read_logs(self):
        """Takes the starts from the executors' logs, and returns the new text of all logs, by the component's name."""
        texts = {name: log.new_text() for name, log in self._logs.items()}
        for name, node in self._executors.items():
            for uid, attempt in _STARTED.findall(texts[name]):
                if uid in self._nonces:
                    self.records[self._nonces[uid]].starts.append(LoggedStart(node, uid, int(attempt) if attempt else None))
        return texts

    def forget(self, nonce):
        record = self.records.pop(nonce, None)
        for version in record.versions if record else ():
            self._nonces.pop(version.uid, None)
        self.markers.remove(nonce)

    async def _record(self, versions):
        async for revision, stored, deleted in versions:
            version = Version(time.time(), revision, stored, deleted)
            self.last_change = version.time
            self._nonces[version.uid] = version.nonce
            self.records[version.nonce].versions.append(version)

    def _on_opened(self, opened: Opened):
        self.records[opened.nonce].opened.append(opened)

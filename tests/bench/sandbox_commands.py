"""SandboxCommands that run `true`: created through the API server and watched until their result is there."""

import itertools
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kubernetes_api import PATIENCE, Watch
from side_by_side import CannotMeasure

SPEC = {"command": ["true"], "repository": {"path": "sample"}}


@dataclass
class Seen:
    """What the client saw of one command, in nanoseconds since the epoch: when it sent the creation, had the answer, and when the watch
    brought the object as it was stored, bound, and finished."""

    name: str
    sent: int = 0
    answered: int = 0
    stored: int = 0
    bound: int = 0
    visible: int = 0
    request_bytes: int = 0
    answer_bytes: int = 0
    status: dict = field(default_factory=dict)
    _finished: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def latency(self):
        """Seconds from the creation until the result was seen."""
        return (self.visible - self.sent) / 1e9

    def take(self, received, event):
        """What the watch brought; `received`: when."""
        status = event["object"].get("status", {})
        if event["type"] == "ADDED":
            self.stored = received
        if status.get("nodeName") and not self.bound:
            self.bound = received
        if status.get("completionTime") and not self.visible:
            self.visible = received
            self.status = status
            self._finished.set()

    def wait(self):
        return self._finished.wait(PATIENCE)


class SandboxCommands:
    """Those of one namespace, which is made. Safe to use from several threads, each with a connection of its own."""

    def __init__(self, server, namespace):
        self._server = server
        self._collection = f"/apis/fumehood.dev/v1alpha1/namespaces/{namespace}/sandboxcommands"
        connection = server.connect()
        connection.json("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        connection.close()
        self._numbers = itertools.count(1)
        self._expected = {}
        self._watch = Watch(server, self._collection, self._on_event)

    def _on_event(self, received, event):
        seen = self._expected.get(event["object"]["metadata"]["name"])
        if seen is not None:
            seen.take(received, event)

    def run(self, connection):
        """Creates one and waits until its result is seen."""
        seen = Seen(f"true-{next(self._numbers)}")
        body = json.dumps({"apiVersion": "fumehood.dev/v1alpha1", "kind": "SandboxCommand", "metadata": {"name": seen.name},
                           "spec": SPEC}).encode()
        self._expected[seen.name] = seen
        seen.sent = time.time_ns()
        answer = connection.request("POST", self._collection, body)
        seen.answered = time.time_ns()
        seen.request_bytes, seen.answer_bytes = len(body), len(answer)
        finished = seen.wait()
        del self._expected[seen.name]
        if self._watch.failure:
            raise CannotMeasure(f"the watch of the commands: {self._watch.failure}")
        if not finished:
            raise CannotMeasure(f"command {seen.name} has no result after {PATIENCE} s")
        if seen.status["phase"] != "Succeeded":
            raise CannotMeasure(f"command {seen.name} did not succeed: {seen.status}")
        return seen

    def run_one_at_a_time(self, count, settle):
        """`count` of them; before each `settle` is called."""
        connection = self._server.connect()
        seen = []
        for _ in range(count):
            settle()
            seen.append(self.run(connection))
        connection.close()
        return seen

    def keep_running(self, outstanding, seconds):
        """All that were created within `seconds`, with `outstanding` of them at any time: whoever has a result creates the next."""
        end = time.monotonic() + seconds

        def loop():
            connection = self._server.connect()
            seen = []
            while time.monotonic() < end:
                seen.append(self.run(connection))
            connection.close()
            return seen
        with ThreadPoolExecutor(outstanding) as pool:
            return [one for loops in [pool.submit(loop) for _ in range(outstanding)] for one in loops.result()]

    def close(self):
        self._watch.close()

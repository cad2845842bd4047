"""The same command as a Job with RuntimeClass gvisor, where there is a real node."""

import itertools
import threading
import time
from contextlib import suppress

from kubernetes_api import Server, Watch
from side_by_side import CannotMeasure

_PATIENCE = 120  # seconds
_COLLECTION = "/apis/batch/v1/namespaces/default/jobs"


class Jobs:
    """In the namespace default of the cluster that the kubeconfig names. `image` must be on its nodes."""

    def __init__(self, kubeconfig, image):
        server = Server(kubeconfig)
        self._image = image
        self._connection = server.connect()
        self._prefix = f"fumehood-bench-{time.time_ns():x}"
        self._numbers = itertools.count(1)
        self._expected = None
        self._ended = threading.Event()
        self._watch = Watch(server, _COLLECTION, self._on_event)

    def _on_event(self, received, event):
        if event["object"]["metadata"]["name"] != self._expected:
            return
        conditions = {one["type"] for one in event["object"].get("status", {}).get("conditions", []) if one["status"] == "True"}
        if conditions & {"Complete", "Failed"} and not self._ended.is_set():
            self._received, self._conditions = received, conditions
            self._ended.set()

    def run_once(self):
        """Seconds from the creation of one until the watch shows that it is complete. It is deleted afterwards."""
        name = f"{self._prefix}-{next(self._numbers)}"
        container = {"name": "true", "image": self._image, "command": ["true"], "imagePullPolicy": "IfNotPresent"}
        pod = {"runtimeClassName": "gvisor", "restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}
        self._ended.clear()
        self._expected = name
        sent = time.time_ns()
        self._connection.json("POST", _COLLECTION, job)
        ended = self._ended.wait(_PATIENCE)
        self._connection.request("DELETE", f"{_COLLECTION}/{name}?propagationPolicy=Background")
        if not ended or "Complete" not in self._conditions:
            raise CannotMeasure(f"the Job {name} " + (f"is {sorted(self._conditions)}" if ended else f"has not ended within {_PATIENCE} s"))
        return (self._received - sent) / 1e9

    def close(self):
        with suppress(OSError):
            self._watch.close()
            self._connection.close()

"""The processes that `scripts/bench scale` measures, and the simulator that gives them something to do."""

import http.client
import json
import signal
import ssl
import subprocess
import time
from contextlib import suppress
from pathlib import Path

NAMESPACE = "fumehood-system"
_COMMANDS = f"/apis/fumehood.dev/v1alpha1/namespaces/{NAMESPACE}/sandboxcommands"
_DELETED_AT_ONCE = 100  # so that a request is done within the API server's time limit


class CannotMeasure(Exception):
    """Something that is to be measured, or that measures, doesn't do what it should."""


class Controller:
    """fumehood-controller as the dev cluster's; each start is a new process."""

    def __init__(self, program, state):
        self._command = [program, "--kubeconfig", state / "controller.kubeconfig", "--namespace", NAMESPACE,
                         "--config", state / "configuration.yaml", "--log-level", "info"]
        self._log = state / "logs" / "controller.log"
        self._process = None

    def start(self):
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        if not self._process:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise CannotMeasure("the controller did not end within 20 s when it was asked to") from None
        finally:
            self._process = None

    @property
    def pid(self):
        if self._process.poll() is not None:
            raise CannotMeasure(f"the controller has ended by itself with {self._process.returncode}: see {self._log}")
        return self._process.pid


class Simulator:
    """fumehood-scale-simulator: see there what it can be asked."""

    def __init__(self, program, state):
        self._log = state / "logs" / "simulator.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([program, state / "kubeconfig", NAMESPACE], text=True,
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    @property
    def pid(self):
        return self._process.pid

    def ask(self, what, **details):
        self._process.stdin.write(json.dumps({"do": what} | details) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise CannotMeasure(f"the simulator has ended with {self._process.wait()}: see {self._log}")
        answer = json.loads(line)
        if "error" in answer:
            raise CannotMeasure(f"{what}: {answer['error']}")
        return answer

    def stop(self):
        self._process.stdin.close()
        self._process.wait(20)


class Administrator:
    """Deletes what a round has left."""

    def __init__(self, state):
        self._port = int((state / "ports").read_text().split()[2])
        self._tls = ssl.create_default_context(cafile=state / "keys" / "ca.crt")
        self._tls.load_cert_chain(state / "keys" / "admin.crt", state / "keys" / "admin.key")

    def _request(self, method, path):
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=120, context=self._tls)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise CannotMeasure(f"{method} {path}: {answer.status} {body[:300]!r}")
        return json.loads(body)

    def delete_commands(self):
        deadline = time.monotonic() + 1800
        while True:
            # An API server that is busy may take too long, and ends its answer before it is whole; what it did is done.
            with suppress(http.client.HTTPException, TimeoutError):
                if not self._request("GET", f"{_COMMANDS}?limit=1")["items"]:
                    return
                self._request("DELETE", f"{_COMMANDS}?limit={_DELETED_AT_ONCE}")
            if time.monotonic() > deadline:
                raise CannotMeasure("the commands are not deleted after half an hour")


def pid_of(state, name):
    return int((Path(state) / "run" / f"{name}.pid").read_text().split()[0])

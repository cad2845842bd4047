"""An API server through plain HTTP/1.1: one connection per caller that stays open, and watches. It has to be cheap: what it costs is
measured with what it measures."""

import base64
import http.client
import json
import socket
import ssl
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from side_by_side import CannotMeasure

PATIENCE = 60  # seconds


class Server:
    """Where it is and who we are to it, as a kubeconfig's current context says."""

    def __init__(self, kubeconfig):
        kubeconfig = Path(kubeconfig)
        document = yaml.safe_load(kubeconfig.read_text())
        context = _named(document, "context", document["current-context"])
        cluster, user = _named(document, "cluster", context["cluster"]), _named(document, "user", context["user"])
        self._address = urlsplit(cluster["server"])
        self._token = user.get("token")
        self._tls = None
        if self._address.scheme == "https":
            with ExitStack() as files:
                def file_of(holder, key):
                    return _file_of(holder, key, kubeconfig.parent, files)
                self._tls = ssl.create_default_context(cafile=file_of(cluster, "certificate-authority"))
                if certificate := file_of(user, "client-certificate"):
                    self._tls.load_cert_chain(certificate, file_of(user, "client-key"))

    def connect(self):
        kind, more = (http.client.HTTPSConnection, {"context": self._tls}) if self._tls else (http.client.HTTPConnection, {})
        connection = kind(self._address.hostname, self._address.port, timeout=PATIENCE, **more)
        return Connection(connection, {"Authorization": f"Bearer {self._token}"} if self._token else {})


def _named(document, kind, name):
    return next(one[kind] for one in document[kind + "s"] if one["name"] == name)


def _file_of(holder, key, folder, files):
    """The file that `holder` names, or one with what it holds itself; None where it has neither."""
    if key in holder:
        return folder / holder[key]
    if f"{key}-data" not in holder:
        return None
    file = files.enter_context(tempfile.NamedTemporaryFile())
    file.write(base64.b64decode(holder[f"{key}-data"]))
    file.flush()
    return file.name


class Connection:
    """One request after the other. Not for several threads."""

    def __init__(self, connection, headers):
        self._connection = connection
        self._headers = headers | {"Accept": "application/json"}

    def request(self, method, path, body=None):
        """The answer's body; CannotMeasure where the server says no."""
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise CannotMeasure(f"{method} {path}: {response.status}: {answer.decode(errors='replace')[:1000]}")
        return answer

    def json(self, method, path, document=None):
        return json.loads(self.request(method, path, None if document is None else json.dumps(document).encode()))

    def begin(self, path):
        """The response to a GET whose body goes on and on."""
        self._connection.request("GET", path, None, self._headers)
        response = self._connection.getresponse()
        if response.status != 200:
            raise CannotMeasure(f"GET {path}: {response.status}: {response.read(1000).decode(errors='replace')}")
        self._connection.sock.settimeout(None)
        return response

    def shut_down(self):
        """Ends what another thread reads from it."""
        with suppress(OSError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._connection.close()


class Watch:
    """Hands (nanoseconds since the epoch, event) of everything that happens in a collection from now on to `on_event`, on a thread of
    its own, until it is closed."""

    def __init__(self, server, collection, on_event):
        self._on_event = on_event
        self._closing = False
        self.failure = None
        connection = server.connect()
        version = connection.json("GET", collection + "?limit=1")["metadata"]["resourceVersion"]
        self._connection = connection
        self._response = connection.begin(f"{collection}?watch=1&timeoutSeconds=86400&resourceVersion={version}")
        self._thread = threading.Thread(target=self._read, name="watch", daemon=True)
        self._thread.start()

    def _read(self):
        try:
            for line in self._response:
                received = time.time_ns()
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise CannotMeasure(f"the watch ended: {event['object'].get('message')}")
                self._on_event(received, event)
            if not self._closing:
                raise CannotMeasure("the API server ended the watch")
        except (OSError, ValueError, http.client.HTTPException, CannotMeasure) as reason:
            if not self._closing:
                self.failure = reason

    def close(self):
        self._closing = True
        self._connection.shut_down()
        self._thread.join(timeout=PATIENCE)
        self._connection.close()

"""The cluster as its administrator sees it: past all proxies, so that the faults don't reach the one who judges them."""

import asyncio
import base64
import json
import ssl
from urllib.parse import urlsplit

import http1

COMMANDS = "/apis/fumehood.dev/v1alpha1/namespaces/{}/sandboxcommands"
MERGE_PATCH = "application/merge-patch+json"
JSON = "application/json"


class Unavailable(Exception):
    """No answer; what was asked for may have been done all the same."""


class Refused(Exception):
    def __init__(self, status, answer):
        super().__init__(f"{status}: {answer.get('message', answer)}")
        self.status = status


class Api:
    """Few requests at once; idle connections are kept."""

    def __init__(self, server, keys):
        self._address = urlsplit(server)
        self._context = ssl.create_default_context(cafile=keys / "ca.crt")
        self._context.load_cert_chain(keys / "admin.crt", keys / "admin.key")
        self._idle = []

    async def request(self, method, path, document=None, content_type=JSON, patience=10):
        """The JSON answer. Unavailable and Refused tell two kinds of failure apart."""
        body = b"" if document is None else json.dumps(document).encode()
        message = (f"{method} {path} HTTP/1.1\r\nHost: {self._address.netloc}\r\nAccept: {JSON}\r\n"
                   f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
        try:
            status, answer = await asyncio.wait_for(self._exchange(message), patience)
        except (OSError, http1.Broken, asyncio.TimeoutError) as error:
            raise Unavailable(f"{method} {path}: {error!r}") from error
        if status in (429, 500, 503, 504):
            raise Unavailable(f"{method} {path}: {status}")
        if status >= 400:
            raise Refused(status, answer)
        return answer

    async def persist(self, method, path, document=None, content_type=JSON, deadline=60):
        """As request, again and again while the API server is away. Only for what may be done twice."""
        end = asyncio.get_running_loop().time() + deadline
        while True:
            try:
                return await self.request(method, path, document, content_type)
            except Unavailable:
                if asyncio.get_running_loop().time() > end:
                    raise
                await asyncio.sleep(0.1)

    async def create(self, path, document):
        """Creates it once, through outages: that it is there already means that an answer was lost."""
        try:
            await self.persist("POST", path, document)
        except Refused as refused:
            if refused.status != 409:
                raise

    async def delete(self, path):
        """True when it was there."""
        try:
            await self.persist("DELETE", path)
        except Refused as refused:
            if refused.status != 404:
                raise
            return False
        return True

    async def _exchange(self, message):
        reader, writer = await self._connection()
        try:
            writer.write(message)
            head = await http1.read_head(reader)
            if head is None:
                raise http1.Broken("no answer")
            body = await http1.read_body(reader, head)
        except BaseException:
            writer.transport.abort()
            raise
        self._idle.append((reader, writer))
        return head.status, json.loads(body)

    async def _connection(self):
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
        return await asyncio.open_connection(self._address.hostname, self._address.port, ssl=self._context,
                                             limit=http1.LONGEST_LINE)


class EtcdWatch:
    """Every version of every object below a prefix, from etcd itself: no restart of the API server leaves a gap."""

    PATIENCE = 10

    def __init__(self, etcd, prefix):
        self._address = urlsplit(etcd)
        self._prefix = prefix.encode()

    async def versions(self):
        """Yields None once it watches; then (revision, object, was deleted): a deleted one as it was before."""
        reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port, limit=http1.LONGEST_LINE)
        end = self._prefix[:-1] + bytes([self._prefix[-1] + 1])
        request = json.dumps({"create_request": {"key": base64.b64encode(self._prefix).decode(), "prev_kv": True,
                                                 "range_end": base64.b64encode(end).decode()}}).encode()
        writer.write(b"POST /v3/watch HTTP/1.1\r\nHost: etcd\r\nContent-Length: %d\r\n\r\n%s" % (len(request), request))
        head = await asyncio.wait_for(http1.read_head(reader), self.PATIENCE)
        if head is None or head.status != 200:
            raise Unavailable(f"etcd doesn't let us watch: {head and head.start}")
        async for line in http1.read_lines(reader):
            message = json.loads(line)
            if "result" not in message:
                raise Unavailable(f"etcd ended the watch: {message}")
            result = message["result"]
            if result.get("created"):
                yield None
            for event in result.get("events", []):
                was_deleted = event.get("type") == "DELETE"
                stored = event["prev_kv" if was_deleted else "kv"]["value"]
                yield int(event["kv"]["mod_revision"]), json.loads(base64.b64decode(stored)), was_deleted
        raise Unavailable("etcd ended the watch")

"""A TLS-terminating proxy between one program and the API server, which can be told to misbehave."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from urllib.parse import urlsplit

import http1
from rules import CALL_KINDS, WATCH_KINDS, Kind

# So many of the last lines a watch can be sent back.
REMEMBERED_LINES = 12
WRITES = ("POST", "PUT", "PATCH", "DELETE")
EXPIRED = (b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","code":410,'
           b'"reason":"Expired","message":"too old resource version (injected)"}}\n')


class _Cut(Exception):
    """This connection is to be closed without a further word."""


@dataclass
class Request:
    """A write that came through; status is None as long as no answer was given by the API server."""

    time: float
    method: str
    path: str
    status: int | None = None


class Proxy:
    """Between one program and the API server at `upstream`; as long as nothing else is asked for, it passes everything.

    Presents the API server's own certificate, which is good for 127.0.0.1; bearer tokens pass as they are. `kill` is called
    at the moment at which a rule wants the program dead. One event loop owns all of it.
    """

    def __init__(self, upstream, keys, kill=lambda: None):
        self._upstream = urlsplit(upstream)
        self._kill = kill
        self._server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server_context.load_cert_chain(keys / "apiserver.crt", keys / "apiserver.key")
        self._client_context = ssl.create_default_context(cafile=keys / "ca.crt")
        self._listener = None
        self._connections = set()
        self._passable = asyncio.Event()
        self._passable.set()
        self.rules = []
        self.writes = []
        self.open_watches = 0
        self.lease_written = 0.0  # when a lease was written last
        self.port = 0

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    async def start(self):
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._server_context,
                                                    limit=http1.LONGEST_LINE, backlog=128)
        self.port = self._listener.sockets[0].getsockname()[1]

    def black_hole(self):
        """Connections are accepted, but nothing passes, either way. What is held passes after heal(), even where the program
        has given up on it by then: a network does the same."""
        self._passable.clear()

    def refuse(self):
        """Every connection is closed, and none is accepted."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.cut_all()

    def cut_all(self):
        for transport in list(self._connections):
            transport.abort()

    def end_black_hole(self):
        self._passable.set()

    async def accept(self):
        """Ends refuse()."""
        if self._listener is None:
            await self.start()

    async def heal(self):
        """No fault is left, or to come."""
        self.rules.clear()
        self.end_black_hole()
        await self.accept()

    def stop(self):
        self.refuse()

    async def _serve(self, reader, writer):
        self._connections.add(writer.transport)
        connection = _Connection(self, reader, writer)
        try:
            while await connection.pass_one():
                pass
            writer.close()
        except (_Cut, http1.Broken, OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._connections.discard(writer.transport)
            connection.close()

    def take(self, method, path, body, kinds):
        """The action that the first rule asks for whose turn it is."""
        for rule in self.rules:
            if rule.action.kind in kinds and (action := rule.take(method, path, body)):
                return action
        return None

    async def passable(self):
        await self._passable.wait()

    def kill(self):
        self._kill()

    async def connect(self):
        return await asyncio.open_connection(self._upstream.hostname, self._upstream.port, ssl=self._client_context,
                                             limit=http1.LONGEST_LINE)


class _Connection:
    """One connection of the program, and the one to the API server that belongs to it."""

    def __init__(self, proxy, reader, writer):
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._up_reader = self._up_writer = None

    def close(self):
        if self._up_writer is not None:
            self._up_writer.transport.abort()

    async def pass_one(self):
        """Passes a request and its answer; False when the program wants no more."""
        head = await self._next_head()
        if head is None:
            return False
        body = await http1.read_body(self._reader, head)
        path, _, query = head.target.partition("?")
        if "watch=true" in query or "watch=1" in query:
            await self._pass_watch(head, path)
            return False
        await self._pass_call(head, body, path)
        return True

    async def _next_head(self):
        """Should the API server close in the meantime, so do we."""
        if self._up_reader is None:
            return await http1.read_head(self._reader)
        wanted = asyncio.ensure_future(http1.read_head(self._reader))
        closed = asyncio.ensure_future(self._up_reader.read(1))
        await asyncio.wait({wanted, closed}, return_when=asyncio.FIRST_COMPLETED)
        if closed.done():
            wanted.cancel()
            closed.exception()
            raise _Cut
        closed.cancel()
        await asyncio.wait({closed})
        return await wanted

    async def _pass_call(self, head, body, path):
        action = self._proxy.take(head.method, path, body, CALL_KINDS)
        kind = action.kind if action else None
        request = Request(asyncio.get_running_loop().time(), head.method, path)
        if head.method in WRITES:
            self._proxy.writes.append(request)
        match kind:
            case Kind.ANSWER:
                self._writer.write(http1.answer(action.status, {
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": action.status,
                    "message": "injected", "reason": "Injected"}))
                return
            case Kind.CUT_BEFORE:
                raise _Cut
            case Kind.KILL_BEFORE:
                self._proxy.kill()
                raise _Cut
            case Kind.DELAY_BEFORE:
                await asyncio.sleep(action.seconds)
        await self._proxy.passable()
        answer = await self._forward(head, body)
        answer_body = await http1.read_body(self._up_reader, answer)
        request.status = answer.status
        if "/leases" in path and head.method in WRITES and answer.status < 300:
            self._proxy.lease_written = asyncio.get_running_loop().time()
        match kind:
            case Kind.CUT_AFTER:
                raise _Cut
            case Kind.KILL_AFTER:
                self._proxy.kill()
                raise _Cut
            case Kind.DELAY_AFTER:
                await asyncio.sleep(action.seconds)
        await self._proxy.passable()
        self._writer.write(answer.raw + http1.write_body(answer, answer_body))
        await self._writer.drain()

    async def _forward(self, head, body):
        if self._up_writer is None:
            self._up_reader, self._up_writer = await self._proxy.connect()
        self._up_writer.write(head.raw + http1.write_body(head, body))
        answer = await http1.read_head(self._up_reader)
        if answer is None:
            raise _Cut
        return answer

    async def _pass_watch(self, head, path):
        await self._proxy.passable()
        answer = await self._forward(head, b"")
        await self._proxy.passable()
        self._writer.write(answer.raw)
        if answer.status != 200:
            self._writer.write(http1.write_body(answer, await http1.read_body(self._up_reader, answer)))
            await self._writer.drain()
            return
        pump = asyncio.ensure_future(self._pump(path))
        left = asyncio.ensure_future(self._reader.read(1))
        self._proxy.open_watches += 1
        try:
            await asyncio.wait({pump, left}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._proxy.open_watches -= 1
            pump.cancel()
            left.cancel()
        await asyncio.gather(pump, left, return_exceptions=True)

    async def _pump(self, path):
        """Passes the lines of a watch as they come."""
        lines = deque(maxlen=REMEMBERED_LINES)
        async for line in http1.read_lines(self._up_reader):
            lines.append(line)
            action = self._proxy.take("GET", path, line, WATCH_KINDS)
            await self._proxy.passable()
            match action.kind if action else None:
                case None:
                    self._writer.write(http1.chunk(line))
                case Kind.GONE:
                    self._writer.write(http1.chunk(EXPIRED))
                    break
                case Kind.CUT_LINE:
                    self._writer.write(http1.chunk(line[:len(line) // 2]))
                    await self._writer.drain()
                    raise _Cut
                case Kind.GO_BACK:
                    for again in (line, *lines):
                        self._writer.write(http1.chunk(again))
                case Kind.HOLD:
                    await asyncio.sleep(action.seconds)
                    self._writer.write(http1.chunk(line))
            await self._writer.drain()
        self._writer.write(http1.LAST_CHUNK)
        await self._writer.drain()

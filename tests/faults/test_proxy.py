"""The proxy, between a client and a server of this process's own."""

import asyncio
import json
import ssl
import subprocess

import pytest

import http1
from proxy import EXPIRED, Proxy
from rules import STEPS, Action, Kind, Rule, Step

ANY_CALL = Step("PATCH", "/things/")
PATIENCE = 5


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """A certificate for 127.0.0.1 that is its own authority."""
    folder = tmp_path_factory.mktemp("keys")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test",
                    "-days", "2", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "apiserver.key", "-out", "apiserver.crt"],
                   cwd=folder, check=True, capture_output=True)
    (folder / "ca.crt").write_bytes((folder / "apiserver.crt").read_bytes())
    return folder


class Server:
    """Answers calls with what they sent, and a watch with the lines that a test puts into `lines`."""

    def __init__(self, keys):
        self.seen = []
        self.lines = asyncio.Queue()
        self.port = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(keys / "apiserver.crt", keys / "apiserver.key")

    async def start(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        while head := await http1.read_head(reader):
            body = await http1.read_body(reader, head)
            self.seen.append(head.target)
            if "watch=true" in head.target:
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    writer.write(http1.chunk(await self.lines.get()))
            writer.write(http1.answer(200, {"got": body.decode()}))


class World:
    """A server, a proxy before it, and a client of that proxy."""

    def __init__(self, keys):
        self.keys = keys
        self.kills = 0
        self.server = Server(keys)
        self.proxy = None
        self._writers = []  # a stream closes when nobody holds its writer

    async def start(self):
        await self.server.start()
        self.proxy = Proxy(f"https://127.0.0.1:{self.server.port}", self.keys, self._kill)
        await self.proxy.start()

    def arm(self, step, kind, nth=1, **action):
        self.proxy.rules.append(Rule(step, Action(kind, **action), nth))

    async def connect(self):
        context = ssl.create_default_context(cafile=self.keys / "ca.crt")
        reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy.port, ssl=context)
        self._writers.append(writer)
        return reader, writer

    async def call(self, connection, path="/things/a", body=b"{}"):
        """The status and the body; None where the connection was closed instead."""
        reader, writer = connection
        writer.write(b"PATCH %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (path.encode(), len(body), body))
        try:
            head = await asyncio.wait_for(http1.read_head(reader), PATIENCE)
            return head and (head.status, await http1.read_body(reader, head))
        except http1.Broken:
            return None

    async def watch(self):
        """The lines of a watch of commands, as they come."""
        reader, writer = await self.connect()
        writer.write(b"GET /apis/sandboxcommands?watch=true HTTP/1.1\r\n\r\n")
        assert (await http1.read_head(reader)).status == 200
        return http1.read_lines(reader)

    def _kill(self):
        self.kills += 1


@pytest.fixture
def in_world(keys):
    """in_world(test) runs the coroutine function `test` with a World."""
    async def run(test):
        world = World(keys)
        await world.start()
        await asyncio.wait_for(test(world), 4 * PATIENCE)

    return lambda test: asyncio.run(run(test))


async def next_line(lines, patience=PATIENCE):
    return await asyncio.wait_for(anext(lines), patience)


def test_passes_calls_on_one_connection(in_world):
    async def test(world):
        connection = await world.connect()
        assert [await world.call(connection, body=body) for body in (b"1", b"2")] == [
            (200, b'{"got": "1"}'), (200, b'{"got": "2"}')]
    in_world(test)


@pytest.mark.parametrize(("kind", "reaches_the_server", "kills"), [
    (Kind.CUT_BEFORE, False, 0), (Kind.CUT_AFTER, True, 0), (Kind.KILL_BEFORE, False, 1), (Kind.KILL_AFTER, True, 1)])
def test_closes_without_an_answer(in_world, kind, reaches_the_server, kills):
    async def test(world):
        world.arm(ANY_CALL, kind)
        assert await world.call(await world.connect()) is None
        assert (bool(world.server.seen), world.kills) == (reaches_the_server, kills)
    in_world(test)


def test_answers_itself(in_world):
    async def test(world):
        world.arm(ANY_CALL, Kind.ANSWER, status=503)
        connection = await world.connect()
        status, body = await world.call(connection)
        assert (status, json.loads(body)["code"], world.server.seen) == (503, 503, [])
        assert (await world.call(connection))[0] == 200
    in_world(test)


def test_acts_on_the_request_that_was_meant_and_once(in_world):
    async def test(world):
        world.arm(Step("PATCH", "/things/b", "special"), Kind.ANSWER, nth=2, status=500)
        connection = await world.connect()
        calls = [("/things/a", b"special"), ("/things/b", b"plain"), ("/things/b", b"special"), ("/things/b", b"special"),
                 ("/things/b", b"special")]
        assert [(await world.call(connection, *call))[0] for call in calls] == [200, 200, 200, 500, 200]
    in_world(test)


def test_black_hole_holds_back_until_healed(in_world):
    async def test(world):
        connection = await world.connect()
        lines = await world.watch()
        world.proxy.black_hole()
        await world.server.lines.put(b"event\n")
        call = asyncio.ensure_future(world.call(connection))
        line = asyncio.ensure_future(anext(lines))
        done, _ = await asyncio.wait({call, line}, timeout=0.2)
        assert not done and len(world.server.seen) == 1
        await world.proxy.heal()
        assert (await call)[0] == 200 and await line == b"event\n"
    in_world(test)


def test_refuses_connections_until_healed(in_world):
    async def test(world):
        connection = await world.connect()
        assert (await world.call(connection))[0] == 200
        world.proxy.refuse()
        assert await world.call(connection) is None
        with pytest.raises(OSError):
            await world.connect()
        await world.proxy.heal()
        assert (await world.call(await world.connect()))[0] == 200
    in_world(test)


def test_healing_takes_back_what_was_armed(in_world):
    async def test(world):
        world.arm(ANY_CALL, Kind.CUT_BEFORE)
        await world.proxy.heal()
        assert (await world.call(await world.connect()))[0] == 200
    in_world(test)


def test_watch_is_not_buffered(in_world):
    async def test(world):
        lines = await world.watch()
        for event in (b"1\n", b"2\n"):
            await world.server.lines.put(event)
            assert await next_line(lines) == event
    in_world(test)


WATCH_FAULTS = {
    Kind.GONE: ([EXPIRED], StopAsyncIteration),
    Kind.CUT_LINE: ([], http1.Broken),
    Kind.GO_BACK: ([b"new\n", b"old\n", b"new\n", b"last\n"], asyncio.TimeoutError),
    Kind.HOLD: ([b"new\n", b"last\n"], asyncio.TimeoutError),
}


@pytest.mark.parametrize("kind", WATCH_FAULTS)
def test_spoils_a_watch_that_was_open_before(in_world, kind):
    async def test(world):
        lines = await world.watch()
        await world.server.lines.put(b"old\n")
        assert await next_line(lines) == b"old\n"
        world.arm(STEPS["watch"], kind, seconds=0.01)
        for event in (b"new\n", b"last\n"):
            await world.server.lines.put(event)
        wanted, end = WATCH_FAULTS[kind]
        assert [await next_line(lines) for _ in wanted] == wanted
        with pytest.raises(end):
            await next_line(lines, patience=0.2)
    in_world(test)

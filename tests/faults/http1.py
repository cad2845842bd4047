"""Just as much of HTTP/1.1 as lies between our programs, a kube-apiserver and etcd, on asyncio streams."""

import json
from dataclasses import dataclass

LONGEST_HEAD = 64 * 1024
# Of asyncio's own buffer: a whole line of a watch must fit.
LONGEST_LINE = 8 * 1024 * 1024


class Broken(Exception):
    """The other side closed the connection, or doesn't speak HTTP."""


@dataclass(frozen=True)
class Head:
    """A start line and headers; `raw` is all of it, as it came."""

    raw: bytes
    start: str
    headers: dict

    @property
    def status(self):
        return int(self.start.split(" ", 2)[1])

    @property
    def method(self):
        return self.start.split(" ", 2)[0]

    @property
    def target(self):
        return self.start.split(" ", 2)[1]

    @property
    def is_chunked(self):
        return "chunked" in self.headers.get("transfer-encoding", "")


async def read_head(reader):
    """The next Head, or None where the other side has closed in good order."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except EOFError as end:
        if not getattr(end, "partial", b""):
            return None
        raise Broken("the connection ended within a head") from end
    except (OSError, ValueError) as error:
        raise Broken(str(error)) from error
    start, *lines = raw[:-4].decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Head(raw, start, headers)


async def read_chunk(reader):
    """The content of one chunk; b"" is the last."""
    try:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        return (await reader.readexactly(size + 2))[:-2]
    except (EOFError, OSError, ValueError) as error:
        raise Broken(f"in a chunked body: {error}") from error


def chunk(content):
    return b"%x\r\n%s\r\n" % (len(content), content)


LAST_CHUNK = b"0\r\n\r\n"


async def read_body(reader, head):
    """The whole body that follows `head`, decoded."""
    if head.is_chunked:
        parts = []
        while part := await read_chunk(reader):
            parts.append(part)
        return b"".join(parts)
    try:
        return await reader.readexactly(int(head.headers.get("content-length", 0)))
    except (EOFError, OSError) as error:
        raise Broken(f"in a body: {error}") from error


def write_body(head, body):
    """`body` as `head` announces it."""
    return (chunk(body) if body else b"") + LAST_CHUNK if head.is_chunked else body


async def read_lines(reader):
    """The lines of a chunked body that doesn't end soon, each with its line feed; what comes last may lack it."""
    rest = b""
    while part := await read_chunk(reader):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest


def answer(status, document):
    """A whole answer with a JSON body."""
    body = json.dumps(document).encode()
    return b"HTTP/1.1 %d Fault\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)

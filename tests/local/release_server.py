"""An HTTP server of releases that can also do everything that goes wrong with one."""

import http.server
import platform
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Truncated:
    """Closes the connection before all that it announced has been sent."""
    content: bytes


@dataclass(frozen=True)
class Stalled:
    """Sends the first bytes and then nothing, without closing."""
    content: bytes


@dataclass(frozen=True)
class Status:
    code: int


class ReleaseServer:
    """Serves `files` by path; the answer to one that is not there is 404. As a proxy it serves the same for every host."""

    def __init__(self):
        self.files = {}
        self.requests = []
        self._closing = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def publish(self, files, release="latest", architecture=platform.machine()):
        for name, answer in files.items():
            self.files[f"/{release}/{architecture}/{name}"] = answer

    def _handler(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(self.path)
                self._answer(server.files.get(urlsplit(self.path).path, Status(404)))

            do_HEAD = do_GET

            def _answer(self, answer):
                if isinstance(answer, Status):
                    self.send_error(answer.code)
                    return
                content = answer if isinstance(answer, bytes) else answer.content
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command == "HEAD":
                    return
                if isinstance(answer, bytes):
                    self.wfile.write(content)
                    return
                self.wfile.write(content[:len(content) // 2])
                if isinstance(answer, Stalled):
                    server._closing.wait()

            def log_message(self, *_):
                pass

        return Handler

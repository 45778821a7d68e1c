"""Servers that do not do what a PACS should, on the loopback; no socket of theirs stays."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pynetdicom import AE


@contextmanager
def raw_server(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """A port whose every line is given to a function, and closed after it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line, suppress(OSError):
                    answer(line)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join()


def silent(line: socket.socket) -> None:
    """Take whatever comes until the other side ends, and say nothing."""
    while line.recv(4096):
        pass


def hang_up(line: socket.socket) -> None:
    """Take what comes first, and end the line."""
    line.recv(4096)


@contextmanager
def dimse_server(
    contexts: list[Any], handlers: list[Any], title: str = "PACS", **options: Any
) -> Iterator[int]:
    """A server of pynetdicom with handlers of a test."""
    entity = AE(title)
    for name, value in options.items():
        setattr(entity, name, value)
    for context in contexts:
        entity.add_supported_context(context)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        entity.shutdown()


@contextmanager
def web_server(answer: Callable[[BaseHTTPRequestHandler], object]) -> Iterator[str]:
    """A web server whose every request is given to a function; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with suppress(OSError):
                answer(self)

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            self.body = self.rfile.read(size)
            with suppress(OSError):
                answer(self)

        def log_message(self, *arguments: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply_with(
    status: int, kind: str = "text/html", body: bytes = b"<html>", **headers: str
) -> Any:
    """A function for `web_server` that always answers the same."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.send_header("Connection", "close")
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)
        request.close_connection = True

    return answer


@contextmanager
def encrypted_front(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """A port that decrypts what comes, and passes it on to another one of this computer."""

    def answer(line: socket.socket) -> None:
        with (
            context.wrap_socket(line, server_side=True) as front,
            socket.create_connection(("127.0.0.1", port)) as back,
        ):
            returning = threading.Thread(target=_pass_on, args=(back, front))
            returning.start()
            _pass_on(front, back)
            returning.join()

    with raw_server(answer) as opened:
        yield opened


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(2**16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)

"""A frontend of Zabbix that fails: it passes requests on to a real one, or does something else."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """What is sent in place of the real answer."""

    status: int = 200
    body: bytes = b""
    location: str = ""
    pass_on: bool = False  # the request reaches the server, and its answer is lost
    seconds: float = 0.0  # of silence before


#: What to do with a call: its method, and how many of that method came before.
Decide = Callable[[str, int], Reply | None]


def well(method: str, before: int) -> None:
    """Passes everything on."""


@contextmanager
def frontend(real: str, decide: Decide = well, context: ssl.SSLContext | None = None
             ) -> Iterator[str]:
    """Serves on loopback, by TLS with a context; gives the URL."""
    counts: dict[str, int] = {}
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            method = json.loads(body)["method"]
            before = counts.get(method, 0)
            counts[method] = before + 1
            reply = decide(method, before)
            if reply is None or reply.pass_on:
                answer = passed_on(real, body, self.headers.get("Authorization"))
                reply = reply or Reply(body=answer)
            over.wait(reply.seconds)
            self.send_response(reply.status)
            if reply.location:
                self.send_header("Location", reply.location)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # clients that go away are what is tested

    with Server(("127.0.0.1", 0), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
        finally:
            over.set()
            server.shutdown()
            thread.join()


def passed_on(real: str, body: bytes, authorization: str | None) -> bytes:
    headers = {"Content-Type": "application/json-rpc"}
    if authorization:
        headers["Authorization"] = authorization
    request = urllib.request.Request(f"{real}/api_jsonrpc.php", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
    return content

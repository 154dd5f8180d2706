"""Servers to ask: one on this machine that says and fails as a test wants it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass
class Reply:
    """What a server sends: a status, JSON or the bytes themselves, headers, and after how long."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0


@dataclass
class Server:
    """url: where it is; seen: the (path, headers, body) of requests; most: at a time."""

    url: str
    seen: list[tuple[str, dict[str, str], Body]] = field(default_factory=list)
    now: int = 0
    most: int = 0


@contextmanager
def serving(answer: Callable[[int, Body], Reply], port: int = 0) -> Iterator[Server]:
    """A server whose replies are made of the number of the request, from 0, and its body; port: 0
    for any that is free."""
    lock = threading.Lock()
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                number = len(known.seen)
                known.seen.append(
                    (self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                )
                known.now += 1
                known.most = max(known.most, known.now)
            reply = answer(number, body)
            stopped.wait(reply.after)
            with lock:
                known.now -= 1
            if reply.body is ConnectionResetError:
                self.close_connection = True
                return
            whole = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in (reply.headers | {"content-length": str(len(whole))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(whole)

        def log_message(self, *line: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *request: Any) -> None:
            pass  # of clients that gave up waiting

    server = Quiet(("127.0.0.1", port), Handler)
    known = Server(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield known
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def letters(logs: dict[str, float], into: int = 100) -> Reply:
    """A chat server's log-probabilities of an answer's first token."""
    top = [{"token": token, "logprob": log} for token, log in logs.items()]
    choice = {"message": {"content": "A"}, "logprobs": {"content": [{"top_logprobs": top}]}}
    return Reply({"choices": [choice], "usage": {"prompt_tokens": into, "completion_tokens": 1}})


def content(text: str | None) -> Reply:
    """A chat server's answer in words."""
    return Reply({"choices": [{"message": {"content": text}}]})


def asked(body: Body) -> str:
    """The message of a chat."""
    return str(body["messages"][0]["content"])

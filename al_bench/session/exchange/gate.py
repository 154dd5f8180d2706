"""Who and what is let in to a backend, before a handler sees it."""

from __future__ import annotations

from base64 import b64decode
from secrets import compare_digest

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LONGEST = 64 * 2**20  # bytes of a request


class Gate:
    """An ASGI layer that lets in who knows the token (None: everybody), as the password of basic
    authentication or as a bearer's, and writes that no page of another site can make a browser
    send."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            refusal = None
            if self.token is not None and not knows(headers.get("authorization", ""), self.token):
                refusal = 401, "the token is missing or wrong"
            elif scope["method"] not in ("GET", "HEAD"):
                refusal = refused_write(headers)
            if refusal is not None:
                status, sentence = refusal
                await JSONResponse({"error": sentence}, status)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def knows(authorization: str, token: str) -> bool:
    """Whether a header holds the token; the comparison takes the same time for any wrong one."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            given = b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:
            return False
    return compare_digest(given.encode(), token.encode())


def refused_write(headers: Headers) -> tuple[int, str] | None:
    """The status and sentence with which a write is refused, None where it is none of these."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return 415, f"a write came as {kind or 'nothing'}; wanted application/json"
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return 411, "a write does not say how long it is"
    if int(length) > LONGEST:
        return 413, f"a write is too long; at most {LONGEST} bytes are read"
    return None

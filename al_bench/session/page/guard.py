"""What is refused before a handler sees it: strangers, and what other sites make a browser send."""

from __future__ import annotations

from secrets import compare_digest

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST = 65_536  # bytes of a form; an answer has some hundred
# The page is made of its own files alone: no inline script or style runs, whatever a text says.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers would send "Origin: null"
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """An ASGI layer that lets in who knows the token (None: everybody) and what this page writes.

    A token comes once in the address (``?token=``) and is kept in a cookie, which is named for the
    server's port since browsers share cookies among the ports of a machine.
    """

    def __init__(self, app: ASGIApp, token: str | None, cookie: str) -> None:
        self.app = app
        self.token = token
        self.cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        given = connection.query_params.get("token")
        known = given is not None and self.token is not None and self.knows(given)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                if known:
                    words = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Lax"
                    headers.append("Set-Cookie", words)
            await send(message)

        refusal = None
        if not known and not self.knows(connection.cookies.get(self.cookie, "")):
            refusal = 403, "The token is missing or wrong: use the address that the server printed"
        elif scope["method"] not in ("GET", "HEAD"):
            refusal = refused_write(connection.headers)
        if refusal is not None:
            status, sentence = refusal
            await PlainTextResponse(sentence, status)(scope, receive, answer)
            return
        await self.app(scope, receive, answer)

    def knows(self, given: str) -> bool:
        """Whether somebody may come in; the comparison takes the same time for any wrong token."""
        return self.token is None or compare_digest(given.encode(), self.token.encode())


def refused_write(headers: Headers) -> tuple[int, str] | None:
    """The status and sentence with which a write is refused, None where it is the page's own."""
    origin = headers.get("origin")
    if origin is None or origin.partition("://")[2] != headers.get("host"):
        return 403, f"A write came from {origin or 'an unknown origin'}; wanted one of this page"
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return 403, "A write came from another site; wanted one of this page"
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return 415, f"A write came as {kind or 'nothing'}; wanted a form without files"
    length = headers.get("content-length")
    if length is None:
        return 411, "A form does not say how long it is"
    if not length.isdecimal() or int(length) > LONGEST:
        return 413, f"A form is too long; at most {LONGEST} bytes are read"
    return None

"""Checks before a handler: visitors need the token, writes must come from this page, and form
fields are read strictly; errors are sentences."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import compare_digest
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from al_bench.labelling.annotations import check_annotator
from al_bench.labelling.schema import Note

LONGEST_NAME = 60
DAY = 24 * 3600.0  # seconds; the longest answer time that is recorded
LONGEST = 65_536  # bytes of a form; an answer has some hundred
MOST_FIELDS = 500  # of a form; a guideline has one a class
# The page loads its own files alone; no inline script or style runs, even if a text holds one.
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
    """An ASGI layer that lets in visitors with the token (None: everybody) and the page's own
    writes.

    The token comes once in the address (``?token=``) and is kept in a cookie. The server's port is
    in the cookie's name, since browsers share cookies among the ports of a machine.
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
        """Whether the token is right; the comparison takes the same time for any wrong one."""
        return self.token is None or compare_digest(given.encode(), self.token.encode())


def refused_write(headers: Headers) -> tuple[int, str] | None:
    """Status and sentence of a refused write, None where the write is the page's own."""
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


async def form(request: Request, csrf: str) -> dict[str, str]:
    """The fields of a form of this page; HTTPException for any other form.

    csrf: the cookie's secret, which the form must repeat: other sites can neither read nor set it.
    """
    body = b""
    async for chunk in request.stream():  # a chunked one may be longer than it says
        body += chunk
        if len(body) > LONGEST:
            raise HTTPException(413, f"A form is too long; at most {LONGEST} bytes are read")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), True, True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise HTTPException(400, "A form cannot be read; wanted fields in UTF-8") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise HTTPException(400, "A form has a field twice")
    if not csrf or not compare_digest(fields.get("csrf", "").encode(), csrf.encode()):
        raise HTTPException(403, "A form is not of this page; reload the page")
    return fields


def name_in(fields: Mapping[str, str]) -> str:
    """The annotator's name; HTTPException or ValueError where it cannot be one."""
    name = fields.get("as", "").strip()
    if len(name) > LONGEST_NAME:
        raise HTTPException(400, f"A name has {len(name)} characters; wanted up to {LONGEST_NAME}")
    check_annotator(name)
    return name


def number_in(fields: Mapping[str, str], name: str = "suggestion") -> int:
    """The number of a suggestion; HTTPException where it is no number."""
    text = fields.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise HTTPException(400, "A suggestion has a whole number; this form has none")
    return int(text)


def seconds_in(fields: Mapping[str, str]) -> float | None:
    """How long the answer took, None where the browser does not say; HTTPException otherwise."""
    text = fields.get("seconds", "")
    try:
        return min(float(text), DAY) if text else None
    except ValueError:
        raise HTTPException(400, "An answer's seconds are no number from 0 on") from None


def answer_in(fields: Mapping[str, str]) -> str | None:
    """The class, None for "not sure"; HTTPException unless it is one of the two."""
    if ("unsure" in fields) == ("answer" in fields):
        raise HTTPException(400, 'A form holds either a class or "not sure"; this one does not')
    return fields.get("answer")


def words_in(fields: Mapping[str, str], name: str, most: int) -> str:
    """A text that somebody wrote; HTTPException where it is longer than `most` characters."""
    text = fields.get(name, "").strip()
    if len(text) > most:
        raise HTTPException(400, f"A {name} has {len(text)} characters; wanted up to {most}")
    return text


def note_in(fields: Mapping[str, str]) -> Note:
    """The comment, in one line, and the flag."""
    return Note(" ".join(words_in(fields, "comment", 1000).split()), "flag" in fields)

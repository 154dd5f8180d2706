"""The pages and forms of a session, as a Starlette application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import compare_digest, token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from al_bench.labelling.annotations import check_annotator
from al_bench.labelling.page.view import GUIDELINE, View, day, thumbnail, whole_percent
from al_bench.labelling.store import Note

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
LOOPBACK = ("127.0.0.1", "localhost", "::1")
YEAR = 365 * 24 * 3600  # seconds that a browser keeps names
MOST_NAMES = 4  # of people who share a browser; a cookie has room for so many


@dataclass
class Guard:
    """An ASGI layer that lets in visitors with the token (None: everybody) and the page's own
    writes. The token comes once in the address (``?token=``) and is kept in a cookie. The server's
    port is in the cookie's name, since browsers share cookies among the ports of a machine."""

    app: ASGIApp
    token: str | None
    cookie: str

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
    """The fields of a form of this page; HTTPException for any other form. csrf: the cookie's
    secret, which the form must repeat: other sites can neither read nor set it."""
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
    return Note(" ".join(words_in(fields, "comment", 1000).split()), "flag" in fields)


def application(view: View, port: int, token: str | None) -> Starlette:
    """The web application of a session. port: it listens on, and it names the cookies; token: what
    a visitor must know, None where everybody on this machine may come in (the page is then served
    under local host names only, which other sites cannot take)."""
    page = Page(view, f"csrf-{port}", f"annotator-{port}")
    routes = [
        Route("/", page.label),
        Route("/name", page.ask_name),
        Route("/name", page.keep_name, methods=["POST"]),
        Route("/work", page.work),
        Route("/panel", page.panel),
        Route("/image/{number:int}", page.image),
        Route("/answers", page.answers),
        Route("/guideline", page.guideline),
        Route("/guideline", page.write_guideline, methods=["POST"]),
        Route("/answer", page.answer, methods=["POST"]),
        Route("/skip", page.skip, methods=["POST"]),
        Route("/undo", page.undo, methods=["POST"]),
        Mount("/static", StaticFiles(packages=[("al_bench.labelling.page", "static")])),
    ]
    hosts = ["*"] if token is not None else [*LOOPBACK, "[::1]"]
    guard = Middleware(Guard, token=token, cookie=f"token-{port}")
    named = Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await run_in_threadpool(view.close)

    return Starlette(
        routes=routes,
        middleware=[named, guard],
        exception_handlers={HTTPException: refused, ValueError: refused, OSError: refused},
        lifespan=lifespan,
    )


async def refused(request: Request, error: Exception) -> Response:
    """An error as a sentence; a disk error is the server's (503), others are the visitor's."""
    if isinstance(error, HTTPException):
        return PlainTextResponse(error.detail, error.status_code, error.headers)
    return PlainTextResponse(str(error), 503 if isinstance(error, OSError) else 400)


class Page:
    """The request handlers. They run one after the other on one thread, for milliseconds each."""

    def __init__(self, view: View, csrf: str, annotator: str) -> None:
        self.view = view
        self.csrf = csrf
        self.annotator = annotator
        self.templates = Environment(
            loader=PackageLoader("al_bench.labelling.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        self.templates.filters |= {"percent": whole_percent, "day": day}

    def shown(self, request: Request, template: str, **values: Any) -> Response:
        """A page or a part of one; a browser without a secret for its forms gets one."""
        secret = request.cookies.get(self.csrf) or token_urlsafe(16)
        text = self.templates.get_template(template).render(
            name=self.view.name, csrf=secret, **values
        )
        response = HTMLResponse(text)
        if self.csrf not in request.cookies:
            response.set_cookie(self.csrf, secret, httponly=True, samesite="strict")
        return response

    async def label(self, request: Request) -> Response:
        names = self.names(request)
        if not names:
            return RedirectResponse("name", 303)
        if "as" not in request.query_params:
            return to(names[-1])
        name = name_in(request.query_params)
        if name not in names:
            return RedirectResponse("name", 303)
        self.view.arrive(name)
        again = (
            number_in(request.query_params, "again") if "again" in request.query_params else None
        )
        work, panel = self.view.work(name, again), self.view.panel(name)
        return self.shown(request, "label.html", **(work | panel))

    async def ask_name(self, request: Request) -> Response:
        return self.shown(request, "name.html")

    async def keep_name(self, request: Request) -> Response:
        name = name_in(await self.form(request))
        response = to(name)
        names = [*(known for known in self.names(request) if known != name), name][-MOST_NAMES:]
        kept = "|".join(quote(known, safe="") for known in names)
        response.set_cookie(self.annotator, kept, max_age=YEAR, httponly=True, samesite="lax")
        return response

    def names(self, request: Request) -> list[str]:
        kept = request.cookies.get(self.annotator, "")
        return [unquote(name) for name in kept.split("|") if name]

    def visitor(self, request: Request) -> str:
        """The annotator whose part is requested; HTTPException unless this browser named him."""
        name = name_in(request.query_params)
        if name not in self.names(request):
            raise HTTPException(403, f"{name} has not said who he is; open the page anew")
        return name

    async def work(self, request: Request) -> Response:
        name = self.visitor(request)
        return self.shown(request, "work.html", **self.view.work(name))

    async def panel(self, request: Request) -> Response:
        name = self.visitor(request)
        return self.shown(request, "panel.html", **self.view.panel(name))

    async def image(self, request: Request) -> Response:
        path = self.view.image(request.path_params["number"])
        try:
            encoded = await run_in_threadpool(thumbnail, path)
        except ValueError as error:
            raise HTTPException(422, f"{error}") from error
        kept = {"Cache-Control": "private, max-age=3600"}
        return Response(encoded, media_type="image/jpeg", headers=kept)

    async def answer(self, request: Request) -> Response:
        fields = await self.form(request)
        name, answer = name_in(fields), answer_in(fields)
        self.view.answer(name, number_in(fields), answer, seconds_in(fields), note_in(fields))
        return self.next(request, name)

    async def answers(self, request: Request) -> Response:
        name, asked = self.visitor(request), request.query_params
        wanted = words_in(asked, "q", 200), asked.get("answer", ""), "flag" in asked
        return self.shown(request, "answers.html", **self.view.answers(name, *wanted))

    async def guideline(self, request: Request) -> Response:
        name, classes = self.visitor(request), self.view.session.classes
        values = {"annotator": name, "classes": classes, "guideline": self.view.guideline()}
        return self.shown(request, "guideline.html", **values)

    async def write_guideline(self, request: Request) -> Response:
        fields = await self.form(request)
        name, named = name_in(fields), enumerate(self.view.session.classes, start=1)
        about = {each: words_in(fields, f"class{number}", 500) for number, each in named}
        value = {"text": words_in(fields, "text", 5000), "classes": about, "by": name}
        self.view.session.store.decide(GUIDELINE, value)
        return to(name)

    async def skip(self, request: Request) -> Response:
        fields = await self.form(request)
        name = name_in(fields)
        self.view.skip(name, number_in(fields))
        return self.next(request, name)

    async def undo(self, request: Request) -> Response:
        name = name_in(await self.form(request))
        self.view.session.undo(name)
        return self.next(request, name)

    async def form(self, request: Request) -> Mapping[str, str]:
        return await form(request, request.cookies.get(self.csrf, ""))

    def next(self, request: Request, name: str) -> Response:
        """The next row: a part of the page, or the whole page for a browser without scripts."""
        if "hx-request" not in request.headers:
            return to(name)
        return self.shown(request, "work.html", **self.view.work(name))


def to(name: str) -> Response:
    return RedirectResponse("./?" + urlencode({"as": name}), 303)

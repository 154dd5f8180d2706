"""The pages and forms of a session, as a Starlette application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote, unquote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from al_bench.labelling.page.guard import (
    Guard,
    answer_in,
    form,
    name_in,
    note_in,
    number_in,
    seconds_in,
    words_in,
)
from al_bench.labelling.page.view import GUIDELINE, View, day, thumbnail, whole_percent

LOOPBACK = ("127.0.0.1", "localhost", "::1")
YEAR = 365 * 24 * 3600  # seconds that a browser keeps names
MOST_NAMES = 4  # of people who share a browser; a cookie has room for so many


def application(view: View, port: int, token: str | None) -> Starlette:
    """The web application of a session.

    port: it listens on, and it names the cookies; token: what a visitor must know, None where
    everybody on this machine may come in (the page is then served under local host names only,
    which other sites cannot take).
    """
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
        """The names that were given in this browser, the last one last."""
        kept = request.cookies.get(self.annotator, "")
        return [unquote(name) for name in kept.split("|") if name]

    def visitor(self, request: Request) -> str:
        """The annotator whose part of the page is requested; HTTPException unless this browser gave
        the name, so that a link on another site cannot have rows chosen for anybody."""
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
        """The next row: the working part of the page, or the whole page for a browser without
        scripts."""
        if "hx-request" not in request.headers:
            return to(name)
        return self.shown(request, "work.html", **self.view.work(name))


def to(name: str) -> Response:
    return RedirectResponse("./?" + urlencode({"as": name}), 303)

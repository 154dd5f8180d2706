"""A session as a machine-learning backend of Label Studio: predictions live, answers as they come.

The form is that of https://github.com/HumanSignal/label-studio-ml-backend: ``/health``, ``/setup``,
``/predict`` and ``/webhook``, JSON in and out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from al_bench.session.bench import Moment
from al_bench.session.exchange.annotations import annotated, part
from al_bench.session.exchange.brought import bring
from al_bench.session.exchange.gate import Gate
from al_bench.session.exchange.tasks import ROW, Json, prediction
from al_bench.session.page.app import LOOPBACK
from al_bench.session.session import Session
from al_bench.state import Floats

TRAINING = "START_TRAINING"  # what a webhook says when somebody asks for a model
DELETED = "ANNOTATIONS_DELETED"


def application(session: Session, token: str | None) -> Starlette:
    """The application that serves a session's predictions.

    token: what Label Studio must know, None where everybody on this machine may come in.
    """
    backend = Backend(session)
    routes = [
        Route("/", backend.health),
        Route("/health", backend.health),
        Route("/versions", backend.versions),
        Route("/setup", answering(backend.setup), methods=["POST"]),
        Route("/predict", answering(backend.predict), methods=["POST"]),
        Route("/webhook", answering(backend.webhook), methods=["POST"]),
    ]
    hosts = ["*"] if token is not None else [*LOOPBACK, "[::1]"]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            session.close()

    return Starlette(
        routes=routes,
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
            Middleware(Gate, token=token),
        ],
        exception_handlers={HTTPException: refused, ValueError: refused, OSError: refused},
        lifespan=lifespan,
    )


class Backend:
    """The handlers; what may compute runs on a thread of its own."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "UP", "model_class": "al_bench"})

    async def versions(self, request: Request) -> Response:
        moment = await run_in_threadpool(self.session.bench.moment)
        return JSONResponse({"versions": [version(moment)]})

    def setup(self, given: Json) -> Json:
        """The model's version, by which Label Studio knows whether its predictions are old."""
        return {"model_version": version(self.session.bench.moment())}

    def predict(self, given: Json) -> Json:
        """What the model says of tasks by now; it is fitted anew where there are new answers."""
        bench = self.session.bench
        moment = bench.moment()
        every = part("the request", given, "tasks", list)
        rows = [row_of(f"task {number}", task) for number, task in enumerate(every, start=1)]
        probs = bench.last(moment).probs
        return {"results": predictions(moment, probs, rows), "model_version": version(moment)}

    def webhook(self, given: Json) -> Json:
        """Tell the session what was annotated, or fit the model where that is asked for."""
        action = part("the event", given, "action", str)
        if action == TRAINING:
            self.session.bench.last(self.session.bench.moment())
        if "annotation" not in given or action == DELETED:
            return {"told": 0}
        found = annotated("the event", annotated_tasks(given))
        return {"told": bring(self.session, found.answers)}


def version(moment: Moment) -> str:
    """A model by what it learned from."""
    return f"{len(moment.told.answers)} answers ({moment.key[:8]})"


def row_of(place: str, task: Any) -> str:
    """The row that a task is about, by its id."""
    return str(part(place, task, "data", dict).get(ROW))


def predictions(moment: Moment, probs: Floats, rows: Sequence[str]) -> list[Json | list[Json]]:
    """A prediction for each task, none where its row is not the session's, or may be audited and
    its guess is not to be seen. probs: (n, k) of the pool."""
    settings, pool = moment.settings, moment.pool
    hidden = set(pool.reserved.tolist()) if settings.blind else set()
    found: list[Json | list[Json]] = []
    for name in rows:
        row = pool.numbers.get(name)
        if row is None or row in hidden:
            found.append([])
            continue
        guess = int(probs[row].argmax())
        said = settings.classes[guess], float(probs[row, guess])
        found.append(prediction(*said, version(moment), settings.modality))
    return found


def annotated_tasks(event: Mapping[str, Any]) -> list[Json]:
    """The tasks of an event, each with the annotations that the event is about."""
    tasks, annotations = (several(event.get(name)) for name in ("task", "annotation"))
    by_task: dict[Any, list[Any]] = {part("the event", task, "id", int): [] for task in tasks}
    for one in annotations:
        number = part("the event", one, "task", int)
        if number not in by_task:
            raise ValueError(f"the event has an annotation of task {number} without that task")
        by_task[number].append(one)
    return [task | {"annotations": by_task[task["id"]]} for task in tasks]


def several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def answering(handle: Callable[[Json], Json]) -> Callable[[Request], Any]:
    """A handler of JSON as one of requests."""

    async def handler(request: Request) -> Response:
        try:
            given = await request.json()
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, f"a request is no JSON: {error}") from error
        if not isinstance(given, dict):
            raise HTTPException(400, "a request is no object")
        return JSONResponse(await run_in_threadpool(handle, given))

    return handler


async def refused(request: Request, error: Exception) -> Response:
    """An error as a sentence."""
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    return JSONResponse({"error": f"{error}"}, 503 if isinstance(error, OSError) else 400)

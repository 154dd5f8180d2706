"""A session and a project of a Label Studio server, brought to the same state.

Through `label-studio-sdk` (the extra ``labelstudio``); the server is asked with a token that is
given each time and written nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from al_bench.progress import bar
from al_bench.session.exchange.annotations import annotated
from al_bench.session.exchange.brought import bring
from al_bench.session.exchange.tasks import (
    LOCAL_FILES,
    ROW,
    Images,
    Json,
    check_shown,
    label_config,
    tasks,
    with_classes,
)
from al_bench.session.session import Session

Client: TypeAlias = Any  # label_studio_sdk.LabelStudio, which is there only with the extra
PAGE = 500  # tasks in a request
USER = "albench"  # without a name Label Studio sends no password
EVENTS = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_CREATED")


@dataclass(frozen=True)
class Exchanged:
    """What passed between a session and a project.

    project: its number; told: answers that were new; empty: annotations without one; sent: tasks.
    """

    project: int
    told: int
    empty: int
    sent: int


def connected(url: str, token: str | None) -> Client:
    """A client of a server; RuntimeError where the SDK is not there, ValueError without a token."""
    if not token:
        raise ValueError(
            "Label Studio wants a token; set the environment variable LABEL_STUDIO_API_KEY to that "
            "of its page Account & Settings"
        )
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no address of a Label Studio server; wanted http://...")
    try:
        from label_studio_sdk import LabelStudio
    except ModuleNotFoundError as error:
        raise RuntimeError(
            "Label Studio's server is spoken to by its SDK: pip install 'al-bench[labelstudio]'"
        ) from error
    with said(url):
        return LabelStudio(base_url=url.rstrip("/"), api_key=token)


def exchange(
    session: Session, client: Client, url: str, title: str, budget: int, images: Images | None
) -> Exchanged:
    """Fetch a project's annotations, then send rows that wait for an answer and are not there yet.

    title: of the project, made where there is none; budget: how many rows are to wait, so that as
    many are chosen, after the answers are told, as are missing. Doing it again changes nothing.
    ValueError, OSError or RuntimeError, in one sentence, where one side refuses.
    """
    settings = session.settings
    check_shown(settings.modality, images)
    with said(url):
        project = project_of(client, title, label_config(settings.classes, settings.modality))
        keep_classes(client, project, settings.classes)
        there = fetched(client, project.id)
    found = annotated(f"project {title!r}", there)
    told = bring(session, found.answers)
    missing = budget - len(session.waiting())
    if missing > 0:
        session.suggest(missing)
    rows = [str(task["data"].get(ROW)) for task in there]
    new = tasks(session.waiting(), images, settings.blind, rows)
    with said(url):
        if images is not None and images.url == LOCAL_FILES and new:
            serve_images(client, project.id, session, images)
        send(client, project.id, new)
    return Exchanged(project.id, told, found.empty, len(new))


def project_of(client: Client, title: str, config: str) -> Any:
    """The project of a title, made with an interface where there is none."""
    found = [one for one in client.projects.list(title=title) if one.title == title]
    if len(found) > 1:
        numbers = ", ".join(str(one.id) for one in found)
        raise ValueError(f"{len(found)} projects are called {title!r} ({numbers}); wanted one")
    return found[0] if found else client.projects.create(title=title, label_config=config)


def keep_classes(client: Client, project: Any, classes: Sequence[str]) -> None:
    """Add the classes that a project's interface lacks; the rest of it is its owner's."""
    config = with_classes(project.label_config or "", classes)
    if config != project.label_config:
        client.projects.update(project.id, title=project.title, label_config=config)


def fetched(client: Client, project: int) -> list[Json]:
    """All tasks of a project with their annotations."""
    pages = client.tasks.list(project=project, fields="all", page_size=PAGE)
    return [task.dict() for task in pages]


def send(client: Client, project: int, new: Sequence[Json]) -> None:
    """Put tasks into a project, with a progress bar."""
    with bar("to Label Studio", len(new), what="tasks") as advance:
        for start in range(0, len(new), PAGE):
            part = new[start : start + PAGE]
            client.projects.import_tasks(project, request=part)
            advance(len(part))


def serve_images(client: Client, project: int, session: Session, images: Images) -> None:
    """Let a project's members see the folder that holds the images, of Label Studio's machine."""
    paths = [str(Path(row.path).parent) for row in session.bench.store.rows() if row.path]
    folder = os.path.commonpath(paths)
    storages = client.import_storage.local.list(project=project)
    if not any(Path(folder).is_relative_to(one.path) for one in storages if one.path):
        client.import_storage.local.create(
            project=project, path=folder, title="al_bench", use_blob_urls=True
        )


def connect_backend(
    client: Client, url: str, project: int, backend: str, token: str | None
) -> None:
    """Have a project ask a backend for predictions and tell it of annotations as they are made.

    token: the backend's, None where it has none. Doing it again changes nothing but the token.
    """
    backend = backend.rstrip("/")
    webhook = f"{backend}/webhook"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    known: dict[str, Any] = {"project": project, "url": backend}
    if token:
        known |= {"auth_method": "BASIC_AUTH", "basic_auth_user": USER, "basic_auth_pass": token}
    events: dict[str, Any] = {"url": webhook, "headers": headers, "actions": EVENTS}
    events |= {"send_payload": True, "send_for_all_actions": False}
    with said(url):
        hooks = [one for one in client.webhooks.list(project=project) if one.url == webhook]
        if not hooks:  # first, as a new backend makes one that says no token
            client.webhooks.create(project=project, **events)
        elif hooks[0].headers != headers:
            client.webhooks.update(hooks[0].id, **events)
        there = [one for one in client.ml.list(project=project) if one.url == backend]
        if not there:
            client.ml.create(title="al_bench", **known)
        elif token:
            client.ml.update(there[0].id, **known)


@contextmanager
def said(url: str) -> Iterator[None]:
    """The SDK's errors as one sentence: OSError where a server cannot be reached, RuntimeError
    where it refuses. Neither holds the token."""
    from httpx import HTTPError, InvalidURL
    from label_studio_sdk.core.api_error import ApiError

    try:
        yield
    except ApiError as error:
        raise RuntimeError(f"{url} refused ({error.status_code}): {detail(error.body)}") from error
    except (HTTPError, InvalidURL) as error:
        raise OSError(f"{url} cannot be reached: {error}") from error


def detail(body: Any) -> str:
    """What a server says is wrong, in at most some words."""
    if not isinstance(body, dict):
        page = str(body).lstrip().startswith("<")
        return "it sent a page; wanted Label Studio's address" if page else brief(body)
    fields = body.get("validation_errors") or body.get("detail", body)
    if not isinstance(fields, dict):
        return brief(fields)
    return "; ".join(f"{name}: {brief(why)}" for name, why in fields.items())


def brief(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return " ".join(text.split())[:200]

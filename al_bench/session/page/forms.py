"""What a browser sends: read strictly, refused in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from secrets import compare_digest
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from al_bench.session.page.guard import LONGEST
from al_bench.session.telling import check_annotator

LONGEST_NAME = 60
DAY = 24 * 3600.0  # seconds; whoever takes longer was not at it


async def form(request: Request, csrf: str) -> dict[str, str]:
    """The fields of a form of this page; HTTPException where it is none.

    csrf: the cookie's secret, which the form must repeat: other sites can neither read nor set it.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST:
            raise HTTPException(413, f"A form is too long; at most {LONGEST} bytes are read")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=16,
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


def number_in(fields: Mapping[str, str]) -> int:
    """The number of a suggestion; HTTPException where it is no number."""
    text = fields.get("suggestion", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise HTTPException(400, "A suggestion has a whole number; this form has none")
    return int(text)


def seconds_in(fields: Mapping[str, str]) -> float | None:
    """How long the answer took, None where the browser does not say; HTTPException otherwise."""
    text = fields.get("seconds", "")
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not isfinite(seconds) or seconds < 0:
        raise HTTPException(400, "An answer's seconds are no number from 0 on")
    return min(seconds, DAY)


def answer_in(fields: Mapping[str, str]) -> str | None:
    """The class, None for "not sure"; HTTPException unless it is one of the two."""
    if ("unsure" in fields) == ("answer" in fields):
        raise HTTPException(400, 'A form holds either a class or "not sure"; this one does not')
    return fields.get("answer")

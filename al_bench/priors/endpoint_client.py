"""Many requests to an HTTP endpoint, with retries and a maximal cost, each paid for once."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, TypeAlias
from urllib.parse import urlsplit

from al_bench.core.arrays import above, at_least, require
from al_bench.core.hashing import UNSEEN
from al_bench.core.progress import Every, line

if TYPE_CHECKING:
    import httpx2

Body: TypeAlias = Mapping[str, Any]
Read: TypeAlias = Callable[[Any], Any]
Tokens: TypeAlias = tuple[int, int]  # of requests, and of replies
PASSING = (408, 409, 425, 429, 500, 502, 503, 504, 529)  # temporary errors: worth a retry
UNFIT = (400, 413, 422)  # the text is too long, or a filter rejects it
FIRST, LONGEST = 0.5, 60.0  # seconds before a retry; no retry if the server asks for more
ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")  # without a password or key in it
PUBLIC = {"OPENAI_BASE_URL": "https://api.openai.com/v1"}  # default hosts of keys
CACHE = "AL_BENCH_CACHE"  # environment variable with the folder of cached answers


class EndpointError(OSError):
    """One sentence about an endpoint."""


class PassingError(EndpointError):
    """A temporary error: a retry may help."""


@dataclass(frozen=True)
class Limits:
    """Limits on the requests to an endpoint and their cost; they do not change its answers.

        >>> limits = Limits(price_in=0.15, price_out=0.6, max_cost=2.0)

    Parameters
    ----------
    concurrency : parallel requests
    timeout : seconds for one reply
    retries : further tries after a failure
    price_in, price_out : money per million tokens of requests and of replies
    max_cost : money that all answers of this endpoint's model may cost, or null
    """

    concurrency: int = 8
    timeout: float = 60.0
    retries: int = 5
    price_in: float = 0.0
    price_out: float = 0.0
    max_cost: float | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, concurrency=self.concurrency)
        above(self, 0, timeout=self.timeout)
        at_least(self, 0, retries=self.retries, price_in=self.price_in, price_out=self.price_out)
        if self.max_cost is not None:
            above(self, 0, max_cost=self.max_cost)
            priced = self.price_in + self.price_out > 0
            require(priced, self, "price_in and price_out with it", max_cost=self.max_cost)

    def cost(self, tokens: Sequence[float]) -> float:
        return (tokens[0] * self.price_in + tokens[1] * self.price_out) / 1e6


class Answers:
    """Cached replies, by the hash of their requests, and the tokens they cost; None where a request
    was refused. They are in a file to which one process at a time appends lines."""

    def __init__(self, path: Path) -> None:
        self.path, self.known, self.tokens, self.largest = path, dict[str, Any](), (0, 0), (0, 0)

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("a+b")
        try:  # a second process waits, then reads the answers that the first one paid for
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for a process that asks the same model ({self.path})", file=sys.stderr)
            fcntl.flock(self.file, fcntl.LOCK_EX)
        self.file.seek(0)
        for text in self.file:
            try:
                self.note(*json.loads(text))
            except (ValueError, TypeError):  # torn line of a killed process: ask again
                self.file.write(b"" if text.endswith(b"\n") else b"\n")
        return self

    def __exit__(self, *failure: object) -> None:
        self.file.close()

    def note(self, request: str | None, answer: Any, tokens: Sequence[int]) -> None:
        into, out = tokens
        self.tokens = (self.tokens[0] + into, self.tokens[1] + out)
        self.largest = (max(self.largest[0], into), max(self.largest[1], out))
        if request is not None:  # None: billed, but without a usable reply
            self.known[request] = answer

    def add(self, request: str | None, answer: Any, tokens: Sequence[int]) -> None:
        self.file.write(json.dumps([request, answer, tokens]).encode() + b"\n")
        self.file.flush()
        self.note(request, answer, tokens)


class Client:
    """Sends requests to one endpoint. place: its address; wanted: the form of replies, in words;
    read: extracts the answer from a reply, KeyError or the like if the reply has another form."""

    def __init__(
        self, place: str, model: str, variable: str, limits: Limits, wanted: str, read: Read
    ) -> None:
        self.place, self.model, self.variable, self.limits = place, model, variable, limits
        self.wanted, self.read, self.every = wanted, read, Every()
        self.failures: list[Exception] = []
        self.done, self.in_flight, self.resume, self.reached = 0, 0.0, 0.0, False

    def ask(self, bodies: Sequence[Body]) -> list[Any]:
        """The answer to each body, in order: from disk if it is cached, else by a request. None:
        the request was refused or has no answer, while others have one; it is not sent again.
        EndpointError if a request fails; the answers received so far are kept."""
        folder = Path(os.environ.get(CACHE) or "~/.cache/al_bench").expanduser() / "answers"
        name = sha256(f"{self.place}\n{self.model}".encode()).hexdigest()[:16]
        names = [sha256(json.dumps(body, sort_keys=True).encode()).hexdigest() for body in bodies]
        with Answers(folder / f"{name}.jsonl") as self.answers:
            every = dict(zip(names, bodies, strict=True))
            todo = {name: body for name, body in every.items() if name not in self.answers.known}
            self.before = len(every) - len(todo)
            self.others = any(self.answers.known.get(name) is not None for name in every)
            if todo:
                self.fill(todo)
            return [self.answers.known[name] for name in names]

    def fill(self, todo: Mapping[str, Body]) -> None:
        """Send the requests that are not cached; print the cost before and after."""
        if find_spec("httpx2") is None:
            raise RuntimeError("prior=endpoint needs httpx2: pip install 'al-bench[endpoint]'")
        from anyio.from_thread import start_blocking_portal  # a notebook has an event loop already

        self.key = key_for(self.place, self.variable)
        spent, most, sizes = self.answers.tokens, self.limits.max_cost, map(size, todo.values())
        tokens = [sum(each) for each in zip(*sizes, strict=True)]
        stop = "" if most is None else f", and it stops at {most:g}"
        self.say(f"{len(todo):,} requests to {self.place} ({self.before:,} are answered), about "
                 f"{self.money(tokens)} at most; until now {self.money(spent)}{stop}")  # fmt: skip
        self.total, self.began = self.before + len(todo), monotonic()
        try:
            with start_blocking_portal("asyncio") as portal:
                portal.call(self.work, todo)
        finally:
            now = [a - b for a, b in zip(self.answers.tokens, spent, strict=True)]
            self.say(f"{self.done:,} answers for {self.money(now)}")
        if self.failures:
            kept = f"{self.before + self.done:,} of {self.total:,} answers are there and kept"
            raise EndpointError(f"{self.failures[0]}; {kept}") from self.failures[0]

    async def work(self, todo: Mapping[str, Body]) -> None:
        """Send several requests at a time, until all are answered or one fails."""
        import anyio
        import httpx2

        headers = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        proxies = not loopback(self.place)
        requests = iter(todo.items())

        async def one_by_one() -> None:
            for request, body in requests:
                try:
                    if not self.failures:
                        await self.answer(client, request, body)
                except Exception as error:  # other tasks finish their request and start no other
                    self.failures.append(error)

        async with (
            httpx2.AsyncClient(headers=headers, timeout=None, trust_env=proxies) as client,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(min(self.limits.concurrency, len(todo))):
                tasks.start_soon(one_by_one)

    async def answer(self, client: httpx2.AsyncClient, request: str, body: Body) -> None:
        import anyio

        guess, most = size(body), self.limits.max_cost
        spent, dearest = map(self.limits.cost, (self.answers.tokens, self.answers.largest))
        cost = max(self.limits.cost(guess), dearest)
        if most is not None and spent + self.in_flight + cost > most:
            raise EndpointError(f"{self.model} has cost {spent:.4g}, and more could pass max_cost="
                                f"{most:g}; raise prior.limits.max_cost to go on")  # fmt: skip
        self.in_flight += cost
        try:
            for attempt in range(self.limits.retries + 1):
                while (left := self.resume - monotonic()) > 0:
                    await anyio.sleep(left)
                try:
                    found, tokens = await self.once(client, body, guess)
                    break
                except PassingError as error:
                    if attempt == self.limits.retries or self.failures:
                        raise EndpointError(f"{error} ({attempt + 1} tries)") from error
                    await anyio.sleep(random.uniform(0.5, 1) * min(FIRST * 2**attempt, LONGEST))
        finally:
            self.in_flight -= cost
        self.answers.add(request, found, tokens)
        self.others |= found is not None
        self.done += 1
        if self.every():
            seconds = monotonic() - self.began
            far = line(self.model, self.done, self.total, seconds, self.before, "requests")
            print(f"{far}, {self.money(self.answers.tokens)}", file=sys.stderr, flush=True)

    async def once(
        self, client: httpx2.AsyncClient, body: Body, guess: Tokens
    ) -> tuple[Any, Tokens]:
        """The answer and its tokens; None if only this text has none. PassingError: try again."""
        import anyio
        import httpx2

        try:
            with anyio.fail_after(self.limits.timeout):
                response = await client.post(self.place, json=body)
        except TimeoutError:
            self.answers.add(None, None, guess)  # it may be billed nevertheless
            raise PassingError(f"{self.place} was silent for {self.limits.timeout:g} s") from None
        except httpx2.HTTPError as error:
            why = self.clean(str(error) or type(error).__name__)
            nobody = isinstance(error, httpx2.ConnectError) and not self.reached
            kind = EndpointError if nobody else PassingError
            raise kind(f"{self.place} cannot be reached ({why})") from None
        self.reached = True
        code = response.status_code
        if code in PASSING:
            wait = asked_to_wait(response)
            self.resume = max(self.resume, monotonic() + min(wait, LONGEST))  # all requests wait
            kind = EndpointError if wait > LONGEST else PassingError
            raise kind(self.refusal(response) + (f" and asks to wait {wait:.0f} s" if wait else ""))
        if code in UNFIT and self.others:
            return None, (0, 0)
        if code != 200:
            raise EndpointError(self.refusal(response))
        try:
            reply = response.json()
        except ValueError:
            self.answers.add(None, None, guess)
            raise PassingError(f"{self.place} answered by half a JSON, or none") from None
        if said := self.said(reply):
            raise PassingError(f"{self.place} answered by an error{said}")
        tokens = used(reply, guess)
        try:
            return self.read(reply), tokens
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            if self.others:
                return None, tokens
            self.answers.add(None, None, tokens)
            raise EndpointError(
                f"{self.place} answered in another form; wanted {self.wanted}"
            ) from None

    def refusal(self, response: httpx2.Response) -> str:
        code = response.status_code
        text = f"{self.place} answered {code} {self.clean(response.reason_phrase)}".rstrip()
        if response.is_redirect:
            where = self.clean(response.headers.get("location", "nowhere"))
            return f"{text}: it redirects to {where}, which is not followed"
        if code in (401, 403):
            base = base_variable(self.variable)
            none = f"no key: {self.variable} is empty, or {base} names another host"
            return f"{text} to {f'the key in {self.variable}' if self.key else none}"
        try:
            return text + self.said(response.json())
        except ValueError:
            return text

    def said(self, reply: Any) -> str:
        """The error message in a reply, in the form that most servers use."""
        error = reply.get("error", reply.get("detail")) if isinstance(reply, Mapping) else None
        error = error.get("message") if isinstance(error, Mapping) else error
        return f" ({self.clean(error)})" if isinstance(error, str) and error else ""

    def clean(self, text: str) -> str:
        """A server's text, shortened, without the key and without control characters."""
        text = text.replace(self.key, "...") if self.key else text
        return UNSEEN.sub(" ", text)[:200].strip()

    def money(self, tokens: Sequence[int]) -> str:
        text = f"{tokens[0]:,} tokens and {tokens[1]:,} of replies"
        priced = self.limits.price_in + self.limits.price_out > 0
        return f"{text} ({self.limits.cost(tokens):.4g} of money)" if priced else text

    def say(self, text: str) -> None:
        print(f"{self.model}: {text}", file=sys.stderr, flush=True)


def size(body: Body) -> Tokens:
    """The approximate tokens of a request, at four bytes each, and the most tokens of its reply."""
    text = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return len(text) // 4, int(body.get("max_tokens") or body.get("max_completion_tokens") or 0)


def used(reply: Any, guess: Tokens) -> Tokens:
    """The billed tokens that a reply reports; if it reports none, the expected ones."""
    usage = reply.get("usage") if isinstance(reply, Mapping) else None
    usage = usage if isinstance(usage, Mapping) else {}
    into = usage.get("prompt_tokens", usage.get("input_tokens"))
    out = usage.get("completion_tokens", usage.get("output_tokens"))
    return (into if type(into) is int and into >= 0 else guess[0],
            out if type(out) is int and out >= 0 else guess[1])  # fmt: skip


def asked_to_wait(response: httpx2.Response) -> float:
    header = response.headers.get("retry-after", "")
    try:
        if header.isdecimal():
            return float(header)
        return max((parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return 0.0


def loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def base_variable(variable: str) -> str:
    return variable.removesuffix("_API_KEY") + "_BASE_URL"


def key_for(url: str, variable: str) -> str | None:
    """The key for this address, or None. Rows and keys are sent only to this machine and to the
    host that the environment names, because a config, a session or a model may come from somebody
    else. ValueError for any other host."""
    base = base_variable(variable)
    named = os.environ.get(base) or PUBLIC.get(base, "")
    belongs = bool(named) and origin(url) == origin(named)
    if not loopback(url):
        if not belongs:
            host = "://".join(urlsplit(url)[:2])
            raise ValueError(f"rows go to {host} only where the environment says so: export {base}="
                             f"{host}")  # fmt: skip
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
            raise ValueError(f"HF_HUB_OFFLINE is set, so nothing is sent to {url}")
    key = (os.environ.get(variable) or "").strip() if belongs else ""
    if not key:
        return None
    if not (key.isascii() and key.isprintable()):
        raise ValueError(f"{variable} holds characters that no key has")
    return key

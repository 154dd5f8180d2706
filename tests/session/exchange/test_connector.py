"""What is said of a server that refuses; the server itself is in test_labelstudio_server."""

from typing import Any

import pytest

from al_bench.session.exchange.connector import connected, detail


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"detail": "Invalid token.", "status_code": 401}, "Invalid token."),
        ({"detail": "Validation error", "validation_errors": {"title": ["Too", "short."]}},
         "title: Too short."),
        ({"detail": "Validation error", "validation_errors": {"url": "is none", "x": ["y"]}},
         "url: is none; x: y"),
        ({"detail": "Validation error", "validation_errors": ["Task 1\n is wrong."]},
         "Task 1 is wrong."),
        ({"error": "x"}, "error: x"),
        ("<!doctype html> <html>", "it sent a page; wanted Label Studio's address"),
        ("Bad\nGateway", "Bad Gateway"),
        ("x" * 1000, "x" * 200),
    ],
)  # fmt: skip
def test_what_a_server_says_is_one_line(body: Any, sentence: str) -> None:
    assert detail(body) == sentence


@pytest.mark.parametrize(
    ("url", "token", "sentence"),
    [
        ("http://127.0.0.1:8080", None, "set the environment variable LABEL_STUDIO_API_KEY"),
        ("http://127.0.0.1:8080", "", "set the environment variable LABEL_STUDIO_API_KEY"),
        ("127.0.0.1:8080", "x", "is no address of a Label Studio server"),
    ],
)
def test_a_server_wants_an_address_and_a_token(url: str, token: str | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        connected(url, token)

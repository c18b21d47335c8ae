"""A server whose clients are slow, go away, or send what no browser sends."""

from __future__ import annotations

import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import programs

pytestmark = [
    pytest.mark.limit(120),
    pytest.mark.may_leave("process", reason="the server has workers"),
]

HEAD = "Host: localhost\r\nOrigin: http://localhost\r\n"


@contextmanager
def connected(url: str, text: str | bytes) -> Iterator[socket.socket]:
    """Send a server the beginning of a request."""
    host, _, port = url.removeprefix("http://").partition(":")

    with socket.create_connection((host, int(port)), 20) as client:
        client.sendall(text.encode() if isinstance(text, str) else text)
        yield client


def read_until(client: socket.socket, wanted: bytes) -> bytes:
    """Read until something has come, or the connection has ended."""
    data = b""

    while wanted not in data and (part := client.recv(1 << 16)):
        data += part

    return data


def follow(url: str, *places: str) -> None:
    """Follow streams, and go away."""
    for place in places:
        with connected(url, f"GET /a/b/{place} HTTP/1.1\r\n{HEAD}\r\n") as client:
            assert b"text/event-stream" in read_until(client, b"retry: ")


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def test_what_has_no_body_gets_none_from_middleware(tmp_path: Path) -> None:
    """The app of the tests compresses all: h11 refuses what is sent after a 304."""
    with programs.server("tests.support.web_app:app", folder=tmp_path) as server:
        head = f"{HEAD}Accept-Encoding: gzip\r\nConnection: close\r\n"

        def asked(line: str, more: str = "") -> bytes:
            with connected(
                server.url, f"{line} HTTP/1.1\r\n{head}{more}\r\n"
            ) as client:
                return read_until(client, b"no end")

        first = asked("GET /a/b/api/scenarios")
        tag = re.search(rb'etag: ("\w+")', first)
        assert tag is not None
        seen = f"If-None-Match: {tag[1].decode()}\r\n"
        assert b" 304 " in asked("GET /a/b/api/scenarios", seen)
        assert b" 200 " in asked("OPTIONS /a/b/runs")

    assert "Traceback" not in server.told, server.told


def test_who_goes_away_or_sends_nonsense_leaves_nothing(tmp_path: Path) -> None:
    with programs.server("tests.support.web_app:app", folder=tmp_path) as server:
        url = server.url
        found = re.search('href="([^"]*SUBMISSION[^"?]*)"', get(f"{url}/a/b/runs"))
        assert found is not None
        run = found[1].rpartition("/")[2]
        streams = ("runs/live", "api/events", f"runs/{run}/live")
        follow(url, *streams)  # who listens first has something loaded that stays
        before = int(get(f"{url}/tasks"))
        follow(url, *streams * 10)

        form = f"POST /a/b/scenarios/create HTTP/1.1\r\n{HEAD}Content-Length: "

        with connected(url, f"{form}100\r\n\r\nconfig=calc"):
            pass  # only a part of it comes

        with connected(url, f"{form}9999999999\r\n\r\n" + "x" * (1 << 20)) as client:
            client.sendall(b"xx")
            assert b"413 " in read_until(client, b"\r\n")

        with connected(url, f"{form}5\r\n\r\n".encode() + b"\xff\xfe=\x00&") as client:
            assert b"400 " in read_until(client, b"\r\n")

        nonsense = (
            b"Last-Event-ID: \xff\xb2-9\r\nIf-None-Match: \xff,,W/*\r\n"
            b"Cookie: =;;\xff\r\nAuthorization: \xff\r\nAccept: \xff"
        )
        head = f"GET /a/b/runs/{run}/live HTTP/1.1\r\n{HEAD}".encode() + nonsense

        with connected(url, head + b"\r\n\r\n") as client:
            assert b"event: ended" in read_until(client, b"event: ended")

        until = time.monotonic() + 20

        while int(get(f"{url}/tasks")) > before:
            assert time.monotonic() < until, "somebody is still waited for"

    assert "Traceback" not in server.told, server.told
    assert "ERROR" not in server.told, server.told

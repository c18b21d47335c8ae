"""A browser, and a server that it looks at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.support import programs

expect.set_options(timeout=20_000)  # the machine may have much else to do
BROWSER = shutil.which("chromium")
_OFFLINE = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)

IN_A_BROWSER = [
    pytest.mark.skipif(
        BROWSER is None and not os.environ.get("CI"),
        reason="there is no chromium: `apt-get install chromium`",
    )
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=[*_OFFLINE])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server that has pages at ``a/b``, and at ``hidden/a/b``."""
    folder = tmp_path_factory.mktemp("web")

    with programs.server("tests.support.web_app:app", folder=folder) as server:
        yield server.url

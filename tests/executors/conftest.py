"""What tests of executors share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from asyncflow.executors.process.pool import Pool


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    opened = await Pool.open()
    yield opened
    await opened.close()

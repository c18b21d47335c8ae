"""What workers import of the tests loads no pytest, unless something of it is called."""

from __future__ import annotations

import pytest

from tests.support.programs import ROOT, run

PROGRAM = """
import sys

import tests.support.postgres
from tests.executors import test_strays

print("_pytest" in sys.modules, test_strays.many.__name__)

import pytest

with pytest.raises(ValueError, match="it"):
    raise ValueError("it")

import pytest as again

print("_pytest" in sys.modules, again.raises is pytest.raises)
"""


def test_a_worker_imports_no_pytest() -> None:
    assert run("-c", PROGRAM, folder=ROOT).split() == ["False", "many", "True", "True"]


def test_here_it_is_the_real_one() -> None:
    assert pytest.__file__

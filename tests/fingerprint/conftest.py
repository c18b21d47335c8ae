"""What tests of fingerprints share."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

import pytest

from tests.support.own_code import Load


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Write modules to a folder of the user's, and import one of them anew."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(main: str, **texts: str) -> types.ModuleType:
        for name in [name for name in sys.modules if name.startswith("own_")]:
            monkeypatch.delitem(sys.modules, name)

        for name, text in texts.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path = path.with_name("__init__.py") if path.stem == "init" else path
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.with_suffix(".pyc").unlink(missing_ok=True)

        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        importlib.invalidate_caches()
        module = importlib.import_module(main)

        for name in [name for name in sys.modules if name.startswith("own_")]:
            monkeypatch.setitem(sys.modules, name, sys.modules.pop(name))

        return module

    return make

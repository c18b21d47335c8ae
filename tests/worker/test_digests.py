"""Digests of values, and the files that are named after them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

from asyncflow.worker.digests import compared, digest, digest_in, remove_named
from asyncflow.worker.values import fetch, keep


def test_the_file_of_a_killed_job_is_found_by_its_first_name(tmp_path: Path) -> None:
    path = str(tmp_path / "1.value")
    kept = keep(bytes(100_000), compared(path), "value", sync=False)
    assert isinstance(kept, str)
    assert kept.startswith(str(tmp_path / "1-"))
    assert digest_in(kept) == digest(pickle.dumps(bytes(100_000), 5)) != ""
    assert fetch(kept) == bytes(100_000)
    remove_named(compared(path))
    assert os.listdir(tmp_path) == []

"""Run by ``multiprocessing`` as the main module of what a job starts.

It has the names that ``__main__`` has in the worker; the main script is not run.
"""

from __future__ import annotations

import os
import pickle

from asyncflow.worker.main import COPY

with open(os.environ[COPY], "rb") as _file:
    _names = pickle.load(_file)

globals().update(_names.pop(""))

if _names:
    from asyncflow.worker import stand_in

    stand_in.install(_names)

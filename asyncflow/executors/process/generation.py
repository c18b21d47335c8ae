"""The user's modules as they were at one moment: what the runs have that began then."""

from __future__ import annotations

import os
import pickle
import shutil
import weakref
from collections.abc import Collection, Mapping
from contextlib import suppress

from anyio import Lock, to_thread

from asyncflow.worker.loaded import Sign
from asyncflow.worker.pinned import RECENT, TEXTS, Known


class Generation:
    """What workers load for the runs of a moment, whatever is edited later.

    :param number: tells it from others of its pool
    :param at: when it was, in nanoseconds since the epoch
    :param names: of the modules, with their files
    :param signs: for each file, what tells that it is still the same
    :param texts: for each file, its text, as far as that is kept
    :param copies: the files whose texts were changed, and not their dates and sizes: so
        byte code that is kept beside them may be of another text
    :param older: the modules that this process may have loaded in an older form
    :param gone: takes the folders of those that no run has any more, until they are removed
    """

    def __init__(
        self,
        number: int,
        at: int,
        names: Mapping[str, str],
        signs: dict[str, Sign],
        texts: Mapping[str, bytes],
        copies: Collection[str],
        older: Collection[str],
        gone: list[str],
    ) -> None:
        self.number = number
        self.at = at
        self.names = names
        self.signs = signs
        self.texts = texts
        self.copies = copies
        self.older = older
        self.gone = gone
        self._told: dict[str, bytes] = {}
        """What workers are told, by the folder in which they have their files."""
        self._writing = Lock()
        """Held while the texts are written."""

    def has(self, path: str, sign: Sign) -> bool:
        """Tell whether a worker that has loaded a file has what it was then."""
        return self.signs.get(path) == sign

    def learn(self, path: str, sign: Sign) -> None:
        """Take note of what the first worker has loaded that nobody had before."""
        self.signs.setdefault(path, sign)

    def is_in(self, place: str) -> bool:
        """Tell whether workers that have their files in a folder can be told."""
        return place in self._told

    async def put(self, place: str) -> None:
        """Write the texts into a folder of workers; remove those that nobody needs.

        Whoever else asks for it meanwhile waits: workers read what is whole.
        """
        if place not in self._told:
            async with self._writing:
                if place not in self._told:
                    self._told[place] = await to_thread.run_sync(self._put, place)

    def told(self, place: str) -> bytes:
        """Return what workers are told; see `worker.pinned.Finder.apply`."""
        return self._told[place]

    def _put(self, place: str) -> bytes:
        while self.gone:
            shutil.rmtree(self.gone.pop(), ignore_errors=True)

        folder = os.path.join(place, f"{self.number}.modules")
        index: dict[str, Known] = {}

        for name, path in self.names.items():
            _, facts = self.signs[path]
            is_recent = facts[0] > self.at - RECENT or path in self.copies
            index[name] = path, facts, is_recent

        kept = os.path.join(folder, TEXTS)

        try:
            os.mkdir(folder)

            with open(kept, "wb") as file:
                pickle.dump(self.texts, file, 5)
        except OSError:  # who needs a text says that it is not kept
            with suppress(OSError):
                os.unlink(kept)  # what jobs print has that room

        going = weakref.finalize(self, self.gone.append, folder)
        going.atexit = False  # the folder around it goes then
        return pickle.dumps((folder, index), 5)

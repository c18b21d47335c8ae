"""What a data node of the ``csv`` storage type takes."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from asyncflow.drivers import _options


@attrs.frozen(kw_only=True)
class CSVOptions(_options.TableOptions):
    """What a data node of this storage type takes."""

    encoding: str = _options.encoding()
    has_header: bool = _options.flag(True)

    def unused(self) -> Iterator[str]:
        """Say which options have no effect; see `docs/write-a-driver.md`."""
        if self.exposed_type in ("bytes", "str"):
            for name in ("read_options", "write_options"):
                if getattr(self, name):
                    yield f"{name} are for tables, and exposed_type is the text itself"

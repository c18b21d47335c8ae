"""The packages that reach an address."""

from __future__ import annotations

from asyncflow.worker.replacing import place_of

PACKAGES = {
    "fsspec": "remote",
    "s3fs": "s3",
}
"""The extras of asyncflow that install what reaches an address, as far as it has some."""

OF_PROTOCOLS = {
    "abfs": "adlfs",
    "az": "adlfs",
    "gcs": "gcsfs",
    "github": "requests",
    "gs": "gcsfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "s3": "s3fs",
    "s3a": "s3fs",
    "sftp": "paramiko",
    "smb": "smbprotocol",
    "ssh": "paramiko",
    "webhdfs": "requests",
}
"""What else they need, as far as that is known also where fsspec is not there, or it does
not say so itself."""

SAME = {"az": "abfs", "gcs": "gs", "s3a": "s3"}
"""What else a protocol is called: one file has one name for those who wait for it."""


def needs(path: str) -> dict[str, str | None]:
    """Return the packages that reach an address, and the extra that installs each.

    :raises ValueError: where none does
    """
    found: dict[str, str | None] = {"fsspec": PACKAGES["fsspec"]}
    protocols = path.partition("://")[0].split("::")

    for protocol in protocols:
        if (package := OF_PROTOCOLS.get(protocol)) is not None:
            found[package] = PACKAGES.get(package)

    try:
        from fsspec.registry import available_protocols, known_implementations
    except ImportError:
        return found

    for protocol in protocols:
        if (known := known_implementations.get(protocol)) is not None:
            package = known["class"].partition(".")[0]
            found[package] = PACKAGES.get(package)
        elif protocol not in available_protocols():
            raise ValueError(f"fsspec has no file system for {protocol!r}")

    return found


def same_address(path: str) -> str:
    """Return what all addresses have in common that are spelled otherwise."""
    protocol, mark, rest = path.partition("://")

    if protocol == "file":  # others may name it by its path
        return place_of(rest)

    if (name := SAME.get(protocol)) is None:
        return path

    return type(path)(f"{name}{mark}{rest}")  # which may be a `Secret`

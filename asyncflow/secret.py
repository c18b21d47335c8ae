"""Secrets: texts that are used, and never shown.

Workers import this with a driver: it needs the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

HIDDEN = "***"
"""What is shown in the place of a secret."""

_NAMES = re.compile(
    r"(?i)password|(^|_)(passwd|passphrase|pwd|secrets?|credentials?)($|_)"
    r"|(token|secret)$|(access|account|api|private)_?key(_?id)?($|_)|^key$"
    r"|(^|_)(auth|cookies?|signature)$|authorization$"
)
_ADDRESS = re.compile(r"(?P<begin>\w://[^/?#\s:@]*):(?P<word>[^/\s]*)@")
_PARAMETER = re.compile(
    r"(?i)(?P<begin>(?:(?:^|[?&;,\s\"']|%3B|%26)(?:sig|[\w-]*(?:password|passwd|pwd|token"
    r"|secret|signature|(?:account|access|api|private)_?key(?:_?id)?))|[?&]key)"
    r"(?:=|%3D))(?:(?!%3B|%26)[^&;,\s\"'])+"
)
_PAIRS = re.compile(
    r"\s*\w[\w ]*=[^;]*(?:;\s*\w[\w ]*=[^;]*)*;?\s*|\s*\w+=\S+(?:\s+\w+=\S+)*\s*"
)
"""What tells how to connect, as ``key=value`` pairs do, and is no query."""

_IN_ENVIRONMENT = re.compile(r"(?s)ENV\[\w*(?::(?P<default>.*)\])?")
"""A text that is found in the environment: see `asyncflow.config.lookup`."""

SHORT = 4
"""Below how many letters a secret is looked for as a whole word: it is part of many."""


class Secret(str):
    """A text like any other for who uses it; its repr shows what stands for it.

    :param text: the text
    :param shown: what stands for it: ``ENV[NAME]``, an address without its password
    """

    __slots__ = ("shown",)

    shown: str

    def __new__(cls, text: str, shown: str = HIDDEN) -> Secret:
        made = super().__new__(cls, text)
        made.shown = shown
        return made

    def __repr__(self) -> str:
        return repr(self.shown)

    def __reduce__(self) -> tuple[type[Secret], tuple[str, str]]:
        return Secret, (str(self), self.shown)


def names_secret(name: object) -> bool:
    """Tell whether what has this name is a secret: a password, a key."""
    return isinstance(name, str) and _NAMES.search(name) is not None


def concealed(name: object, value: Any) -> Any:
    """Return a value in which every secret is a `Secret`.

    That is what has the name of one, and an address with a password. What says that it
    is found in the environment is none, but for the default that it may give.

    :param name: of what it is the value
    """
    if isinstance(value, Secret):
        return value

    if isinstance(value, str):
        return _concealed_text(name, value)

    if type(value) is dict:
        new = {key: concealed(key, part) for key, part in value.items()}
        return new if any(new[key] is not value[key] for key in new) else value

    if type(value) in (list, tuple):
        parts = [concealed(name, part) for part in value]
        same = all(new is old for new, old in zip(parts, value, strict=True))
        return value if same else type(value)(parts)

    return value


def revealed(value: Any) -> Any:
    """Return a value in which every `Secret` is a text that shows itself."""
    if isinstance(value, str):
        return str(value)

    if type(value) is dict:
        return {key: revealed(part) for key, part in value.items()}

    if type(value) in (list, tuple):
        return type(value)(map(revealed, value))

    return value


def _concealed_text(name: object, text: str) -> str:
    if not text:
        return text

    if found := _IN_ENVIRONMENT.match(text):
        default = concealed(name, found["default"] or "")
        begin, end = text[: found.start("default")], text[found.end("default") :]
        is_plain = not isinstance(default, Secret)
        return text if is_plain else Secret(text, f"{begin}{default.shown}{end}")

    if names_secret(name):
        return Secret(text)

    if "@" in text and str(name).endswith("host"):  # the rest of an address
        shown = without_password(f"a://{text}").removeprefix("a://")
    else:
        shown = without_password(text)

    return text if shown == text else Secret(text, shown)


def without_password(text: str) -> str:
    """Return a text in which no address has a password, and no pairs of parameters."""
    if "://" in text:
        text = _ADDRESS.sub(rf"\g<begin>:{HIDDEN}@", text)
    elif "=" not in text or _PAIRS.fullmatch(text) is None:
        return text

    return _PARAMETER.sub(rf"\g<begin>{HIDDEN}", text)


def secrets_in(value: object) -> Iterator[Secret]:
    """Yield the secrets in a value: in options, in what they hold."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from secrets_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from secrets_in(part)
    else:
        for field in getattr(type(value), "__attrs_attrs__", ()):
            yield from secrets_in(getattr(value, field.name))


def masked(text: str, secrets: Iterable[Secret]) -> str:
    """Return a text that shows none of these secrets, and no address with a password."""
    for secret in sorted(secrets, key=len, reverse=True):
        for form in _forms(secret):
            text = _without(text, form, secret.shown)

    return without_password(text)


def _forms(secret: Secret) -> Iterator[str]:
    """Yield how a secret may be written: as it is, and as in an address."""
    from urllib.parse import quote, quote_plus, unquote

    plain = str(secret)
    passwords = [match["word"] for match in _ADDRESS.finditer(plain)]

    for word in (plain, *passwords, *map(unquote, passwords)):
        yield from dict.fromkeys(
            (word, quote(word, safe=""), quote_plus(word), repr(word)[1:-1])
        )


def _without(text: str, secret: str, shown: str) -> str:
    if not secret or secret not in text:
        return text

    if len(secret) >= SHORT:
        return text.replace(secret, shown)

    return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", lambda _: shown, text)

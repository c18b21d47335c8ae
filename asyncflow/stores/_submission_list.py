"""A list of submissions: what the query is given besides what is asked of each of them."""

from __future__ import annotations

import re

from asyncflow.ids import of_submission
from asyncflow.options import Page, SubmissionFilter
from asyncflow.stores._command import keys
from asyncflow.stores._rows import Cell
from asyncflow.stores._scenario_list import FEW

_OF_IDS = {*of_submission("0123456789abcdef").lower()}
"""The characters of ids of submissions."""


def asked(where: SubmissionFilter, page: Page | None) -> dict[str, Cell]:
    """Return the parameters of the query for a filter."""
    newest_first = page is not None and page.newest_first
    is_after, by_duration = where.after_id is not None, where.by_duration
    scenario = (where.labels, where.config_id, where.cycle_id, where.tag)
    return {
        "labels": None if where.labels is None else keys(where.labels),
        "config_id": where.config_id,
        "cycle_id": where.cycle_id,
        "tag": where.tag,
        "of_scenario": any(part is not None for part in scenario),
        "few": FEW,
        "text": None if where.text is None else pattern(where.text),
        "of_id": where.text is not None and may_be_of_id(where.text),
        "submitted_from": where.submitted_from,
        "submitted_to": where.submitted_to,
        "by_duration": by_duration,
        "by_duration_down": by_duration and newest_first,
        "after_id": where.after_id,
        "after_seq": is_after and not by_duration,
        "below": is_after and not by_duration and newest_first,
        "above": is_after and not by_duration and not newest_first,
        "after_took": is_after and by_duration,
        "shorter": is_after and by_duration and newest_first,
        "longer": is_after and by_duration and not newest_first,
    }


def pattern(text: str) -> str:
    """Return the pattern of what has a text in it, in small letters."""
    return "%" + re.sub("[!%_]", r"!\g<0>", small(text)) + "%"


def may_be_of_id(text: str) -> bool:
    """Tell whether the id of a submission can have a text in it."""
    return {*small(text)} <= _OF_IDS


def small(text: str) -> str:
    """Return a text with the letters of ASCII small, as SQLite does it."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)

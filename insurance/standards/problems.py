"""One thing that is wrong with a claim or its file, said so that a person can find and mend it."""

from __future__ import annotations

from dataclasses import dataclass


class ParseError(ValueError):
    """The file cannot be read as a claim file; the message is in Vietnamese, for the person who chose it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`table` such as XML2 (or the envelope's root), `row` from 1 (None for the table as a whole), `tag` the
    field (empty when none), `code` stable and machine readable, `message_vi` for people, `value` as found."""

    table: str
    row: int | None
    tag: str
    code: str
    message_vi: str
    value: str = ""

"""Words that several reports and registers use for the same thing. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

SEXES = {"1": "Nam", "2": "Nữ", "3": "Khác"}
"""By code (GIOI_TINH)."""


class Diagnosed(Protocol):
    """A disease that was found: its name and its ICD-10 code."""

    name: str
    code: str


def diagnosis_text(rows: Iterable[Diagnosed]) -> str:
    """What was diagnosed, each once, in the given order: name (code); name (code)."""
    return "; ".join(dict.fromkeys(f"{row.name} ({row.code})" for row in rows))

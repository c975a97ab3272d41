"""Lists of ICD-10 codes as rules write them: `A00`, `A01.0-A01.4`, `I10-I15 E11`. Pure.

A range compares as many characters as its ends have: I10-I15 holds I15.9, A01.0-A01.4 holds A01.1 and not A01.9. A
single code holds its subdivisions too: A00 holds A00.1. Dagger and asterisk of a code are not looked at.
"""

import re

_CODE = re.compile(r"^[A-Z]\d\d(\.\d{1,2})?$", re.ASCII)

Limits = tuple[tuple[str, str], ...]


def read_list(text: str) -> Limits:
    """The list as (first, last) pairs. Raises ValueError for what is no list of codes."""
    found = []
    for part in text.split():
        low, _, high = part.partition("-")
        high = high or low
        if not _CODE.match(low) or not _CODE.match(high) or len(low) != len(high) or low > high:
            raise ValueError(f"not a list of ICD-10 codes: {text!r}")
        found.append((low, high))
    return tuple(found)


def holds(limits: Limits, code: str) -> bool:
    """Whether a code lies in a list."""
    code = code.rstrip("*+†")
    return any(low <= code[: len(low)] and code[: len(high)] <= high for low, high in limits)

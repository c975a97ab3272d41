"""The stored search key of a catalogue row: its folded name, and the words by which people at the desk call it.

Official names are often not what a doctor types ("Viêm họng có phỏng nước..." is the hand, foot and mouth disease).
The words are data (`data/search_words.csv`): a pattern of the code, a pattern of the folded name, the words.
"""

import csv
import re
from functools import cache
from pathlib import Path

from his.core.text import fold

WORDS = Path(__file__).parent / "data" / "search_words.csv"


def search_key(kind: str, code: str, name: str) -> str:
    """The folded name, followed by the folded other words for it. `kind` is `diagnosis` or `service`."""
    folded = fold(name)
    more = [
        words for code_like, name_like, words in _words(kind) if code_like.search(code) and name_like.search(folded)
    ]
    return " | ".join([folded, *more])


@cache
def _words(kind: str) -> tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...]:
    with WORDS.open(encoding="utf-8", newline="") as handle:
        return tuple(
            (re.compile(row["code"]), re.compile(row["name"]), fold(row["words"]))
            for row in csv.DictReader(handle)
            if row["kind"] == kind
        )

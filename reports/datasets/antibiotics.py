"""Which drugs are antibacterials for systemic use (ATC J01), by the name of an ingredient. Pure."""

import csv
import re
from functools import lru_cache
from pathlib import Path

from his.core.text import fold

_LIST = Path(__file__).with_name("antibiotics.csv")


@lru_cache(maxsize=1)
def _stems() -> tuple[str, ...]:
    with _LIST.open(encoding="utf-8", newline="") as file:
        return tuple(row["stem"] for row in csv.DictReader(file))


def is_antibiotic(ingredient: str) -> bool:
    """Whether one of the ingredients (`amoxicilin + acid clavulanic`) begins with a stem of the list."""
    parts = re.split(r"[+;,(]", fold(ingredient))
    return any(part.strip().startswith(stem) for part in parts for stem in _stems())

"""What allergies are recorded against: ingredients and groups by code, found by the beginnings of words."""

from collections.abc import Sequence
from dataclasses import dataclass

NONE_KNOWN = "none"
"""The code of "no known allergy": asked, and there is none. Nothing recorded is unknown."""


@dataclass(frozen=True, slots=True)
class Allergen:
    """An ingredient, or a group (its code begins with @). `words` are its names without marks."""

    code: str
    name: str
    words: str

    @property
    def is_group(self) -> bool:
        return self.code.startswith("@")


def search(allergens: Sequence[Allergen], folded: str, limit: int = 10) -> list[Allergen]:
    """Those of which each word of the query begins a word, groups and short names first."""
    wanted = folded.split()
    fits = [
        one for one in allergens if all(any(word.startswith(part) for word in one.words.split()) for part in wanted)
    ]
    return sorted(fits, key=lambda one: (not one.is_group, len(one.name), one.name))[:limit]

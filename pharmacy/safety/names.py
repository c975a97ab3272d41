"""Which ingredients a drug has: names as lists write them, brought to one key by data (marks, salts, spellings)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from his.core.text import fold

_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_SPLIT = re.compile(r"\s*[+;,/&]\s*|\s+(?:va|and)\s+")
_AMOUNT = re.compile(r"\b\d+(?:[.,]\d+)*\s*(?:mcg|mg|g|ml|iu|ui|%)\b|\b\d+(?:[.,]\d+)*\s*%")
_OTHER = re.compile(r"[^a-z0-9 -]+")
_DOUBLE = re.compile(r"([a-z])\1")
_FINAL_E = re.compile(r"(?<=[a-z]{3})e\b")


@lru_cache(maxsize=8192)
def spelled(name: str) -> str:
    """One spelling for Vietnamese and English names: no marks, no doubled letters, no final e, `chl` as `cl`."""
    text = _OTHER.sub(" ", _AMOUNT.sub(" ", fold(name)))
    text = _FINAL_E.sub("", _DOUBLE.sub(r"\1", text)).replace("chl", "cl")
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Names:
    """Spelled names with their keys, and the words of salts that are no part of an ingredient's name."""

    keys: Mapping[str, str]
    salts: frozenset[str]

    @classmethod
    def of(cls, known: Iterable[tuple[str, Iterable[str]]], salts: Iterable[str]) -> Names:
        """From keys with all their names, and the salts as they are written."""
        words = frozenset(spelled(salt) for salt in salts)
        keys = {spelled(name): key for key, names in known for name in names}
        return cls(keys, words)

    def split(self, ingredient: str) -> tuple[str, ...]:
        """The key of each ingredient in the order written: "Amoxicillin + acid clavulanic" has two.

        A name that no list knows is its own key, so that the same unknown name twice is still the same ingredient.
        """
        plain = _BRACKETS.sub(" ", fold(ingredient))
        return tuple(key for part in _SPLIT.split(plain) if (key := self.key(part)))

    def key(self, name: str) -> str:
        """The key of one ingredient; empty for no name, as "-" is none. What is known with its salt is known so before
        without it."""
        text = spelled(name)
        if not any(letter.isalnum() for letter in text):
            return ""
        if text in self.keys:
            return self.keys[text]
        bare = " ".join(word for word in text.split() if word not in self.salts)
        return self.keys.get(bare, bare) if bare else text

    def within(self, text: str) -> frozenset[str]:
        """The keys whose names stand as whole words in a free text."""
        if not text:
            return frozenset()
        plain = f" {spelled(text)} "
        return frozenset(key for name, key in self.keys.items() if len(name) > 3 and f" {name} " in plain)

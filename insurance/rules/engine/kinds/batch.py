"""Kinds that look across claims: the same thing twice, intervals that overlap, too many of a kind, who is who.

They keep numbers and short marks of each claim, never its tables. `key` names references (`XML1.MA_CSKCB`,
`NGAY_YL:8` for the first 8 characters); `each` a list field of which every part is a key of its own; `differs`
references that must all differ between two claims, so that one patient's own lines are not held against each other.
The rule's `when` chooses rows. Messages may say `{other}`, the claim code of the other claim.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from insurance.rules.engine.base import BatchCheck, Env, Hit, batch_kind, param, tags, whole
from insurance.rules.engine.facts import Row, VisitFacts
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope, Text, condition, reference

Found = tuple[object, Hit]


class Seen(NamedTuple):
    """A row that was fed: which claim (its number in the set, its place, its claim code), and what tells it apart."""

    claim: int
    place: object
    code: str
    row: int
    apart: tuple[str, ...]


class Rows:
    """The rows of fed claims that a rule speaks of, each with its key and the text that a finding shows."""

    def __init__(self, rule: Rule, scope: Scope) -> None:
        self.table, self.tags = rule.table, tags(rule, scope)
        self._when = condition(scope, rule.when)
        self._key = [_cut(scope, term) for term in param(rule, "key", "").split(",") if term]
        self._each = scope.tag(rule.table, rule.params["each"]) if "each" in rule.params else ""
        self._apart = [reference(scope, term) for term in param(rule, "differs", "").split(",") if term]
        self._fed = 0

    def of(self, place: object, facts: VisitFacts) -> Iterator[tuple[int, Seen, Row, str]]:
        """(key, what was seen, row, shown text); a row with an empty part of the key says nothing."""
        self._fed += 1
        code = facts.text("XML1", "MA_LK")
        for row in facts.rows(self.table):
            if not self._when(row, facts):
                continue
            shared = [text(row, facts) for text in self._key]
            apart = tuple(text(row, facts) for text in self._apart)
            parts = row.items(self._each) if self._each else [""]
            if all(shared):
                seen = Seen(self._fed, place, code, row.number, apart)
                for part in parts:
                    yield _digest([*shared, part]), seen, row, part or row.text(self.tags[0])


@batch_kind("batch_unique")
def batch_unique(rule: Rule, scope: Scope, env: Env) -> BatchCheck:
    """No two claims have rows with the same key."""
    return _Unique(rule, scope)


class _Unique:
    def __init__(self, rule: Rule, scope: Scope) -> None:
        self._rows = Rows(rule, scope)
        self._first: dict[int, Seen] = {}
        self._found: list[Found] = []

    def feed(self, place: object, facts: VisitFacts) -> None:
        for key, seen, row, shown in self._rows.of(place, facts):
            first = self._first.setdefault(key, seen)
            if _apart(first, seen):
                self._found.append((place, Hit(row.number, self._rows.tags[0], shown, {"other": first.code})))

    def finish(self) -> Iterable[Found]:
        return self._found


@batch_kind("batch_agree")
def batch_agree(rule: Rule, scope: Scope, env: Env) -> BatchCheck:
    """Claims with the same key say the same in the fields `same`: names without regard to case and spaces, days of
    birth as far as both are known. `{differs}` names the field that does not agree."""
    return _Agree(rule, scope)


class _Agree:
    def __init__(self, rule: Rule, scope: Scope) -> None:
        self._rows = Rows(rule, scope)
        self._same = [scope.tag(rule.table, tag) for tag in param(rule, "same").split(",")]
        self._first: dict[int, tuple[Seen, tuple[str, ...]]] = {}
        self._found: list[Found] = []

    def feed(self, place: object, facts: VisitFacts) -> None:
        for key, seen, row, shown in self._rows.of(place, facts):
            said = tuple(_plain(row.text(tag)) for tag in self._same)
            first, before = self._first.setdefault(key, (seen, said))
            differing = [tag for tag, a, b in zip(self._same, before, said, strict=True) if a and b and a != b]
            differing = [tag for tag in differing if not _same_birth(before, said, self._same.index(tag))]
            if differing and _apart(first, seen):
                words = {"other": first.code, "differs": ", ".join(differing)}
                self._found.append((place, Hit(row.number, self._rows.tags[0], shown, words)))

    def finish(self) -> Iterable[Found]:
        return self._found


@batch_kind("batch_overlap")
def batch_overlap(rule: Rule, scope: Scope, env: Env) -> BatchCheck:
    """Intervals (the rule's two fields) with the same key do not overlap between claims; touching ends are allowed."""
    return _Overlap(rule, scope)


class _Overlap:
    def __init__(self, rule: Rule, scope: Scope) -> None:
        self._rows = Rows(rule, scope)
        self._spans: dict[int, list[tuple[int, int, Seen, str]]] = defaultdict(list)

    def feed(self, place: object, facts: VisitFacts) -> None:
        start, end = self._rows.tags
        for key, seen, row, shown in self._rows.of(place, facts):
            a, b = row.text(start), row.text(end)
            if len(a) == len(b) == 12 and a.isdecimal() and b.isdecimal() and a < b:
                self._spans[key].append((int(a), int(b), seen, shown))

    def finish(self) -> Iterator[Found]:
        for spans in self._spans.values():
            spans.sort(key=lambda span: (span[0], span[2].claim, span[2].row))
            running: list[tuple[int, Seen]] = []
            for start, end, seen, shown in spans:
                running = [(until, other) for until, other in running if until > start]
                other = next((other for _, other in running if _apart(other, seen)), None)
                if other is not None:
                    yield seen.place, Hit(seen.row, self._rows.tags[0], shown, {"other": other.code})
                running.append((end, seen))


@batch_kind("batch_limit")
def batch_limit(rule: Rule, scope: Scope, env: Env) -> BatchCheck:
    """At most `max` rows with the same key over all claims; one finding for a key, at the first row beyond it."""
    return _Limit(rule, scope)


class _Limit:
    def __init__(self, rule: Rule, scope: Scope) -> None:
        self._rows, self._most = Rows(rule, scope), whole(rule, "max")
        self._count: dict[int, int] = defaultdict(int)
        self._beyond: dict[int, tuple[Seen, str]] = {}

    def feed(self, place: object, facts: VisitFacts) -> None:
        for key, seen, _, shown in self._rows.of(place, facts):
            self._count[key] += 1
            if self._count[key] == self._most + 1:
                self._beyond[key] = (seen, shown)

    def finish(self) -> Iterator[Found]:
        for key, (seen, shown) in self._beyond.items():
            words = {"count": str(self._count[key]), "max": str(self._most)}
            yield seen.place, Hit(seen.row, self._rows.tags[0], shown, words)


def _cut(scope: Scope, term: str) -> Text:
    """A reference, or with `:8` its first characters."""
    name, _, width = term.partition(":")
    text = reference(scope, name)
    if not width:
        return text
    size = int(width)
    return lambda row, facts: text(row, facts)[:size]


def _digest(parts: list[str]) -> int:
    """A key as one number: a month of lines must not be kept as texts."""
    return int.from_bytes(blake2b("\x1f".join(parts).encode(), digest_size=8).digest())


def _apart(first: Seen, second: Seen) -> bool:
    """Whether two rows lie in two claims that differ in all that the rule wants to differ."""
    if first.claim == second.claim:
        return False
    return all(a != b for a, b in zip(first.apart, second.apart, strict=True))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _same_birth(before: tuple[str, ...], said: tuple[str, ...], at: int) -> bool:
    """Whether two texts are days of birth that agree as far as both are known: 195400000000 and 195403150000."""
    a, b = (re.sub(r"(00)+$", "", text) for text in (before[at], said[at]))
    return a.isdecimal() and b.isdecimal() and len(before[at]) == 12 and (a.startswith(b) or b.startswith(a))

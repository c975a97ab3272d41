"""The rules in force for one standard and one set of catalogues, compiled once and asked of many claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import insurance.rules.engine.functions
import insurance.rules.engine.kinds  # noqa: F401 - registers the kinds
from insurance.rules.engine.base import BATCH_KINDS, KINDS, ROW_KINDS, BatchCheck, Check, Env, Hit
from insurance.rules.engine.facts import VisitFacts, tag_in
from insurance.rules.engine.model import CannotRun, Catalogs, Finding, Rule, RuleError, Stage
from insurance.rules.engine.terms import AbsentError, Scope, TermError
from insurance.standards import Standard

ANCHORS = {
    "XML2": ("MA_THUOC", "NGAY_YL"),
    "XML3": ("MA_DICH_VU", "MA_VAT_TU", "NGAY_YL"),
    "XML4": ("MA_DICH_VU", "MA_CHI_SO"),
    "XML5": ("THOI_DIEM_DBLS",),
    "RX": ("DRUG",),
}
"""What tells the rows of a table apart, so that a finding keeps its key when lines move."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule with its check."""

    rule: Rule
    check: Check


class RuleBook:
    """Rules compiled against one standard; `cannot_run` lists those whose catalogue is missing."""

    def __init__(self, standard: Standard, rules: Iterable[Rule], catalogs: Catalogs) -> None:
        self.standard = standard
        self.cannot_run: list[CannotRun] = []
        self._env = Env(standard, catalogs)
        self._compiled: list[Compiled] = []
        self._batch: list[Rule] = []
        self._asked: dict[tuple[date | None, Stage, frozenset[str]], list[Compiled]] = {}
        for rule in rules:
            self._take(rule)

    def _take(self, rule: Rule) -> None:
        if not applies(rule, self.standard):
            return
        lacking = next((need for need in needs_of(rule) if not self._env.catalogs.has(need)), None)
        if lacking is not None:
            self.cannot_run.append(CannotRun(rule.id, rule.title, lacking))
        elif rule.kind in BATCH_KINDS:
            self._batch.append(rule)
        else:
            try:
                check = KINDS[rule.kind](rule, Scope(self.standard, rule.table), self._env)
            except AbsentError:
                return
            except (TermError, RuleError, ValueError) as error:
                raise RuleError(f"{rule.id}: {error}") from error
            self._compiled.append(Compiled(rule, check))

    def _in_force(self, on: date | None, stage: Stage, present: frozenset[str]) -> list[Compiled]:
        """The rules asked on a day; of those that read rows, only about the tables that are present."""
        asked = (on, stage, present)
        if asked not in self._asked:
            self._asked[asked] = [
                one
                for one in self._compiled
                if stage in one.rule.stages
                and one.rule.in_force(on)
                and (one.rule.table in present or one.rule.kind not in ROW_KINDS)
            ]
        return self._asked[asked]

    def check(self, facts: VisitFacts, stage: Stage = Stage.CLAIM) -> list[Finding]:
        """All findings of one claim, in the order of the rules."""
        findings = Findings(facts)
        for one in self._in_force(facts.ended_on, stage, frozenset(facts.tables)):
            for hit in one.check(facts):
                findings.add(one.rule, hit)
        return findings.found

    def batch(self) -> Batch:
        """A fresh check over many claims."""
        return Batch(self._env, self._batch)


class Batch:
    """The rules that look across claims. Feed every claim, then finish once."""

    def __init__(self, env: Env, rules: Iterable[Rule]) -> None:
        self._checks: list[tuple[Rule, BatchCheck]] = []
        for rule in rules:
            try:
                self._checks.append((rule, BATCH_KINDS[rule.kind](rule, Scope(env.standard, rule.table), env)))
            except AbsentError:
                continue

    def feed(self, place: object, facts: VisitFacts) -> None:
        """Take in one claim; `place` names it in the findings."""
        for rule, check in self._checks:
            if rule.in_force(facts.ended_on):
                check.feed(place, facts)

    def finish(self) -> Iterator[tuple[object, Finding]]:
        """What was found, each with the place of its claim; the same thing a second time gets a key of its own."""
        for rule, check in self._checks:
            seen: Counter[tuple[int, str, str]] = Counter()
            for place, hit in check.finish():
                thing = (id(place), hit.tag, hit.value)
                seen[thing] += 1
                yield place, finding_of(rule, hit, ("", seen[thing]))


class Findings:
    """Findings of one claim with their keys."""

    def __init__(self, facts: VisitFacts) -> None:
        self.found: list[Finding] = []
        self._facts = facts
        self._seen: dict[tuple[str, ...], int] = {}

    def add(self, rule: Rule, hit: Hit) -> None:
        """Keep one hit as a finding; the same thing a second time gets a key of its own."""
        table = hit.table or rule.table
        anchor = _anchor(self._facts, table, hit.row)
        identity = (rule.id, table, anchor, hit.tag, hit.value)
        self._seen[identity] = self._seen.get(identity, 0) + 1
        self.found.append(finding_of(rule, hit, (anchor, self._seen[identity])))


def finding_of(rule: Rule, hit: Hit, at: tuple[str, int]) -> Finding:
    """The finding of a hit; `at` tells its row apart from others like it."""
    table = hit.table or rule.table
    words = {"value": hit.value, "field": hit.tag, "row": str(hit.row or ""), **hit.words}
    key = sha256("|".join((rule.id, table, *map(str, at), hit.tag, hit.value)).encode()).hexdigest()
    message, fix = rule.message.format_map(words), rule.fix.format_map(words)
    return Finding(rule.id, rule.severity, table, hit.row, hit.tag, message, hit.value, fix, rule.law, key)


def _anchor(facts: VisitFacts, table: str, number: int | None) -> str:
    tags, rows = ANCHORS.get(table), facts.rows(table)
    if tags is None or number is None or number > len(rows):
        return ""
    return ";".join(rows[number - 1].text(tag_in(facts.standard, table, tag) or tag) for tag in tags)


def needs_of(rule: Rule) -> tuple[str, ...]:
    """The catalogues that a rule asks: those it names, and the one of its kind."""
    named = rule.params.get("catalog")
    return (*rule.needs, named) if named and named not in rule.needs else rule.needs


def applies(rule: Rule, standard: Standard) -> bool:
    """Whether the rule speaks of a standard: `qd3176` from that one on, `-qd4750` up to it, empty for all."""
    name = rule.standards
    if not name:
        return True
    if name.startswith("-"):
        return name[1:] not in standard.chain or standard.name == name[1:]
    return name in standard.chain

"""Check claim files of any system: read them one visit at a time and ask every rule that can be asked.

Needs no database: catalogues come with the rule books. What cannot be read is a finding too, and stops nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from insurance.rules.books import RuleBooks, named_tables, speaks_only_of
from insurance.rules.engine import Batch, CannotRun, Finding, RuleBook, Severity, Stage, VisitFacts
from insurance.rules.engine.terms import FILE
from insurance.rules.pool import LooseTables
from insurance.rules.sources import Source
from insurance.standards import (
    EnvelopeReader,
    ParsedClaim,
    ParseError,
    Problem,
    Standard,
    available,
    detect_standard,
    load,
    parse_envelope,
)
from insurance.standards.check import MOST_PROBLEMS
from insurance.standards.decode import Readable

AUTO = "auto"
_MOST_OTHERS = 20
MOST_FINDINGS = MOST_PROBLEMS
"""How many findings of one claim are told."""
_UNREADABLE = frozenset({"unreadable_file", "file_broken", "broken", "unreadable", "too_large", "older_format"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a claim lies. `position` counts from 1 in its file, 0 is the file itself; `claim_code` is MA_LK, empty
    when the claim has none."""

    file: str
    position: int
    claim_code: str = ""

    @property
    def named(self) -> str:
        """The claim's code, else its position as `#3`; empty for the file itself."""
        return self.claim_code or (f"#{self.position}" if self.position else "")


@dataclass(frozen=True, slots=True)
class Found:
    """One finding and the claim or file it was found in."""

    place: Place
    finding: Finding


@dataclass(slots=True)
class Summary:
    """What was read and found so far. `unreadable` names files, and tables of files, with the reason; `passed_over`
    counts files of other kinds that lay beside, and `others` names the first of them."""

    files: int = 0
    claims: int = 0
    claims_blocked: int = 0
    bytes_read: int = 0
    severities: Counter[str] = field(default_factory=Counter)
    standards: Counter[str] = field(default_factory=Counter)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    cannot_run: list[CannotRun] = field(default_factory=list)
    passed_over: int = 0
    others: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: nothing blocking; 1: a blocking finding; 2: something could not be read."""
        return 2 if self.unreadable else int(self.severities[Severity.BLOCKING] > 0)


def _ignore(*_: object) -> None: ...


class FileCheck:
    """One check over any number of files. Iterate `run` once, then `summary` tells the whole.

    `standard` is `auto` (each claim by the end of its visit) or a name. `books` may hold the lists of one `facility`;
    claims of others are then asked by the books `elsewhere`, which have none of those lists. `stages` say what is
    asked: `send` adds what a file about to be sent must have. `on_claim` is told every claim as it was read;
    `on_progress` after every claim and file, with the summary so far.
    """

    def __init__(
        self,
        books: RuleBooks,
        standard: str = AUTO,
        *,
        facility: str = "",
        elsewhere: RuleBooks | None = None,
        stages: Sequence[Stage] = (Stage.CLAIM,),
        on_claim: Callable[[Place, VisitFacts], None] = _ignore,
        on_progress: Callable[[Summary], None] = _ignore,
    ) -> None:
        self.summary = Summary()
        self._books, self._facility, self._elsewhere = books, facility, elsewhere or books
        self._standard = None if standard == AUTO else load(standard)
        self._newest = self._standard or load(available()[-1])
        self._stages, self._on_claim, self._on_progress = stages, on_claim, on_progress
        self._batches: dict[Standard, Batch] = {}
        self._loose = LooseTables()
        self._positions: Counter[str] = Counter()
        self._rules = {rule.id: rule for rule in books.rules}
        self._of_file = {rule.id for rule in books.rules if rule.table == FILE and "LOAIHOSO" not in rule.fields}
        self._of_file_alone = {rule.id for rule in books.rules if speaks_only_of(rule, FILE)} & self._of_file

    def run(self, sources: Iterable[Source]) -> Iterator[Found]:
        """Every finding as it comes, claim by claim; last those that look across claims."""
        for source in sources:
            if source.is_other:
                self._pass_over(source.name)
                continue
            for found in self._file(source):
                self.summary.severities[found.finding.severity] += 1
                yield found
            self.summary.files += 1
            self._on_progress(self.summary)
        for found in self._joined():
            self.summary.severities[found.finding.severity] += 1
            yield found
        for batch in self._batches.values():
            for place, finding in batch.finish():
                self.summary.severities[finding.severity] += 1
                yield Found(place, finding)  # type: ignore[arg-type]
        lacking = {one.rule: one for books in (self._elsewhere, self._books) for one in books.cannot_run()}
        self.summary.cannot_run = [lacking[name] for name in sorted(lacking)]

    def _pass_over(self, name: str) -> None:
        self.summary.passed_over += 1
        if len(self.summary.others) < _MOST_OTHERS:
            self.summary.others.append(name)

    def _file(self, source: Source) -> Iterator[Found]:
        if source.stream is None:
            yield from self._unread(source.name, source.refused)
            return
        try:
            reader = parse_envelope(self._newest, _Counted(source.stream, self.summary))
            yield from self._claims(source.name, reader)
        except ParseError as error:
            yield from self._unread(source.name, str(error))
        except OSError as error:
            yield from self._unread(source.name, f"không đọc được ({error.strerror})")

    def _unread(self, name: str, why: str) -> Iterator[Found]:
        problem = Problem(FILE, None, "", "unreadable_file", f"Tệp không đọc được: {why}")
        yield from self._about_file(name, VisitFacts(self._newest, {}, [problem]))

    def _claims(self, name: str, reader: EnvelopeReader) -> Iterator[Found]:
        read, has_envelope = 0, False
        told: set[tuple[str, str, str]] = set()
        for claim in reader:
            read += 1
            if claim.tables and not claim.labels:
                self._loose.add(name, claim)
                continue
            has_envelope = has_envelope or bool(claim.labels)
            for found in self._claim(claim, self._next_place(name, claim)):
                if found.finding.rule in self._of_file:
                    said = (found.finding.rule, found.finding.field, found.finding.value)
                    if said in told:
                        continue
                    told.add(said)
                yield found
            self.summary.claims += 1
            self._on_progress(self.summary)
        is_whole = has_envelope and not any(one.code in _UNREADABLE for one in reader.problems)
        facts = {FILE: [_file_facts(reader, read)]} if is_whole else {}
        yield from self._about_file(name, VisitFacts(self._newest, facts, reader.problems))

    def _about_file(self, name: str, facts: VisitFacts) -> Iterator[Found]:
        self._note_unreadable(name, facts.problems)
        place = Place(name, 0)
        for finding in self._found(self._books.of(self._newest, FILE), facts):
            if finding.table == FILE:
                yield Found(place, finding)

    def _joined(self) -> Iterator[Found]:
        """What is found in the visits whose tables came without an envelope, each at the file that has the table."""
        for visit in self._loose.visits():
            places = {file: self._next_place(file, visit.claim) for file in {visit.file, *visit.files.values()}}
            at = {name: places[file] for name, file in visit.files.items()}
            yield from self._claim(visit.claim, places[visit.file], at)
            self.summary.claims += 1
            self._on_progress(self.summary)

    def _next_place(self, file: str, claim: ParsedClaim) -> Place:
        self._positions[file] += 1
        return Place(file, self._positions[file], claim.claim_code)

    def _claim(self, claim: ParsedClaim, home: Place, at: Mapping[str, Place] | None = None) -> Iterator[Found]:
        """What is found in one visit; `at` says where each table lies when not at `home`."""
        places = at or {}
        standard = self._standard or detect_standard(claim).standard
        alone = next(iter(claim.tables), "") if not claim.labels and len(claim.tables) == 1 else ""
        facts = VisitFacts(standard, _with_file(claim), claim.problems)
        self.summary.standards[standard.name] += 1
        for place in {home, *places.values()}:
            self._on_claim(place, facts)
        for one in claim.problems:
            place = places.get(one.table, home)
            self._note_unreadable(f"{place.file}, hồ sơ {place.named}", [one])
        is_blocked, told = False, 0
        lost = _lost_tables(standard, claim)
        for finding in self._found(self._books_for(claim).of(standard, alone), facts):
            if finding.rule not in self._of_file_alone and not (lost and self._follows_from(lost, finding)):
                is_blocked = is_blocked or finding.severity == Severity.BLOCKING
                told += 1
                if told > MOST_FINDINGS:
                    where = f"{home.file}, hồ sơ {home.named}"
                    self.summary.unreadable.append(
                        (where, f"Có trên {MOST_FINDINGS} lỗi, chỉ nêu {MOST_FINDINGS} lỗi đầu")
                    )
                    break
                yield Found(places.get(finding.table, home), finding)
        self.summary.claims_blocked += is_blocked
        if not alone:
            self._batch(standard).feed(home, facts)

    def _books_for(self, claim: ParsedClaim) -> RuleBooks:
        """The books with the lists of the facility for its own claims, and where nobody says whose a claim is."""
        said = [row.get("MA_CSKCB", "") for name in ("XML1", "XML0") for row in claim.tables.get(name, ())]
        code = next(filter(None, [claim.facility_code, *said]), "")
        return self._books if code in ("", self._facility) or not self._facility else self._elsewhere

    def _found(self, book: RuleBook, facts: VisitFacts) -> Iterator[Finding]:
        for stage in self._stages:
            yield from book.check(facts, stage)

    def _follows_from(self, lost: frozenset[str], finding: Finding) -> bool:
        """Whether a finding may only be there because tables could not be read, which is said already."""
        rule = self._rules[finding.rule]
        if rule.kind == "file":
            return False
        if rule.kind == "money":
            return finding.table in lost or (finding.table == "XML1" and bool(lost & {"XML2", "XML3"}))
        return rule.kind == "function" or bool(lost & {rule.table, *named_tables(rule)})

    def _batch(self, standard: Standard) -> Batch:
        if standard not in self._batches:
            self._batches[standard] = self._books.of(standard).batch()
        return self._batches[standard]

    def _note_unreadable(self, where: str, problems: Iterable[Problem]) -> None:
        self.summary.unreadable += [(where, one.message_vi) for one in problems if one.code in _UNREADABLE]


def _with_file(claim: ParsedClaim) -> Mapping[str, list[dict[str, str]]]:
    """The tables of a claim, and what its file has said of itself so far; what comes later is not known yet."""
    if not claim.labels and claim.tables:
        return claim.tables
    said = {"MACSKCB": claim.facility_code, "NGAYLAP": claim.made_on, "LOAIHOSO": ";".join(filter(None, claim.labels))}
    return {**claim.tables, FILE: [said]}


def _lost_tables(standard: Standard, claim: ParsedClaim) -> frozenset[str]:
    """Tables that the file may have had and that could not be read."""
    lost = {one.table for one in claim.problems if one.code in _UNREADABLE}
    if any(one.code in ("broken", "older_format") for one in claim.problems):
        lost |= standard.tables.keys() - claim.tables.keys()
    return frozenset(lost)


_SIGNATURES = {"present": "1", "empty": "0"}
"""How rules see the signature; a file without the element has none."""


def _file_facts(reader: EnvelopeReader, read: int) -> dict[str, str]:
    """What a whole file says of itself, beside the number of claims that were read."""
    return {
        "MACSKCB": reader.facility_code,
        "NGAYLAP": reader.made_on,
        "SOLUONGHOSO": "" if reader.declared is None else str(reader.declared),
        "SO_HOSO": str(read),
        "CHUKYDONVI": _SIGNATURES.get(reader.signature, ""),
    }


class _Counted:
    """A stream that adds to the summary what was read of it."""

    def __init__(self, stream: Readable, summary: Summary) -> None:
        self._stream, self._summary = stream, summary

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._summary.bytes_read += len(data)
        return data

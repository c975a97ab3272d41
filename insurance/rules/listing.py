"""Findings of files as lists: one record each, grouped by cause, as JSON and as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from insurance.rules.engine import Rule
from insurance.rules.files import Found, Place, Summary
from insurance.rules.words import SEVERITY_VI, WEIGHT, lacking_vi, place_vi

COLUMNS = ("file", "claim_code", "table", "row", "field", "rule", "severity", "message", "value", "fix", "law")
Record = dict[str, str | int | None]


def record_of(found: Found) -> Record:
    """A finding as it is listed. `claim_code` is MA_LK, `#3` for the third claim of a file when it has none, and empty
    for the file as a whole; `row` counts from 1, None is the table as a whole."""
    one = found.finding
    return {
        "file": found.place.file, "claim_code": found.place.named, "table": one.table, "row": one.row,
        "field": one.field, "rule": one.rule, "severity": one.severity.value, "message": one.message,
        "value": one.value, "fix": one.fix, "law": one.law,
    }  # fmt: skip


def json_list(records: Iterable[Record]) -> Iterator[str]:
    """One JSON list, a record a line, in pieces that can be written as they come."""
    yield "["
    between = "\n"
    for record in records:
        yield between + json.dumps(record, ensure_ascii=False)
        between = ",\n"
    yield "\n]\n"


@dataclass(slots=True)
class Cause:
    """Findings of one rule at one field: how many, in how many claims, and the first of them. `number` counts causes
    from 1 as they came."""

    number: int
    first: Record
    title: str
    count: int = 0
    claims: int = 0
    places: list[Record] = field(default_factory=list)
    last: Place | None = None


class Causes:
    """Groups findings as they come and keeps the first `places` of each cause."""

    def __init__(self, rules: Iterable[Rule], places: int = 0) -> None:
        self._titles = {rule.id: rule.title for rule in rules}
        self._places = places
        self._causes: dict[tuple[str, str, str], Cause] = {}

    def add(self, found: Found, record: Record) -> Cause:
        """Count one finding with its record; answers its cause."""
        one = found.finding
        key = (one.rule, one.table, one.field)
        cause = self._causes.get(key)
        if cause is None:
            title = self._titles.get(one.rule, one.rule)
            cause = self._causes[key] = Cause(len(self._causes) + 1, record, title)
        cause.count += 1
        if found.place.position and found.place != cause.last:
            cause.claims, cause.last = cause.claims + 1, found.place
        if len(cause.places) < self._places:
            cause.places.append(record)
        return cause

    def counted(self, found: Iterable[Found]) -> Iterator[Record]:
        """The records of findings, which are counted as they pass."""
        for one in found:
            record = record_of(one)
            self.add(one, record)
            yield record

    def sorted(self) -> list[Cause]:
        """The worst first, then the most frequent."""
        return sorted(
            self._causes.values(),
            key=lambda one: (WEIGHT[str(one.first["severity"])], -one.count, str(one.first["rule"])),
        )


def text_report(causes: Causes, summary: Summary) -> Iterator[str]:
    """The findings by cause, what could not be asked, what could not be read, and the figures, line by line."""
    for cause in causes.sorted():
        yield from _cause(cause)
    lacking = lacking_vi((one.need, one.rule) for one in summary.cannot_run)
    if lacking:
        yield f"Không kiểm được {len(summary.cannot_run)} quy tắc vì thiếu danh mục:"
        for need, rules in lacking:
            yield f"  thiếu {need}: {', '.join(rules)}"
        yield ""
    if summary.unreadable:
        yield f"Không đọc được {len(summary.unreadable)} chỗ:"
        yield from (f"  {where}: {why}" for where, why in summary.unreadable)
        yield ""
    yield figures_vi(summary)


def _cause(cause: Cause) -> Iterator[str]:
    first = cause.first
    where = place_vi(str(first["table"]), None, str(first["field"]))
    claims = f", {cause.claims} hồ sơ" if cause.claims else ""
    yield f"[{SEVERITY_VI[str(first['severity'])]}] {cause.title} ({where}): {cause.count} chỗ{claims}"
    yield f"  Quy tắc {first['rule']}. Căn cứ: {first['law']}"
    yield f"  Cách sửa: {first['fix']}"
    for record in cause.places:
        row = record["row"]
        line = place_vi(str(record["table"]), row if isinstance(row, int) else None, "")
        claim = f", hồ sơ {record['claim_code']}" if record["claim_code"] else ""
        yield f"    {record['file']}{claim}, {line}: {record['message']}"
    if cause.count > len(cause.places):
        yield f"    và {cause.count - len(cause.places)} chỗ khác"
    yield ""


def figures_vi(summary: Summary) -> str:
    """The figures of a check in one line."""
    found = ", ".join(f"{word.lower()} {summary.severities[severity]}" for severity, word in SEVERITY_VI.items())
    standards = ", ".join(f"{name} {count}" for name, count in sorted(summary.standards.items()))
    read = f"Đã đọc {summary.files} tệp, {summary.claims} hồ sơ{f' ({standards})' if standards else ''}"
    lost = f"; {len(summary.unreadable)} chỗ không đọc được" if summary.unreadable else ""
    return f"{read}: {found}; {summary.claims_blocked} hồ sơ có lỗi từ chối{lost}{passed_over_vi(summary)}"


def passed_over_vi(summary: Summary) -> str:
    """The files of other kinds that lay beside the claim files, empty when there were none."""
    if not summary.passed_over:
        return ""
    more = ", ..." if summary.passed_over > len(summary.others) else ""
    return f"; bỏ qua {summary.passed_over} tệp loại khác: {', '.join(summary.others)}{more}"

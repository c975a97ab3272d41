"""Two versions of a report held against each other: every figure that differs, with the visits that came, went or
changed, and what changed in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from his.core.money import ZERO
from reports.datasets.grid import behind
from reports.definition import SUMMED, Column, Form
from reports.export.layout import number_text, shown
from reports.filing.sides import Side, stored
from reports.grid.placing import Fact, place
from reports.models import ReportRun
from reports.table import Cell

Kind = Literal["came", "gone", "changed"]
FIELDS = {
    "icd": "Bệnh chính",
    "icd3": "Bệnh chính (3 ký tự)",
    "external_icd": "Nguyên nhân ngoại sinh",
    "age": "Tuổi",
    "sex": "Giới",
    "is_insured": "BHYT",
    "is_inpatient": "Nội trú",
    "is_closed": "Đã chốt chi phí",
    "visit_type": "Loại hình KCB",
    "outcome": "Hướng xử trí",
    "result": "Kết quả điều trị",
    "state": "Trạng thái",
    "day": "Ngày kết thúc",
    "route": "Đường đến",
    "room": "Phòng",
    "department": "Khoa",
    "ward": "Khoa nằm",
    "ward_name": "Tên khoa nằm",
    "bed_kind": "Loại giường",
    "was_here": "Có đầu kỳ",
    "is_here": "Có cuối kỳ",
    "entry": "Vào khoa",
    "exit": "Ra khoa",
    "is_early": "Trong 24 giờ",
    "days": "Ngày điều trị trong kỳ",
    "whole_days": "Ngày điều trị cả đợt",
    "quantity": "Số lượng",
    "fund_amount": "Quỹ trả",
    "hospital_amount": "Thành tiền",
    "insured_amount": "Trong BHYT",
    "copay_amount": "Cùng chi trả",
    "self_paid_amount": "Tự trả",
    "other_amount": "Nguồn khác",
}


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing of a visit that is said differently, as texts; empty where it is not there."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """A visit, or another row, behind a difference."""

    ref: str
    kind: Kind
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that differs, as printed, with all that is behind the difference."""

    row: str
    column: str
    before: str
    after: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures in the order of the form; `changes` are all rows or facts that differ, each once."""

    figures: tuple[Figure, ...]
    changes: tuple[Change, ...]

    @property
    def is_same(self) -> bool:
        return not self.figures and not self.changes


def refs_behind(run: ReportRun) -> list[str]:
    """The references of everything that a stored report counts or lists, each once."""
    side = stored(run)
    if not side.is_grid:
        return list(dict.fromkeys(run.values["refs"]))
    return sorted({str(fact[0]) for _, facts in side.facts() for fact in facts if fact[0]})


def compare(old: Side, new: Side) -> Comparison:
    """How `new` differs from `old`; both are of the same form and period."""
    return _counted(old, new) if old.is_grid else _listed(old, new)


# Forms that list rows


def _listed(old: Side, new: Side) -> Comparison:
    form = old.form
    before, after = old.rows(), new.rows()
    found = {
        key: _row_change(form, key[1], before.get(key), after.get(key)) for key in dict.fromkeys([*before, *after])
    }
    changes = {key: change for key, change in found.items() if change is not None}
    titles = {**dict(_titles(old)), **dict(_titles(new))}
    figures: list[Figure] = []
    for section, title in titles.items():
        here = [key for key in changes if key[0] == section]
        sums = [_sums(form, rows, section) for rows in (before, after)]
        figures += _figures(form, title, here, changes, before, after, sums[0], sums[1])
    if len(titles) > 1:
        sums = [_sums(form, rows, None) for rows in (before, after)]
        figures += _figures(form, form["total_label"], list(changes), changes, before, after, sums[0], sums[1])
    return Comparison(tuple(figures), tuple(changes.values()))


_Key = tuple[str, str]


def _figures(
    form: Form,
    title: str,
    keys: Sequence[_Key],
    changes: Mapping[_Key, Change],
    before: Mapping[_Key, Sequence[Cell]],
    after: Mapping[_Key, Sequence[Cell]],
    old: Mapping[str, Decimal],
    new: Mapping[str, Decimal],
) -> Iterator[Figure]:
    if old[""] != new[""]:
        moved = tuple(changes[key] for key in keys if changes[key].kind != "changed")
        yield Figure(title, "Số dòng", f"{old['']:f}", f"{new['']:f}", moved)
    for tag in form.summed_tags:
        if old[tag] != new[tag]:
            at, column = form.tags.index(tag), form.column(tag)
            behind_it = [key for key in keys if _amount(before.get(key), at) != _amount(after.get(key), at)]
            texts = number_text(column, old[tag]), number_text(column, new[tag])
            yield Figure(title, column.short, *texts, tuple(changes[key] for key in behind_it))


def _amount(row: Sequence[Cell] | None, at: int) -> Decimal:
    return Decimal(row[at] or 0) if row is not None else ZERO


def _sums(form: Form, rows: Mapping[_Key, Sequence[Cell]], section: str | None) -> dict[str, Decimal]:
    """Sums by column, and under the empty name how many rows there are."""
    chosen = [row for (part, _), row in rows.items() if section is None or part == section]
    sums = {tag: sum((Decimal(row[form.tags.index(tag)] or 0) for row in chosen), ZERO) for tag in form.summed_tags}
    return {"": Decimal(len(chosen)), **sums}


def _row_change(form: Form, ref: str, old: Sequence[Cell] | None, new: Sequence[Cell] | None) -> Change | None:
    if old is None:
        return Change(ref, "came")
    if new is None:
        return Change(ref, "gone")
    details = tuple(
        Detail(column.short, shown(column, old[at]), shown(column, new[at]))
        for at, column in enumerate(form.columns)
        if column.tag != form.get("number_column") and old[at] != new[at]
    )
    return Change(ref, "changed", details) if details else None


def _titles(side: Side) -> list[tuple[str, str]]:
    order = side.form.section_order()
    known = {**order, **dict(side.values.get("titles", []))}
    return [
        (section, known.get(section) or "Chưa xếp được")
        for section in dict.fromkeys([*known, *side.values["sections"]])
    ]


# Forms that count facts


def _counted(old: Side, new: Side) -> Comparison:
    changes = fact_changes(old, new)
    form = old.form
    before, after = old.rows(), new.rows()
    keys = dict.fromkeys([*after, *before])
    at_label = form.tags.index(form["title_column"])
    figures = []
    for key in keys:
        was, now = before.get(key), after.get(key)
        for at, column in enumerate(form.columns):
            if column.tag == form.get("number_column") or column.type not in {*SUMMED, "quantity", "share"}:
                continue
            old_text, new_text = (_text(column, row[at]) if row is not None else "0" for row in (was, now))
            if old_text != new_text:
                label = str((now or was)[at_label])  # type: ignore[index]  # one of the two is there
                figures.append(
                    Figure(label, column.short, old_text, new_text, _behind(old, new, key[1], column, changes))
                )
    return Comparison(tuple(figures), tuple(changes.values()))


def _text(column: Column, value: Cell) -> str:
    return number_text(column, Decimal(value)) if value != "" else ""


def _behind(old: Side, new: Side, row: str, column: Column, changes: Mapping[str, Change]) -> tuple[Change, ...]:
    """Visits that the figure counts on one side only, or on both and differently."""
    if not column.is_counted:
        return ()
    was, now = (dict.fromkeys(behind(side.form, side.basis, side.query, row, column)) for side in (old, new))
    found = [Change(ref, "gone", _details(changes, ref)) for ref in was if ref not in now]
    found += [Change(ref, "came", _details(changes, ref)) for ref in now if ref not in was]
    if column.source.startswith("sum"):
        found += [changes[ref] for ref in was if ref in now and ref in changes]
    return tuple(found)


def _details(changes: Mapping[str, Change], ref: str) -> tuple[Detail, ...]:
    return changes[ref].details if ref in changes else ()


def fact_changes(old: Side, new: Side) -> dict[str, Change]:
    """By reference what is different in the facts; of several facts of one reference, those that have no twin."""
    found: dict[str, Change] = {}
    for (plan, was), (_, now) in zip(old.facts(), new.facts(), strict=True):
        names = (*plan.shape.fields, *plan.shape.measures)
        before, after = _by_ref(was), _by_ref(now)
        for ref in dict.fromkeys([*before, *after]):
            left, right = _without_twins(before.get(ref, []), after.get(ref, []))
            if not left and not right:
                continue
            kind: Kind = "came" if ref not in before else "gone" if ref not in after else "changed"
            earlier = found.get(ref)
            details = (*(earlier.details if earlier else ()), *_fact_details(names, left, right))
            found[ref] = Change(ref, earlier.kind if earlier else kind, tuple(dict.fromkeys(details)))
    return found


def _by_ref(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    grouped: dict[str, list[Fact]] = {}
    for fact in facts:
        grouped.setdefault(str(fact[0] or ""), []).append(_plain(fact))
    return grouped


def _plain(fact: Fact) -> Fact:
    return tuple("" if value is None else value if isinstance(value, Decimal) else str(value) for value in fact)


def _without_twins(old: Sequence[Fact], new: Sequence[Fact]) -> tuple[list[Fact], list[Fact]]:
    left, right = list(old), list(new)
    for fact in old:
        if fact in right:
            left.remove(fact)
            right.remove(fact)
    return left, right


def _fact_details(names: Sequence[str], old: Sequence[Fact], new: Sequence[Fact]) -> Iterator[Detail]:
    if len(old) == 1 and len(new) == 1:
        for name, was, now in zip(names, old[0][1:-1], new[0][1:-1], strict=True):
            if was != now:
                yield Detail(FIELDS.get(name, name), _value(was), _value(now))
        return
    for fact in old:
        yield Detail("Dòng", _line(names, fact), "")
    for fact in new:
        yield Detail("Dòng", "", _line(names, fact))


def _line(names: Sequence[str], fact: Fact) -> str:
    pairs = zip(names, fact[1:-1], strict=True)
    return ", ".join(f"{FIELDS.get(name, name)} {_value(value)}" for name, value in pairs if value not in ("", ZERO))


def _value(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return {"True": "có", "False": "không"}.get(str(value), str(value))


def deltas(old: Side, new: Side) -> dict[tuple[str, str], Decimal]:
    """By row and column how much more the facts of `new` count than those of `old`."""
    found: dict[tuple[str, str], Decimal] = {}
    for sign, side in ((-1, old), (1, new)):
        for plan, facts in side.facts():
            for key, value in place(facts, plan.shape, plan.keys, plan.row_fields, plan.asked).sums.items():
                found[key] = found.get(key, ZERO) + sign * value
    return {key: value for key, value in found.items() if value}

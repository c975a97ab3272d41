"""Statistical forms as a data set: rows and columns are data of the form, figures are counted from facts.

`[grid]` of form.toml: `facts` (what is counted), `where` (of all facts), `is_exclusive` (each fact falls in exactly one
row), and for rows that the facts make `by` (fields), `part_by` (the field that parts.csv gives titles to), `top` with
`rest_label`, `order` (`-TAG`: by that figure, highest first) and `names` (`icd3`: the label is the name of the code).

A column's `source` is `count`, `sum MEASURE`, either of them with ` before` (the period before), a formula over figures
of the row (`percent TAG`: share of the total; `change TAG TAG`: growth in percent; `ratio TAG TAG`; `add TAG TAG ...`;
`unknown`: no source, shown empty),
or else what the row is called: `label`, `code`, or a field of `by`. Its `where` is the condition of the column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from his.core.money import ZERO
from reports.datasets.base import Dataset, Explained, Query, Row
from reports.definition import ROOT, Column, Form, load_version
from reports.grid.conditions import Condition, read
from reports.grid.names import NAMES
from reports.grid.placing import (
    SEPARATOR,
    Asked,
    Fact,
    Figures,
    Keys,
    Shape,
    keys_by_condition,
    keys_by_fields,
    place,
    within,
)
from reports.grid.rows import Rows, load_parts, load_rows
from reports.grid.sets import FACTS
from reports.period import Period
from reports.table import BLANK

ALL, REST = "", "~"
_TENTH = Decimal("0.1")
_COUNTED = ("count", "sum")


@dataclass(frozen=True, slots=True)
class Plan:
    """How one set of facts is counted for a form, in the period or in the one before."""

    facts: str
    is_before: bool
    where: Condition
    keys: Keys
    row_fields: tuple[str, ...]
    asked: tuple[Asked, ...]
    measure: str = ""
    """What its rows sum in the columns that count; empty: they count."""

    @property
    def shape(self) -> Shape:
        """The fields and measures that are read."""
        conditions = (self.where, *(one.where for one in self.asked))
        fields = {*self.row_fields, *(name for where in conditions for name in where.fields)}
        return Shape(tuple(sorted(fields)), tuple(sorted({one.measure for one in self.asked if one.measure})))

    def period(self, period: Period) -> Period:
        """The period that is read."""
        return Period.before(period) if self.is_before else period

    def kept(self, facts: Sequence[Fact]) -> list[Fact]:
        """The facts that the form counts at all."""
        if not self.where.text:
            return list(facts)
        names = (*self.shape.fields, *self.shape.measures)
        asked = sorted(self.where.fields)
        at = [names.index(name) + 1 for name in asked]
        known: dict[tuple[Any, ...], bool] = {}
        kept = []
        for fact in facts:
            values = tuple([fact[i] for i in at])
            if values not in known:
                known[values] = self.where.holds(dict(zip(asked, values, strict=True)))
            if known[values]:
                kept.append(fact)
        return kept


def grid(query: Query) -> Dataset:
    """The figures of a statistical form (TT 23/2025/TT-BYT and the like): counts, and sums in đồng or units.

    Afterwards `basis` holds the facts themselves, so that a stored report can name what it counted.
    """
    form, found = _form(query), Dataset()
    figures: dict[tuple[str, str], Decimal] = {}
    labels: dict[str, dict[str, Any]] = {}
    basis: list[dict[str, Any]] = []
    for plan in plans(form):
        facts = read_facts(plan, query)
        counted = place(facts, plan.shape, plan.keys, plan.row_fields, plan.asked, _apart(form))
        figures |= counted.sums
        _label(form, plan, counted, labels)
        if not plan.is_before:
            _flag(form, counted, found)
            found.flags |= {name: ask(query) for name, ask in FACTS[plan.facts].flags.items()}
        basis.append(_basis(plan, query, facts))
    found.basis = basis
    _fill(form, query, figures, labels, found)
    return found


def read_facts(plan: Plan, query: Query) -> list[Fact]:
    """The facts of a plan that are counted."""
    asked = replace(query, period=plan.period(query.period))
    return plan.kept(FACTS[plan.facts].read(asked, plan.shape.fields, plan.shape.measures))


def plans(form: Form) -> Iterator[Plan]:
    """The countings of a form: one for each set of facts that its rows name, and for the period before."""
    settings: Mapping[str, Any] = form["grid"]
    rows = rows_of(form)
    for facts, measure in {(settings["facts"], ""): None, **(rows.counted() if rows else {})}:
        if rows:
            keys, row_fields = keys_by_condition((row.key, row.where) for row in rows.of(facts, measure))
        else:
            keys, row_fields = keys_by_fields(_by(form))
        for is_before in (False, True):
            asked = tuple(_asked(form, facts, measure, is_before))
            if asked:
                yield Plan(facts, is_before, read(settings.get("where", "")), keys, row_fields, asked, measure)


def rows_of(form: Form) -> Rows | None:
    """The rows that the form itself names; None when the facts make them."""
    folder = form.folder
    return load_rows(folder, form["grid"]["facts"]) if (folder / "rows.csv").exists() else None


def _by(form: Form) -> list[str]:
    settings = form["grid"]
    part = [settings["part_by"]] if "part_by" in settings else []
    return [*part, *settings["by"]]


def _asked(form: Form, facts: str, measure: str, is_before: bool) -> Iterator[Asked]:
    known = FACTS[facts].columns
    for column in form.columns:
        kind, *rest = column.source.split()
        if kind not in _COUNTED or ("before" in rest) is not is_before:
            continue
        where = read(column.where)
        if where.fields <= known.keys() and not (measure and kind == "sum"):
            yield Asked(column.tag, where, rest[0] if kind == "sum" else measure)


def _form(query: Query) -> Form:
    return load_version(query.keep["form"], query.keep["version"], Path(query.keep.get("root", ROOT)))


def _flag(form: Form, counted: Figures, found: Dataset) -> None:
    if form["grid"].get("is_exclusive"):
        found.flags["nowhere"] += counted.nowhere
        found.flags["twice"] += counted.twice


def _apart(form: Form) -> frozenset[str]:
    rows = rows_of(form)
    return frozenset(row.key for row in rows.rows) - rows.added() if rows else frozenset()


def _label(form: Form, plan: Plan, counted: Figures, labels: dict[str, dict[str, Any]]) -> None:
    if rows_of(form) is None:
        for key, _ in counted.sums:
            labels.setdefault(key, dict(zip(_by(form), key.split(SEPARATOR), strict=True)))


def _basis(plan: Plan, query: Query, facts: Sequence[Fact]) -> dict[str, Any]:
    """What a run keeps of the facts: themselves, or of sums which splits they are the lines of."""
    source = FACTS[plan.facts]
    kept: dict[str, Any] = {"facts": plan.facts, "is_before": plan.is_before}
    if plan.measure:
        kept["measure"] = plan.measure
    if source.kept:
        return {**kept, "splits": source.stamps(replace(query, period=plan.period(query.period)))}
    return {**kept, "fields": [*plan.shape.fields, *plan.shape.measures], "rows": list(facts)}


def _fill(
    form: Form,
    query: Query,
    figures: dict[tuple[str, str], Decimal],
    labels: dict[str, dict[str, Any]],
    found: Dataset,
) -> None:
    """The rows in order, with formulas, and their parts."""
    rows = rows_of(form)
    lines = _own_lines(rows) if rows else _made_lines(form, query, figures, labels)
    added = rows.added() if rows else None
    totals: dict[str, Decimal] = {}
    for line in lines:
        for column in form.columns:
            if column.source.partition(" ")[0] in _COUNTED:
                value = sum((figures.get((key, column.tag), ZERO) for key in line.keys), ZERO)
                line.own[column.key] = value
                if added is None or line.ref in added:
                    totals[column.tag] = totals.get(column.tag, ZERO) + value
    for key, words in (rows.formulas() if rows else {}).items():
        own = next(line.own for line in lines if line.ref == key)
        own |= {column.key: _reckoned(words, column.tag, figures) for column in form.columns if column.is_counted}
    for line in lines:
        for column in form.columns:
            if formula := _FORMULAS.get(column.source.split()[0]):
                line.own[column.key] = formula(form, line, totals, column.source.split()[1:])
        found.rows.append(Row(line.ref, form, line.own, section=line.part))
    if rows:
        found.sections = [(part.part, part.title) for part in rows.parts]
        found.not_added = [part.part for part in rows.parts if not part.is_added]
    else:
        titles = part_titles(form)
        used = {line.part for line in lines} or {ALL}
        found.sections = [
            (part, titles.get(part, part)) for part in [*titles, *sorted(used - titles.keys())] if part in used
        ]


@dataclass(slots=True)
class _Line:
    ref: str
    part: str
    keys: tuple[str, ...]
    """The rows that it sums: itself, or all that did not come under the first."""
    own: dict[str, Any] = field(default_factory=dict)


def _own_lines(rows: Rows) -> list[_Line]:
    return [_Line(row.key, row.part, (row.key,), {"label": row.label, "code": row.code}) for row in rows.rows]


def _made_lines(
    form: Form, query: Query, figures: Mapping[tuple[str, str], Decimal], labels: Mapping[str, dict[str, Any]]
) -> list[_Line]:
    settings = form["grid"]
    order, part_by = settings.get("order", ""), settings.get("part_by")

    def rank(key: str) -> tuple[Any, ...]:
        high = -figures.get((key, order.removeprefix("-")), ZERO) if order else ZERO
        return (high, key)

    keys = sorted(labels, key=rank)
    if part_by:
        titles = list(part_titles(form))
        at = {part: place for place, part in enumerate(titles)}
        keys.sort(key=lambda key: at.get(str(labels[key][part_by]), len(at)))
    shown = _shown(form, keys, figures)
    rest = [key for key in keys if key not in shown]
    names = NAMES[settings["names"]](query, [labels[key] for key in shown]) if "names" in settings else {}
    lines = [
        _Line(
            key,
            str(labels[key][part_by]) if part_by else ALL,
            (key,),
            {
                **labels[key],
                "label": names.get(key, labels[key][settings["by"][-1]]),
                "code": labels[key][settings["by"][0]],
            },
        )
        for key in shown
    ]
    if rest:
        blank = dict.fromkeys(_by(form), "")
        lines.append(_Line(REST, ALL, tuple(rest), {**blank, "label": settings["rest_label"], "code": ""}))
    return lines


def _shown(form: Form, keys: Sequence[str], figures: Mapping[tuple[str, str], Decimal]) -> list[str]:
    """The rows, in order, that have a line of their own: of `top` those that were counted in the period at all; what
    was there in the period before alone stands with the rest."""
    settings = form["grid"]
    if not (top := settings.get("top")):
        return list(keys)
    order = settings["order"].removeprefix("-")
    return [key for key in keys if figures.get((key, order), ZERO)][:top]


def part_titles(form: Form) -> dict[str, str]:
    """Titles of the parts of rows that the facts make."""
    return {part.part: part.title for part in load_parts(form.folder)}


def _percent(form: Form, line: _Line, totals: Mapping[str, Decimal], tags: Sequence[str]) -> Decimal:
    total = totals.get(tags[0], ZERO)
    return (_value(form, line, tags[0]) * 100 / total).quantize(_TENTH) if total else ZERO


def _change(form: Form, line: _Line, totals: Mapping[str, Decimal], tags: Sequence[str]) -> Decimal | None:
    now, before = (_value(form, line, tag) for tag in tags)
    return ((now - before) * 100 / before).quantize(_TENTH) if before else None


def _ratio(form: Form, line: _Line, totals: Mapping[str, Decimal], tags: Sequence[str]) -> Decimal | None:
    upper, lower = (_value(form, line, tag) for tag in tags)
    return (upper / lower).quantize(_TENTH) if lower else None


def _add(form: Form, line: _Line, totals: Mapping[str, Decimal], tags: Sequence[str]) -> Decimal:
    return sum((_value(form, line, tag) for tag in tags), ZERO)


def _unknown(form: Form, line: _Line, totals: Mapping[str, Decimal], tags: Sequence[str]) -> None:
    """What the product has no source for: shown as unknown, never as none."""


def _value(form: Form, line: _Line, tag: str) -> Decimal:
    value: Decimal = line.own[form.column(tag).key]
    return value


_FORMULAS: dict[str, Callable[[Form, _Line, Mapping[str, Decimal], Sequence[str]], Decimal | None]] = {
    "percent": _percent,
    "change": _change,
    "ratio": _ratio,
    "add": _add,
    "unknown": _unknown,
}


def _reckoned(formula: Sequence[str], tag: str, figures: Mapping[tuple[str, str], Decimal]) -> Any:
    """One figure of a row that is reckoned from others; blank where there is none."""
    if formula[0] == "unknown":
        return BLANK
    upper, lower = (figures.get((row, tag), ZERO) for row in formula[1:])
    return (upper / lower).quantize(_TENTH) if lower else BLANK


def with_basis(form: Form, basis: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Plan, Mapping[str, Any]]]:
    """The countings of a form with what a run kept of each; of one that the run did not do yet, no facts."""
    known = {(one["facts"], one["is_before"], one.get("measure", "")): one for one in basis}
    for plan in plans(form):
        yield plan, known.get((plan.facts, plan.is_before, plan.measure), {"rows": []})


def behind(form: Form, basis: Sequence[Mapping[str, Any]], query: Query, row: str, column: Column) -> list[str]:
    """The references that one figure of a stored report counts; `row` is the key of its line."""
    found: list[str] = []
    shown = _shown_before(form, basis, query) if row == REST else frozenset()
    own = rows_of(form)
    reckoned = own.formulas().get(row, ()) if own else ()
    for plan, kept in with_basis(form, basis):
        asked = next((one for one in plan.asked if one.tag == column.tag), None)
        if asked is None:
            continue
        facts = facts_of(plan, kept, query)
        rows = frozenset(reckoned[1:] or [row]) if row != REST else frozenset(_keys(form, plan, facts)[0]) - shown
        found += within(facts, plan.shape, plan.keys, plan.row_fields, asked, rows)
    return list(dict.fromkeys(found))


def facts_of(plan: Plan, kept: Mapping[str, Any], query: Query) -> list[Fact]:
    """The facts that a stored report counted."""
    shape = plan.shape
    if "splits" in kept:
        results = [result for _, result in kept["splits"]]
        return plan.kept(FACTS[plan.facts].detail(results, query, shape.fields, shape.measures))
    return [tuple(fact) for fact in kept["rows"]]


def _shown_before(form: Form, basis: Sequence[Mapping[str, Any]], query: Query) -> frozenset[str]:
    """The rows of a stored report that have a line of their own: those of the counting that orders them."""
    order = form["grid"]["order"].removeprefix("-")
    for plan, kept in with_basis(form, basis):
        if any(one.tag == order for one in plan.asked):
            keys, figures = _keys(form, plan, facts_of(plan, kept, query))
            return frozenset(_shown(form, keys, figures))
    return frozenset()


def _keys(form: Form, plan: Plan, facts: Sequence[Fact]) -> tuple[list[str], Mapping[tuple[str, str], Decimal]]:
    """The rows that some facts make, highest first, and their figures."""
    counted = place(facts, plan.shape, plan.keys, plan.row_fields, plan.asked)
    labels: dict[str, dict[str, Any]] = {}
    _label(form, plan, counted, labels)
    order = form["grid"]["order"].removeprefix("-")
    return sorted(labels, key=lambda key: (-counted.sums.get((key, order), ZERO), key)), counted.sums


def explain_row(query: Query, ref: str) -> Explained:
    """Nothing more than the figures: each of them opens what it counts."""
    return "reports/_grid_row.html", {}

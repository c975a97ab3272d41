"""The checks at the foot of a form, before anybody signs it. Pure: they read the frozen table only.

Each check of the definition gives one finding, passed or not, with the claim codes that it is about, so that
every finding opens the visits behind it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from his.core.money import CENT, round0
from his.ui.text import money_text
from reports.definition import Check, Form
from reports.table import UNPLACED, Cell, sums_of

MAX_REFS = 2000
"""More references than anybody reads are cut; the message keeps the count."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What checks look at beside the table: references by flag, and sums of counterparts by column."""

    flags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    figures: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    title: str
    severity: str
    passed: bool
    message: str = ""
    refs: tuple[str, ...] = ()
    count: int = 0

    def stored(self) -> dict[str, Any]:
        """As kept in the report."""
        return {**asdict(self), "refs": list(self.refs[:MAX_REFS])}


def run_checks(form: Form, values: Mapping[str, Any], facts: Facts) -> list[Finding]:
    """All checks of the form in its order."""
    return [_KINDS[check.kind](form, check, values, facts) for check in form.checks]


def blocking(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Stored findings that must be mended before the form is signed."""
    return [row for row in checks if not row["passed"] and row["severity"] == "blocking"]


def _finding(check: Check, refs: Sequence[str], message: str = "") -> Finding:
    text = message or (f"{len(refs)} {check.noun}" if refs else "")
    return Finding(check.title, check.severity, not refs, text, tuple(refs), len(refs))


def _mapped(form: Form, check: Check, values: Mapping[str, Any], facts: Facts) -> Finding:
    at = form.tags.index(form["section_column"])
    lost = [i for i, section in enumerate(values["sections"]) if section == UNPLACED]
    codes = sorted({str(values["rows"][i][at]) for i in lost})
    message = (
        f"{len(lost)} lượt khám có loại hình KCB {', '.join(codes)} chưa được mẫu xếp vào phần nào" if lost else ""
    )
    return _finding(check, [values["refs"][i] for i in lost], message)


def _identity(form: Form, check: Check, values: Mapping[str, Any], facts: Facts) -> Finding:
    """|whole - parts| is at most 0.01 in each row, and so in the total of the columns that are summed."""
    whole = form.tags.index(check.whole)
    parts = [(-1 if tag.startswith("-") else 1, tag.removeprefix("-")) for tag in check.parts]
    places = [(sign, form.tags.index(tag)) for sign, tag in parts]
    wrong = []
    for ref, row in zip(values["refs"], values["rows"], strict=True):
        if (
            abs(Decimal(row[whole] or 0) - sum((sign * Decimal(row[at] or 0) for sign, at in places), Decimal(0)))
            > CENT
        ):
            wrong.append(ref)
    totals = sums_of(form, values["rows"])
    if check.whole not in totals:
        return _finding(check, wrong, f"{len(wrong)} dòng sai" if wrong else "")
    gap = totals[check.whole] - sum((sign * totals[tag] for sign, tag in parts), Decimal(0))
    unit = "" if form.column(check.whole).type == "count" else " đ"
    if not wrong and abs(gap) > CENT * max(1, len(values["rows"])):
        return Finding(check.title, check.severity, False, f"Tổng cộng lệch {money_text(gap)}{unit}")
    return _finding(check, wrong, f"{len(wrong)} dòng sai, tổng lệch {money_text(gap)}{unit}" if wrong else "")


def _row_identity(form: Form, check: Check, values: Mapping[str, Any], facts: Facts) -> Finding:
    """The same of rows: `whole` and `parts` are keys of rows, and it holds in every column that counts."""
    rows = dict(zip(values["refs"], values["rows"], strict=True))
    parts = [(-1 if name.startswith("-") else 1, rows[name.removeprefix("-")]) for name in check.parts]
    wrong = []
    for at, column in enumerate(form.columns):
        if column.is_counted:
            told = sum((sign * Decimal(row[at] or 0) for sign, row in parts), Decimal(0))
            if Decimal(rows[check.whole][at] or 0) != told:
                wrong.append(column.short)
    said = f"{len(wrong)} {check.noun} sai: {', '.join(wrong)}" if wrong else ""
    return Finding(check.title, check.severity, not wrong, said, (check.whole,) if wrong else (), len(wrong))


def _filled(form: Form, check: Check, values: Mapping[str, Any], facts: Facts) -> Finding:
    at = [form.tags.index(tag) for tag in check.columns]
    return _where(check, values, lambda row: any(row[i] == "" for i in at))


def _fits(form: Form, check: Check, values: Mapping[str, Any], facts: Facts) -> Finding:
    limits = [column.max for column in form.columns]
    return _where(check, values, lambda row: any(len(str(c)) > limit for c, limit in zip(row, limits, strict=True)))


def _in_order(form: Form, check: Check, values: Mapping[str, Any], facts: Facts) -> Finding:
    at = [form.tags.index(tag) for tag in check.columns]

    def is_wrong(row: Sequence[Cell]) -> bool:
        known = [str(row[i]) for i in at if row[i] != ""]
        return known != sorted(known)

    return _where(check, values, is_wrong)


def _where(check: Check, values: Mapping[str, Any], is_wrong: Callable[[Sequence[Cell]], bool]) -> Finding:
    rows = zip(values["refs"], values["rows"], strict=True)
    return _finding(check, [ref for ref, row in rows if is_wrong(row)])


def _equals(form: Form, check: Check, values: Mapping[str, Any], facts: Facts) -> Finding:
    """The sums equal those of the counterpart to 0.01 đồng, and so does every row that both have."""
    differing = tuple(facts.flags.get(f"{check.figures}_differ", ()))
    theirs, ours = facts.figures.get(check.figures, {}), sums_of(form, values["rows"])
    gaps = [
        f"{form.column(tag).short}: biểu {money_text(ours[tag])}, hồ sơ {money_text(theirs.get(tag, Decimal(0)))}"
        for tag in check.columns
        if ours[tag] != theirs.get(tag, Decimal(0))
    ]
    words = [*gaps, *([f"{len(differing)} hồ sơ khác dòng của biểu"] if differing else [])]
    return Finding(check.title, check.severity, not words, "; ".join(words), differing, len(differing))


def _flagged(form: Form, check: Check, values: Mapping[str, Any], facts: Facts) -> Finding:
    return _finding(check, list(facts.flags.get(check.flag, ())))


def _rounding(form: Form, check: Check, values: Mapping[str, Any], facts: Facts) -> Finding:
    """Says the difference of the printed total (rounded once) and the printed rows; it is no error."""
    totals, places = sums_of(form, values["rows"]), [(tag, form.tags.index(tag)) for tag in check.columns]
    words = []
    for tag, at in places:
        gap = round0(totals[tag]) - sum((round0(Decimal(row[at] or 0)) for row in values["rows"]), Decimal(0))
        if gap:
            words.append(f"{form.column(tag).heading} lệch {money_text(gap)} đ")
    return Finding(check.title, check.severity, True, "; ".join(words) or "Không lệch")


_KINDS: dict[str, Callable[[Form, Check, Mapping[str, Any], Facts], Finding]] = {
    "mapped": _mapped,
    "identity": _identity,
    "row_identity": _row_identity,
    "filled": _filled,
    "fits": _fits,
    "in_order": _in_order,
    "equals": _equals,
    "flagged": _flagged,
    "rounding": _rounding,
}

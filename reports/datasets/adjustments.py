"""Corrections of visits that a filed 01/BH asks the fund for (09/BH, TT 12/2026/TT-BTC): a row for each changed field.

A visit is on the form of the month in which it was closed again. What it said *before* is what the fund was told last:
the split in force when the 01/BH was signed, or when the month of the form began, whichever is later. *After* is the
last split of the month. So a filed 01/BH and the adjustments since add up to what the records say now. The fields are
those of the stored claims of both splits (XML1, XML2, XML3), so the form says what the files say. A split that makes no
claim asks for nothing: who was taken away and comes back is told as new, with every line.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from his.accounts.models import Facility
from his.audit.models import AuditEntry
from his.core.money import ZERO
from his.ui.text import money_text
from insurance.claims.compare import RowChange, TableChange, Tables, compare
from insurance.claims.inclusion import asks_nothing, reason_left_out_of
from insurance.claims.stored import tables_of
from insurance.models import BenefitResult, Claim
from insurance.standards import load
from patients.models import Visit
from reports.datasets.base import Dataset, Explained, Query, Row
from reports.datasets.visits import explain_visit
from reports.filing_models import Filing
from reports.table import BLANK

SETTLEMENT = "01BH"
"""The form with which the fund is asked for a month."""
SUMMARY, LINES = "XML1", ("XML2", "XML3")
FUND, AMOUNT = "T_BHTT", "THANH_TIEN_BH"
CHANGE, CANCEL = "1", "2"
"""TRANGTHAI: the facility asks to change, or to take away, as the portal's file takes it."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A visit with what the fund was told last and what is true at the end of the period."""

    visit: Visit
    month: str
    before: BenefitResult
    after: BenefitResult
    reason: str

    @property
    def is_cancelled(self) -> bool:
        """Whether the fund is asked for nothing any more."""
        return bool(reason_left_out_of(self.visit, self.after))

    @property
    def is_restored(self) -> bool:
        """Whether the fund was told last that nothing is asked for."""
        return asks_nothing(self.before)

    @property
    def told(self) -> Decimal:
        """What the fund was asked for last, đồng."""
        return ZERO if self.is_restored else self.before.fund_amount

    @property
    def asked(self) -> Decimal:
        """What it is asked for now, đồng."""
        return ZERO if self.is_cancelled else self.after.fund_amount

    @property
    def difference(self) -> Decimal:
        """By how much the fund's part changed, đồng."""
        return self.asked - self.told


def adjustments(query: Query) -> Dataset:
    """The changed fields of the claims of filed months, visit after visit. Visits that are still open are flagged."""
    found = Dataset()
    for one in adjusted(query):
        code = one.visit.claim_code
        old = None if one.is_restored else _claims(one, before=True)
        new = None if one.is_cancelled else _claims(one, before=False)
        known = old or new
        if known is None or (old is None and not one.is_restored) or (new is None and not one.is_cancelled):
            found.flags["no_claim"].append(code)
            continue
        told = f"quỹ {money_text(one.told)} → {money_text(one.asked)} đ"
        found.sections.append((code, f"{code} · {one.visit.patient.full_name} · kỳ {one.month}: {told}"))
        for number, cells in enumerate(_changes(one, old, new), 1):
            if not cells["status"]:
                found.flags["added"].append(code)
            found.rows.append(Row(f"{code}/{number}", None, {**_blank(), **_head(one, known), **cells}, code))
    found.flags["open"] = _open(query)
    return found


def adjusted(query: Query) -> Iterator[Adjusted]:
    """The visits of filed months that were closed again in the period and whose split is another one now."""
    start, end = query.period.instants()
    versions: dict[Visit, list[BenefitResult]] = defaultdict(list)
    again = BenefitResult.objects.for_facility(query.facility).filter(
        version__gt=1, computed_at__gte=start, computed_at__lt=end
    )
    results = BenefitResult.objects.for_facility(query.facility).filter(
        visit__in=again.values("visit"), computed_at__lt=end
    )
    ordered = results.defer("explanation", "parameters").order_by("visit__claim_code", "version")
    for result in ordered.select_related("visit__patient"):
        versions[result.visit].append(result)
    if not versions:
        return
    filed = filed_codes(query.facility, [visit.claim_code for visit in versions])
    reasons = _reasons(query.facility, filed, end)
    for visit, found in versions.items():
        if visit.claim_code not in filed:
            continue
        filing = filed[visit.claim_code]
        told_at = max(start, filing.signed_at or start)
        before = [one for one in found if one.computed_at <= told_at]
        if before and before[-1] != found[-1]:
            month = f"{filing.period_start:%Y%m}"
            since = [text for at, text in reasons[visit.claim_code] if at > before[-1].computed_at]
            one = Adjusted(visit, month, before[-1], found[-1], "; ".join(dict.fromkeys(since)))
            if not (one.is_restored and one.is_cancelled):
                yield one


def filed_codes(facility: Facility, codes: Sequence[str]) -> dict[str, Filing]:
    """The filed 01/BH in force by the claim codes that it holds; of several months the latest."""
    rows = Filing.objects.for_facility(facility).filter(
        form=SETTLEMENT, state__in=(Filing.State.SIGNED, Filing.State.SENT), refs__overlap=list(codes)
    )
    found: dict[str, Filing] = {}
    for filing in rows.defer("checks").order_by("period_start"):
        found |= dict.fromkeys(set(codes).intersection(filing.refs), filing)
    return found


def _reasons(facility: Facility, codes: Iterable[str], end: datetime) -> dict[str, list[tuple[datetime, str]]]:
    """Why visits were opened again, as written then, in order of time."""
    rows = AuditEntry.objects.for_facility(facility).filter(
        action="billing.reopen_visit", facts__claim_code__in=list(codes), at__lt=end
    )
    found: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for at, facts in rows.order_by("at", "pk").values_list("at", "facts"):
        found[facts["claim_code"]].append((at, facts["reason"]))
    return found


def _claims(one: Adjusted, *, before: bool) -> Claim | None:
    """The last stored claim of one of the two splits."""
    rows = Claim.objects.filter(result=one.before if before else one.after).select_related("layout")
    found: Claim | None = rows.order_by("-version").first()
    return found


def _blank() -> dict[str, Any]:
    names = ("table", "line", "item", "ordered_at", "status", "field", "old", "field_after", "new", "none")
    return {**dict.fromkeys(names, ""), "difference": BLANK}


def _head(one: Adjusted, known: Claim) -> dict[str, str]:
    """What each row says of the visit, as it was sent; of one that was taken away, as it is now."""
    (summary,) = tables_of(known)[SUMMARY]
    names = {"patient_code": "MA_BN", "full_name": "HO_TEN", "card": "MA_THE_BHYT"}
    names |= {"arrived": "NGAY_VAO", "ended": "NGAY_RA"}
    return {
        "claim_code": one.visit.claim_code,
        "month": one.month,
        "reason": one.reason,
        "visit_status": CANCEL if one.is_cancelled else CHANGE,
        **{name: summary.get(tag, "").split(";")[0] for name, tag in names.items()},
    }


def _changes(one: Adjusted, old: Claim | None, new: Claim | None) -> Iterator[dict[str, Any]]:
    """The changed fields: those of the summary, then those of the lines."""
    if new is None or old is None:
        fund = {"table": "1", "field": FUND, "old": f"{one.told:.2f}", "field_after": FUND, "new": f"{one.asked:.2f}"}
        yield {**fund, "status": CANCEL if new is None else CHANGE, "difference": one.difference}
    if new is None:
        return
    before, after = tables_of(old) if old else {}, tables_of(new)
    changes = {table.name: table for table in compare(load(new.standard), before, after)}
    for table in (SUMMARY, *LINES) if old else LINES:
        if table in changes:
            yield from _of_table(one, changes[table], before)


def _of_table(one: Adjusted, table: TableChange, before: Tables) -> Iterator[dict[str, Any]]:
    number = table.name.removeprefix("XML")
    for row in table.rows:
        sent = before[table.name][row.old_number - 1] if row.old_number else {}
        line = {"table": number}
        if table.name != SUMMARY:
            line |= {"line": sent.get("STT", ""), "ordered_at": sent.get("NGAY_YL", ""), "item": _item(row, sent)}
        for tag, old, new in _fields(row):
            status = {"changed": CHANGE, "removed": CANCEL}.get(row.kind, "")
            is_fund = table.name == SUMMARY and tag == FUND
            difference = one.difference if is_fund else BLANK
            yield {
                **line,
                "field": tag,
                "old": old,
                "field_after": tag,
                "new": new,
                "status": status,
                "difference": difference,
            }


def _item(row: RowChange, sent: Mapping[str, str]) -> str:
    """What the line is, as it was sent; of a line that was added as it is now."""
    now = {one.tag: one.new for one in row.fields}
    return next((text for tag in _NAMES if (text := sent.get(tag) or now.get(tag, ""))), "")


def _fields(row: RowChange) -> Iterator[tuple[str, str, str]]:
    """The fields of a row that differ; of a line that came or went its amount, empty on the side that has no line."""
    if row.kind == "changed":
        yield from ((one.tag, one.old, one.new) for one in row.fields)
        return
    amount = next(one for one in row.fields if one.tag == AMOUNT)
    yield AMOUNT, amount.old, amount.new


_NAMES = ("TEN_THUOC", "TEN_DICH_VU", "TEN_VAT_TU")


def _open(query: Query) -> list[str]:
    """Visits of filed months that were opened again and wait to be closed."""
    rows = Visit.objects.for_facility(query.facility).filter(state=Visit.State.EXAMINED, version__gt=1)
    codes = list(rows.order_by("claim_code").values_list("claim_code", flat=True))
    filed = filed_codes(query.facility, codes) if codes else {}
    return [code for code in codes if code in filed]


def explain_adjustment(query: Query, ref: str) -> Explained:
    """The lines of the split in force of the visit behind a row."""
    return explain_visit(query, ref.partition("/")[0])

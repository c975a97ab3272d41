"""Corrections of visits that a filed 01/BH asks the fund for (09/BH, TT 12/2026/TT-BTC): a row for each changed field.

A visit is on the form of the month in which it was closed again. What it said *before* is what the fund was told last:
the split in force when the 01/BH was signed, or when the month of the form began, whichever is later. *After* is the
last split of the month. So a filed 01/BH and the adjustments since add up to what the records say now. The fields are
those of the stored claims of both splits (XML1, XML2, XML3), so the form says what the files say.
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
from insurance.claims.inclusion import reason_left_out_of
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
    def difference(self) -> Decimal:
        """By how much the fund's part changed, đồng."""
        return (ZERO if self.is_cancelled else self.after.fund_amount) - self.before.fund_amount


def adjustments(query: Query) -> Dataset:
    """The changed fields of the claims of filed months, visit after visit. Visits that are still open are flagged."""
    found = Dataset()
    for one in adjusted(query):
        code = one.visit.claim_code
        old, new = _claims(one, before=True), None if one.is_cancelled else _claims(one, before=False)
        if old is None or (new is None and not one.is_cancelled):
            found.flags["no_claim"].append(code)
            continue
        after = ZERO if one.is_cancelled else one.after.fund_amount
        told = f"quỹ {money_text(one.before.fund_amount)} → {money_text(after)} đ"
        found.sections.append((code, f"{code} · {one.visit.patient.full_name} · kỳ {one.month}: {told}"))
        for number, cells in enumerate(_changes(one, old, new), 1):
            if not cells["status"]:
                found.flags["added"].append(code)
            found.rows.append(Row(f"{code}/{number}", None, {**_blank(), **_head(one, old), **cells}, code))
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
            yield Adjusted(visit, month, before[-1], found[-1], "; ".join(dict.fromkeys(since)))


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


def _head(one: Adjusted, old: Claim) -> dict[str, str]:
    """What each row says of the visit, as it was sent."""
    (summary,) = tables_of(old)[SUMMARY]
    names = {"patient_code": "MA_BN", "full_name": "HO_TEN", "card": "MA_THE_BHYT"}
    names |= {"arrived": "NGAY_VAO", "ended": "NGAY_RA"}
    return {
        "claim_code": one.visit.claim_code,
        "month": one.month,
        "reason": one.reason,
        "visit_status": CANCEL if one.is_cancelled else CHANGE,
        **{name: summary.get(tag, "").split(";")[0] for name, tag in names.items()},
    }


def _changes(one: Adjusted, old: Claim, new: Claim | None) -> Iterator[dict[str, Any]]:
    """The changed fields: those of the summary, then those of the lines."""
    if new is None:
        gone = {"table": "1", "field": FUND, "old": f"{one.before.fund_amount:.2f}", "new": "0.00"}
        yield {**gone, "field_after": FUND, "status": CANCEL, "difference": one.difference}
        return
    before, after = tables_of(old), tables_of(new)
    changes = {table.name: table for table in compare(load(new.standard), before, after)}
    for table in (SUMMARY, *LINES):
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

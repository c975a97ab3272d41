"""What comes out of the month: claim files and form 01/BH, read again from the disk and compared to the đồng."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

from lxml import etree

from his.core.dates import month_range, vn_datetime
from his.core.money import ZERO, round0
from his.demo.places import Place
from insurance.billing.effects import paid_of
from insurance.billing.ledger import payable_amount
from insurance.claims.export import MANIFEST, export_month
from insurance.models import BenefitResult, CashEntry
from insurance.standards import load, parse_envelope
from reports.engine import run
from reports.export import EXPORTERS, export, file_name
from reports.period import Period

FORM = "01BH"
TAGS = ("T_TONGCHI_BV", "T_TONGCHI_BH", "T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC")
_ATTRIBUTES = (
    "total_hospital_amount",
    "total_insured_amount",
    "fund_amount",
    "copay_amount",
    "self_paid_amount",
    "other_amount",
)
Totals = dict[str, Decimal]


@dataclass(slots=True)
class Outcome:
    """The month of one facility in figures. Amounts are đồng; `splits`, `claims` and `report` are over the claims."""

    facility_code: str
    facility_name: str
    visits: int = 0
    insured: int = 0
    claims: int = 0
    findings: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    errors: int = 0
    splits: Totals = field(default_factory=dict)
    claim_files: Totals = field(default_factory=dict)
    report: Totals = field(default_factory=dict)
    report_rows: int = 0
    patient_amount: Decimal = ZERO
    waived: Decimal = ZERO
    payable: Decimal = ZERO
    received: Decimal = ZERO
    refunded: Decimal = ZERO
    owed: Decimal = ZERO
    differing: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether receipts, splits, claim files and the report say the same to the đồng, without a finding."""
        return (
            self.splits == self.claim_files == self.report
            and self.claims == self.report_rows
            and self.payable == self.received - self.refunded + self.owed
            and not self.differing
            and not self.findings
            and not self.errors
        )


def export_all(place: Place, month: date, claims_dir: Path, reports_dir: Path) -> Outcome:
    """Write the month's claims and form 01/BH of a facility, then compare what was written with what is stored.

    The files are made as of the second day of the next month, so that they are the same in every run.
    """
    officer = place.actor("claims")
    after = month_range(month.year, month.month)[1]
    at = vn_datetime(after + timedelta(days=1), time(9))
    folder = claims_dir / place.facility.code
    exported = export_month(month=month, out_dir=folder, actor=officer, at=at)
    made = run(form=FORM, facility=place.facility, period=Period.month(month), actor=officer, at=at)
    reports_dir.mkdir(parents=True, exist_ok=True)
    for kind in sorted(EXPORTERS):
        (reports_dir / file_name(made, kind)).write_bytes(export(made, kind))
    outcome = Outcome(place.facility.code, place.facility.name)
    outcome.findings = sum(1 for row in exported.files if row.findings)
    outcome.errors = len(exported.errors)
    for row in exported.left_out:
        outcome.left_out[row.reason] = outcome.left_out.get(row.reason, 0) + 1
    claimed = {row.claim_code for row in exported.files}
    _stored(outcome, place, month, claimed)
    _claims(outcome, folder)
    _report(outcome, reports_dir / file_name(made, "xml"))
    return outcome


def _stored(outcome: Outcome, place: Place, month: date, claimed: set[str]) -> None:
    """What the database says: the splits of the claims, and the account of every closed visit of the month."""
    results = BenefitResult.objects.for_facility(place.facility).filter(
        is_current=True, visit__claim_month=month.replace(day=1)
    )
    paid = _paid(outcome, place, month)
    outcome.splits = dict.fromkeys(TAGS, ZERO)
    for result in results.select_related("visit"):
        outcome.visits += 1
        outcome.insured += result.visit.is_insured
        due = payable_amount(result)
        outcome.patient_amount += result.patient_amount
        outcome.waived += result.waived_amount
        outcome.payable += due
        outcome.owed += due - paid.pop(result.visit_id, ZERO)
        if due + result.waived_amount != round0(result.patient_amount):
            outcome.differing.append(result.visit.claim_code)
        if result.visit.claim_code in claimed:
            for tag, attribute in zip(TAGS, _ATTRIBUTES, strict=True):
                outcome.splits[tag] += getattr(result, attribute)
    outcome.differing += [f"phiếu thu của lượt {pk}" for pk, amount in paid.items() if amount]


def _paid(outcome: Outcome, place: Place, month: date) -> dict[int, Decimal]:
    """Receipts less refunds by visit, for visits of the month."""
    paid: dict[int, Decimal] = {}
    entries = CashEntry.objects.for_facility(place.facility).filter(visit__claim_month=month.replace(day=1))
    for entry in entries:
        amount = paid_of(entry)
        outcome.received += max(amount, ZERO)
        outcome.refunded += max(-amount, ZERO)
        paid[entry.visit_id] = paid.get(entry.visit_id, ZERO) + amount
    return paid


def _claims(outcome: Outcome, folder: Path) -> None:
    """What the claim files say, read as anybody's files are read."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    summaries: list[dict[str, str]] = []
    for row in manifest["files"]:
        for claim in parse_envelope(load(row["standard"]), folder / row["file"]):
            summaries += claim.tables["XML1"]
    outcome.claims = len(summaries)
    outcome.claim_files = _sums(summaries)


def _report(outcome: Outcome, path: Path) -> None:
    """What the XML of form 01/BH says."""
    rows = [{cell.tag: cell.text or "" for cell in row} for row in etree.parse(str(path)).iter("CHITIET_HS01BH")]
    outcome.report_rows = len(rows)
    outcome.report = _sums(rows)


def _sums(rows: Iterable[dict[str, str]]) -> Totals:
    totals = dict.fromkeys(TAGS, ZERO)
    for row in rows:
        for tag in TAGS:
            totals[tag] += Decimal(row[tag])
    return totals

"""One visit, one number: what every place says of the same money, held against each other (đối chiếu số liệu).

Each check reads what is stored and computes no split again. A difference names the visit or the paper, so that somebody
can open it. The checks read; they write nothing and mend nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from his.accounts.models import Facility
from his.core.dates import day_range, local, month_range
from his.core.errors import Refusal
from his.core.money import ZERO
from his.ui.text import day_text, money_text
from insurance.billing.effects import PAYS, paid_of, sum_of
from insurance.billing.invoices.queries import chain_of, entries_of_chain
from insurance.billing.ledger import entries_on, expected_cash, left_of, totals, whole_amount
from insurance.billing.shares import Shares
from insurance.billing.statement import UNPLACED, blocks_of
from insurance.claims.manifest import TOTALS
from insurance.claims.stored import rows_of
from insurance.models import (
    BenefitLine,
    BenefitResult,
    CashDay,
    CashEntry,
    CashSession,
    Charge,
    Claim,
    FeeWaiver,
    Invoice,
    InvoiceEntry,
)
from patients.models import Visit
from reports.datasets import settled_visits
from reports.definition import load_form
from reports.engine import freeze
from reports.models import ReportRun
from reports.period import Period

AMOUNTS = ("hospital_amount", "insured_amount", "fund_amount", "copay_amount", "self_paid_amount", "other_amount")
LINE_TAGS = {tag: tag for tag in TOTALS} | {"T_TONGCHI_BV": "THANH_TIEN_BV", "T_TONGCHI_BH": "THANH_TIEN_BH"}
"""Totals of XML1 and the field of XML2 and XML3 that adds up to each (QĐ 130/QĐ-BYT as amended)."""
FORM = "01BH"
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """Two places that say different things of one visit or paper, in Vietnamese."""

    ref: str
    what: str


@dataclass(slots=True)
class Check:
    """One identity: how many things were compared, and which of them differ."""

    name: str
    title: str
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)

    def differs(self, ref: str, what: str, here: object = None, there: object = None) -> None:
        """Note a difference; amounts are written as amounts."""
        if here is not None or there is not None:
            what = f"{what}: {_text(here)} và {_text(there)}"
        self.differences.append(Difference(ref, what))


@dataclass(frozen=True, slots=True)
class Scope:
    """A facility, and one claim month of it or everything."""

    facility: Facility
    month: date | None = None

    def visits(self) -> QuerySet[Visit]:
        rows = Visit.objects.for_facility(self.facility)
        return rows if self.month is None else rows.filter(claim_month=self.month)

    def results(self) -> QuerySet[BenefitResult]:
        """The splits in force."""
        rows = BenefitResult.objects.for_facility(self.facility).filter(is_current=True)
        return rows if self.month is None else rows.filter(visit__claim_month=self.month)

    def entries(self) -> QuerySet[CashEntry]:
        rows = CashEntry.objects.for_facility(self.facility)
        return rows if self.month is None else rows.filter(visit__claim_month=self.month)


def reconcile(facility: Facility, month: date | None = None) -> list[Check]:
    """All checks of a facility, over one claim month or everything it has; checks without differences are there too."""
    scope = Scope(facility, month)
    return [check(scope) for check in CHECKS]


def split_in_force(scope: Scope) -> Check:
    """Closed visits have exactly one split in force, of their own version; visits that are open have none."""
    check = Check("split", "Mỗi lượt đã chốt có đúng một kết quả tách, lượt chưa chốt thì không")
    rows = scope.visits().annotate(
        splits=Count("benefit_results", filter=Q(benefit_results__is_current=True)),
        of_version=Count(
            "benefit_results", filter=Q(benefit_results__is_current=True, benefit_results__version=F("version"))
        ),
    )
    check.compared = rows.count()
    closed = Q(state=Visit.State.CLOSED)
    for visit in rows.filter((closed & ~Q(splits=1, of_version=1)) | (~closed & Q(splits__gt=0))):
        check.differs(visit.claim_code, f"{visit.get_state_display()} với {visit.splits} kết quả tách")  # type: ignore[attr-defined]
    return check


def sums_of_lines(scope: Scope) -> Check:
    """The lines of a split add up to its totals."""
    check = Check("lines", "Tổng các khoản bằng tổng của lượt khám")
    rows = scope.results().annotate(**{f"sum_{name}": Sum(f"lines__{name}", default=ZERO) for name in AMOUNTS})
    check.compared = rows.count()
    wrong = Q()
    for name in AMOUNTS:
        wrong |= ~Q(**{f"sum_{name}": F(_total(name))})
    for row in rows.filter(wrong).select_related("visit"):
        for name in AMOUNTS:
            if (here := getattr(row, _total(name))) != (there := getattr(row, f"sum_{name}")):
                check.differs(row.visit.claim_code, name, here, there)
    return check


def lines_and_charges(scope: Scope) -> Check:
    """A closed visit has one line for each charge in force, of the price and quantity that were charged."""
    check = Check("charges", "Mỗi khoản chi phí đang có hiệu lực nằm đúng một dòng của kết quả tách")
    lines = BenefitLine.objects.filter(result__in=scope.results())
    check.compared = lines.count()
    for code, name in lines.filter(charge__cancelled_at__isnull=False).values_list(
        "result__visit__claim_code", "charge__name"
    ):
        check.differs(code, f"{name}: đã hủy nhưng còn trong kết quả tách")
    standing = Charge.objects.for_facility(scope.facility).filter(
        cancelled_at__isnull=True, visit__in=scope.visits().filter(state=Visit.State.CLOSED)
    )
    for code, name in standing.exclude(benefit_lines__in=lines).values_list("visit__claim_code", "name"):
        check.differs(code, f"{name}: chưa có trong kết quả tách")
    return check


def refunds_and_receipts(scope: Scope) -> Check:
    """What goes back from an entry, or is used of it, never exceeds it, and belongs to the same visit."""
    check = Check("refunds", "Không phiếu nào hoàn quá phiếu gốc, mọi phiếu hoàn cùng lượt với phiếu gốc")
    named = CashEntry.objects.filter(pk__in=scope.entries().filter(reverses__isnull=False).values("reverses"))
    rows = CashEntry.objects.filter(visit__in=named.values("visit")).order_by("visit_id", "pk")
    for _visit, entries in groupby(rows.iterator(chunk_size=CHUNK), key=attrgetter("visit_id")):
        by_id = {entry.pk: entry for entry in entries}
        for pk, left in left_of(by_id.values()).items():
            check.compared += 1
            if left < 0:
                check.differs(by_id[pk].number, "hoàn quá số đã thu", by_id[pk].amount, by_id[pk].amount - left)
    strays = scope.entries().filter(reverses__isnull=False).exclude(reverses__visit=F("visit"))
    for number in strays.values_list("number", flat=True):
        check.differs(number, "phiếu gốc thuộc lượt khám khác")
    return check


def numbers_without_gaps(scope: Scope) -> Check:
    """Each series of papers counts from 1 without a gap; a series is what stands before the last dot."""
    check = Check("numbers", "Số phiếu liên tục, không thiếu số")
    series: dict[str, list[int]] = {}
    numbers = CashEntry.objects.for_facility(scope.facility).values_list("number", flat=True)
    for number in numbers.iterator(chunk_size=5000):
        prefix, _, counted = number.rpartition(".")
        series.setdefault(prefix, []).append(int(counted))
        check.compared += 1
    for prefix, found in series.items():
        if missing := sorted(set(range(1, max(found) + 1)) - set(found)):
            check.differs(prefix, f"thiếu {len(missing)} số, đầu tiên là {missing[0]}")
    return check


def drawers(scope: Scope) -> Check:
    """A drawer that was closed should have held its float and its cash entries."""
    check = Check("drawers", "Tiền phải có của mỗi ca bằng tiền đầu ca cộng các phiếu tiền mặt")
    sessions = CashSession.objects.for_facility(scope.facility).filter(closed_at__isnull=False)
    if scope.month is not None:
        first, last = month_range(scope.month.year, scope.month.month)
        sessions = sessions.filter(opened_at__gte=day_range(first)[0], opened_at__lt=day_range(last)[1])
    for session in sessions.select_related("cashier"):
        check.compared += 1
        if session.expected_amount != (cash := expected_cash(session)):
            ref = f"{session.cashier.username} {day_text(local(session.opened_at).date())}"
            check.differs(ref, "ca thu", session.expected_amount, cash)
    return check


def waivers(scope: Scope) -> Check:
    """What a split says was waived are its waivers that stand, and never more than the patient's part."""
    check = Check("waivers", "Số miễn giảm của lượt khám bằng các lần miễn giảm còn hiệu lực")
    grants = Q(fee_waivers__kind=FeeWaiver.Kind.GRANT, fee_waivers__cancelled_by__isnull=True)
    rows = scope.results().annotate(standing=Sum("fee_waivers__amount", filter=grants, default=ZERO))
    check.compared = rows.exclude(standing=0, waived_amount=0).count()
    for row in rows.exclude(standing=F("waived_amount")).select_related("visit"):
        check.differs(row.visit.claim_code, "miễn giảm", row.waived_amount, row.standing)
    for row in rows.filter(waived_amount__gt=0).select_related("visit"):
        if row.waived_amount > (whole := whole_amount(row)):
            check.differs(row.visit.claim_code, "miễn giảm quá phần người bệnh", row.waived_amount, whole)
    return check


def accounts(scope: Scope) -> Check:
    """No visit was given back more than was paid, and no deposit used or returned beyond what is held."""
    check = Check("accounts", "Không lượt khám nào có số đã trả hoặc tạm ứng còn giữ dưới 0")
    rows = scope.entries().order_by().values("visit__claim_code").annotate(paid=sum_of("paid"), held=sum_of("held"))
    check.compared = rows.count()
    for row in rows.filter(Q(paid__lt=0) | Q(held__lt=0)):
        check.differs(row["visit__claim_code"], "đã trả và còn giữ", row["paid"], row["held"])
    return check


def closed_days(scope: Scope) -> Check:
    """A closed day still has the entries and sums with which it was closed."""
    check = Check("days", "Ngày đã khóa giữ nguyên các phiếu và số tiền lúc khóa")
    days = CashDay.objects.for_facility(scope.facility)
    if scope.month is not None:
        first, last = month_range(scope.month.year, scope.month.month)
        days = days.filter(day__range=(first, last))
    for day in days:
        check.compared += 1
        rows = totals(entries_on(scope.facility, day.day))
        now = sum((row.cash for row in rows if row.method == CashEntry.Method.CASH), ZERO)
        if now != day.cash_amount:
            check.differs(day_text(day.day), "tiền mặt", day.cash_amount, now)
        if (entries := sum(row.count for row in rows)) != day.entry_count:
            check.differs(day_text(day.day), f"{day.entry_count} phiếu lúc khóa, {entries} phiếu bây giờ")
    return check


def cost_statements(scope: Scope) -> Check:
    """The cost statement of a visit has every line of its split, each under a group of the form."""
    check = Check("statements", "Bảng kê chi phí có đủ các khoản của kết quả tách, đều xếp được nhóm")
    rows = BenefitLine.objects.filter(result__in=scope.results()).select_related("charge", "result__visit")
    ordered = rows.defer("reasons").order_by("result_id", "position").iterator(chunk_size=CHUNK)
    for result, found in groupby(ordered, key=attrgetter("result")):
        check.compared += 1
        lines = list(found)
        blocks = blocks_of(lines, visit=result.visit)
        here = Shares.total(block.amounts for block in blocks)
        there = Shares.total(Shares.of(line) for line in lines)
        if here != there:
            check.differs(result.visit.claim_code, "tổng của bảng kê", here.hospital, there.hospital)
        if any(group.title == UNPLACED for block in blocks for group in block.groups):
            check.differs(result.visit.claim_code, "có khoản chưa xếp được nhóm của bảng kê")
    return check


def invoices(scope: Scope) -> Check:
    """A document of invoices says what its cash entries come to, each entry in one document with its own amount."""
    check = Check("invoices", "Hóa đơn nói đúng số tiền của các phiếu trong đó")
    check.compared = scope.entries().filter(kind__in=PAYS).count()
    rows = InvoiceEntry.objects.filter(entry__in=scope.entries()).select_related("entry")
    for row in rows.iterator(chunk_size=CHUNK):
        if row.amount != paid_of(row.entry):
            check.differs(row.entry.number, "số tiền trên hóa đơn", row.amount, paid_of(row.entry))
    roots = Invoice.objects.for_facility(scope.facility).filter(root__isnull=True)
    if scope.month is not None:
        roots = roots.filter(day__range=month_range(scope.month.year, scope.month.month))
    for root in roots:
        chain = chain_of(root)
        entries = sum((row.amount for row in entries_of_chain(chain)), ZERO)
        lines = sum((line.amount for line in chain.current.lines.all()), ZERO)
        if chain.amount != entries:
            check.differs(f"hóa đơn {root.pk}", "chuỗi hóa đơn và các phiếu", chain.amount, entries)
        if chain.current.amount != lines:
            check.differs(f"hóa đơn {root.pk}", "hóa đơn và các dòng", chain.current.amount, lines)
    return check


def claims_and_splits(scope: Scope) -> Check:
    """The totals in the file of a claim are those of the split in force, and its lines add up to them."""
    check = Check("claims", "Hồ sơ BHYT nói đúng số tiền của kết quả tách, từng đồng")
    claims = Claim.objects.filter(is_current=True, result__in=scope.results()).select_related("layout", "result")
    for claim in claims.iterator(chunk_size=CHUNK):
        check.compared += 1
        tables = rows_of(claim)
        (summary,) = tables["XML1"]
        for tag, attribute in TOTALS.items():
            if Decimal(summary[tag]) != (stored := getattr(claim.result, attribute)):
                check.differs(claim.claim_code, tag, stored, Decimal(summary[tag]))
        for tag, sums in _line_sums(tables):
            if sums != Decimal(summary[tag]):
                check.differs(claim.claim_code, f"{tag} của các dòng", sums, Decimal(summary[tag]))
    return check


def report_and_splits(scope: Scope) -> Check:
    """Form 01/BH, as made now and as kept last, has the visits that make a claim, with the amounts of their splits."""
    check = Check("report", "Biểu 01/BH có đúng các lượt được đề nghị thanh toán, với số tiền của kết quả tách")
    months = scope.results().order_by("visit__claim_month").values_list("visit__claim_month", flat=True).distinct()
    for month in filter(None, months):
        try:
            form = load_form(FORM, month)
        except Refusal:  # the form did not exist in that month: there is nothing to compare
            continue
        period = Period.month(month)
        now = freeze(form, scope.facility, period, settled_visits(scope.facility, period))
        kept = ReportRun.objects.for_facility(scope.facility).filter(form=FORM, period_start=month)
        last = kept.order_by("-version").first()
        splits = _splits(scope.facility, month)
        _report(check, "biểu lập bây giờ", now, splits)
        if last is not None and last.values["rows"] != now["rows"]:
            _report(check, f"biểu đã lưu, lần {last.version}", last.values, splits)
        claimed = Claim.objects.for_facility(scope.facility).filter(is_current=True, visit__claim_month=month)
        for code in claimed.exclude(claim_code__in=now["refs"]).values_list("claim_code", flat=True):
            check.differs(code, "có hồ sơ BHYT nhưng không có trong biểu")
    return check


def _report(check: Check, said: str, values: Mapping[str, Any], splits: Mapping[str, BenefitResult]) -> None:
    """Hold each row of a report against the split of its visit."""
    places = [(values["columns"].index(tag), tag, attribute) for tag, attribute in TOTALS.items()]
    for ref, row in zip(values["refs"], values["rows"], strict=True):
        check.compared += 1
        if (split := splits.get(ref)) is None:
            check.differs(ref, f"{said}: lượt này không có kết quả tách trong tháng")
            continue
        for place, tag, attribute in places:
            if (here := getattr(split, attribute)) != (there := Decimal(row[place])):
                check.differs(ref, f"{tag}, {said}", here, there)


def _splits(facility: Facility, month: date) -> dict[str, BenefitResult]:
    rows = Scope(facility, month).results().select_related("visit").defer("explanation", "parameters")
    return {row.visit.claim_code: row for row in rows.iterator(chunk_size=CHUNK)}


def _line_sums(tables: Mapping[str, list[dict[str, str]]]) -> Iterator[tuple[str, Decimal]]:
    """The totals of a claim by tag, added up from its drug and service lines."""
    lines = [row for name in ("XML2", "XML3") for row in tables.get(name, ())]
    for tag, of_line in LINE_TAGS.items():
        yield tag, sum((Decimal(row[of_line]) for row in lines if row[of_line]), ZERO)


def _total(name: str) -> str:
    return f"total_{name}" if name in ("hospital_amount", "insured_amount") else name


def _text(value: object) -> str:
    return money_text(value) if isinstance(value, Decimal) else str(value)


CHECKS: tuple[Callable[[Scope], Check], ...] = (
    split_in_force,
    sums_of_lines,
    lines_and_charges,
    refunds_and_receipts,
    numbers_without_gaps,
    drawers,
    closed_days,
    waivers,
    accounts,
    cost_statements,
    invoices,
    claims_and_splits,
    report_and_splits,
)
"""In the order in which money goes: from what was done to what is reported."""

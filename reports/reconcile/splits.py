"""What was done, what it costs and who pays: charges, lines, totals, waivers, cost statements."""

from django.db.models import Count, F, Prefetch, Q, Sum
from django.db.models.functions import Round

from his.core.money import ZERO
from insurance.billing.ledger import (
    whole_amount,
)
from insurance.billing.shares import Shares
from insurance.billing.statement import UNPLACED, blocks_of
from insurance.models import (
    BenefitLine,
    Charge,
    FeeWaiver,
)
from patients.models import Visit
from reports.reconcile.base import CHUNK, Check, Scope

AMOUNTS = ("hospital_amount", "insured_amount", "fund_amount", "copay_amount", "self_paid_amount", "other_amount")


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
    """A closed visit has one line for each charge in force, which costs what the charge says (docs/money.md)."""
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
    # PostgreSQL rounds numeric values half away from zero: for amounts that is `round2`.
    price = F("charge__quantity") * F("charge__hospital_price") * F("service_rate") / 100
    priced = lines.annotate(price=Round(price, precision=2)).exclude(price=F("hospital_amount"))
    for line in priced.select_related("charge", "result__visit"):
        check.differs(line.result.visit.claim_code, line.charge.name, line.hospital_amount, line.price)
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


def cost_statements(scope: Scope) -> Check:
    """The cost statement of a visit has every line of its split, each under a group of the form."""
    check = Check("statements", "Bảng kê chi phí có đủ các khoản của kết quả tách, đều xếp được nhóm")
    lines_of = Prefetch("lines", BenefitLine.objects.defer("reasons").select_related("charge").order_by("position"))
    rows = scope.results().select_related("visit").defer("explanation", "parameters").prefetch_related(lines_of)
    for result in rows.iterator(chunk_size=CHUNK):
        check.compared += 1
        lines = list(result.lines.all())
        blocks = blocks_of(lines, visit=result.visit)
        here = Shares.total(block.amounts for block in blocks)
        there = Shares.total(Shares.of(line) for line in lines)
        if here != there:
            check.differs(result.visit.claim_code, "tổng của bảng kê", here.hospital, there.hospital)
        if any(group.title == UNPLACED for block in blocks for group in block.groups):
            check.differs(result.visit.claim_code, "có khoản chưa xếp được nhóm của bảng kê")
    return check


def _total(name: str) -> str:
    return f"total_{name}" if name in ("hospital_amount", "insured_amount") else name

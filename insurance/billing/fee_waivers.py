"""Waivers (miễn giảm): what the facility lets the patient keep of their own part, by somebody with the right to it.

The law's split stays as it is: co-payment and self-paid part in the claim and in form 01/BH are those before waivers.
Only what the patient still has to pay becomes less (`ledger.payable_amount`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.core.errors import NotFound, Refusal
from his.core.money import ZERO, round0
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from his.ui.text import money_text
from insurance.billing.ledger import payable_amount, whole_amount
from insurance.billing.queries import current_result, last_result, standing_waivers
from insurance.locks import lock_visit
from insurance.models import BenefitLine, BenefitResult, FeeWaiver
from patients.models import Visit

WHOLE = Decimal(100)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why money is waived: one of the coded reasons, and words for whoever reads it later."""

    code: str
    text: str


@service(action="billing.grant_waiver", permission="billing.waive")
def grant_waiver(
    *,
    visit: Visit,
    reason: Reason,
    actor: Actor,
    at: datetime,
    amount: Decimal | None = None,
    percent: Decimal | None = None,
    line: BenefitLine | None = None,
    idempotency_key: str = "",
) -> FeeWaiver:
    """Waive a part of what the patient pays of a closed visit, or of one of its lines (miễn giảm).

    Either `amount`, whole đồng, or `percent` of the patient's part, rounded to whole đồng and cut to what is left.
    Afterwards the amount due is lower by it; money that was already paid is then due back. Refuses a visit that is not
    closed, a line that is not of its split, both or neither of amount and percent, more than the patient's part that
    is not waived yet, and no reason.
    """
    visit = lock_visit(visit)
    result = current_result(visit)
    if visit.state != Visit.State.CLOSED or result is None:
        raise Refusal("not_closed", "Chưa chốt chi phí, chưa miễn giảm được")
    if line is not None and line.result_id != result.pk:
        raise NotFound("Khoản chi phí không thuộc lượt khám này")
    left = _left(result, line)
    row = FeeWaiver(
        facility=actor.facility,
        visit=visit,
        result=result,
        line=line,
        percent=percent,
        amount=_wanted(result, line, amount, percent, left),
        reason_code=_code(reason),
        reason=_words(reason.text),
        at=at,
        by=actor.user,
    )
    row.save()
    audit_facts(amount=row.amount, percent=percent, reason=row.reason_code, claim_code=visit.claim_code)
    return row


@service(action="billing.cancel_waiver", permission="billing.waive")
def cancel_waiver(*, waiver: FeeWaiver, reason: str, actor: Actor, at: datetime) -> FeeWaiver:
    """Take a waiver back, whole, by a further row (hủy miễn giảm). Afterwards the patient owes it again.

    Refuses a cancellation, a waiver that was cancelled or belongs to a split that another one replaced, and no reason.
    """
    lock_visit(waiver.visit)
    if waiver.kind != FeeWaiver.Kind.GRANT:
        raise Refusal("not_grant", "Chỉ hủy được một lần miễn giảm")
    if FeeWaiver.objects.for_facility(actor.facility).filter(cancels=waiver).exists():
        raise Refusal("already_cancelled", "Lần miễn giảm này đã hủy")
    if last_result(waiver.visit) != waiver.result:
        raise Refusal("already_replaced", "Lượt khám đã chốt lại, miễn giảm của bản chốt cũ không còn hiệu lực")
    row = FeeWaiver.objects.create(
        facility=actor.facility,
        visit=waiver.visit,
        result=waiver.result,
        line=waiver.line,
        kind=FeeWaiver.Kind.CANCELLATION,
        amount=waiver.amount,
        reason_code=waiver.reason_code,
        reason=_words(reason, field="cancel_reason"),
        cancels=waiver,
        at=at,
        by=actor.user,
    )
    audit_facts(amount=row.amount, reason=row.reason_code)
    return row


def carry_over(*, result: BenefitResult, lines: Sequence[BenefitLine], at: datetime) -> list[FeeWaiver]:
    """Give a split that replaces an earlier one the waivers that still stand; the caller holds the visit's lock."""
    carried = [_carried(one.old, result, one.line, one.amount, at) for one in to_carry(result, lines)]
    result.waived_amount += sum((row.amount for row in carried), ZERO)
    return carried


@dataclass(frozen=True, slots=True)
class Carried:
    """A waiver of an earlier split as the next one gets it: for which line, if it was for one, and how many đồng."""

    old: FeeWaiver
    line: BenefitLine | None
    amount: Decimal


def to_carry(result: BenefitResult, lines: Sequence[BenefitLine]) -> list[Carried]:
    """The waivers of the split before that a new one, stored or not, takes over as they were granted.

    A percentage is taken of the new part, an amount is cut to what is left; a waiver of a line follows the thing that
    was charged and ends when that is charged no more.
    """
    last = last_result(result.visit, below=result.version)
    if last is None or not last.waived_amount:
        return []
    by_source = {(line.charge.source_kind, line.charge.source_id): line for line in lines}
    carried: list[Carried] = []
    for old in standing_waivers(last):
        line = old.line and by_source.get((old.line.charge.source_kind, old.line.charge.source_id))
        if old.line is not None and line is None:
            continue
        left = whole_amount(result) - sum((one.amount for one in carried), ZERO)
        if line is not None:
            of_line = sum((one.amount for one in carried if one.line is line), ZERO)
            left = min(left, round0(line.patient_amount) - of_line)
        wanted = old.amount if old.percent is None else round0(_part(result, line) * old.percent / WHOLE)
        if (amount := min(left, wanted)) > 0:
            carried.append(Carried(old, line, amount))
    return carried


def _carried(
    old: FeeWaiver, result: BenefitResult, line: BenefitLine | None, amount: Decimal, at: datetime
) -> FeeWaiver:
    return FeeWaiver.objects.create(
        facility_id=result.facility_id,
        visit=result.visit,
        result=result,
        line=line,
        percent=old.percent,
        amount=amount,
        reason_code=old.reason_code,
        reason=old.reason,
        carried_from=old,
        at=at,
        by=old.by,
    )


def _part(result: BenefitResult, line: BenefitLine | None) -> Decimal:
    """The patient's part that a waiver is measured by, đồng."""
    return (line or result).patient_amount


def _left(result: BenefitResult, line: BenefitLine | None) -> Decimal:
    """What of the patient's part is not waived yet, whole đồng: never more than is left of the visit."""
    of_visit = payable_amount(result)
    if line is None:
        return of_visit
    own = FeeWaiver.objects.for_facility(result.facility).filter(line=line, kind=FeeWaiver.Kind.GRANT)
    waived = sum(own.filter(cancelled_by__isnull=True).values_list("amount", flat=True), ZERO)
    return min(of_visit, round0(line.patient_amount) - waived)


def _wanted(
    result: BenefitResult, line: BenefitLine | None, amount: Decimal | None, percent: Decimal | None, left: Decimal
) -> Decimal:
    if left <= 0:
        raise Refusal("nothing_left", "Người bệnh không còn phần nào phải trả để miễn giảm")
    if amount is not None and percent is None:
        return _fitting_amount(amount, left)
    if percent is not None and amount is None:
        return _share(_part(result, line), percent, left)
    raise Refusal("amount_or_percent", "Hãy gõ số tiền, hoặc phần trăm", field="amount")


def _fitting_amount(amount: Decimal, left: Decimal) -> Decimal:
    if not amount.is_finite() or amount <= 0:
        raise Refusal("not_positive", "Số tiền phải lớn hơn 0", field="amount")
    if amount > left:
        text = f"Chỉ còn {money_text(left)} đ người bệnh phải trả để miễn giảm"
        raise Refusal("too_much", text, field="amount", left=left)
    if amount != round0(amount):
        raise Refusal("not_whole", "Số tiền phải chẵn đồng", field="amount")
    return amount


def _share(part: Decimal, percent: Decimal, left: Decimal) -> Decimal:
    if not percent.is_finite() or not 0 < percent <= WHOLE or percent != round(percent, 2):
        raise Refusal("percent", "Phần trăm phải lớn hơn 0, không quá 100", field="amount")
    if (share := min(left, round0(part * percent / WHOLE))) <= 0:
        raise Refusal("percent", "Phần trăm này chưa được một đồng", field="amount")
    return share


def _code(reason: Reason) -> str:
    if reason.code not in FeeWaiver.Reason.values:
        raise Refusal("reason", "Hãy chọn lý do", field="reason_code")
    return reason.code


def _words(text: str, field: str = "reason") -> str:
    said = fitting(nfc(text), 500, field)
    if not said:
        raise Refusal("reason_missing", "Hãy ghi rõ lý do", field=field)
    return said

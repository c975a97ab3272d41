"""Closing a visit: one computation of who pays what, stored with its explanation, read everywhere."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.core.money import ZERO
from his.service import audit_facts, service
from insurance.benefits.engine import LineSplit, Split, load, split
from insurance.billing.charges import charge_values, find_sources, pricing_day, sources_of, sync_charges, untold
from insurance.billing.difference import difference, fingerprint
from insurance.billing.facts import facts_of, items_of
from insurance.billing.fee_waivers import carry_over, to_carry
from insurance.billing.origins import Source
from insurance.billing.queries import NOT_DISPENSED, blockers, current_result, lines_of
from insurance.hooks import settlement_month
from insurance.locks import lock_claims, lock_visit
from insurance.models import BenefitLine, BenefitResult, Charge, Claim
from insurance.rules.desk import closing_notices
from patients.models import Visit
from patients.notices import Notice
from patients.services.price_notices import note_told
from patients.services.visits import mark_closed, mark_reopened

T = TypeVar("T")


@service(action="billing.close_visit", permission="billing.close")
def close_visit(
    *,
    visit: Visit,
    actor: Actor,
    at: datetime,
    drugs_declined_reason: str = "",
    extra_told: bool = False,
    seen: str = "",
) -> BenefitResult:
    """Settle what a visit costs and who pays (chốt chi phí).

    Afterwards every source has a charge, one current `BenefitResult` with a line for each charge exists, waivers of
    an earlier version are carried over, and the visit is closed in the claim month of `at`, or in that of the filed
    01/BH that holds it already (`hooks.settlement_month`). What the rules find in the claim stops nothing; the audit
    entry names the rules, the cashier and the claim desk see them. `seen` is the fingerprint
    (`difference.fingerprint`) of the split that the cashier looked at: when it has changed since, closing refuses
    with `changed` and stores nothing. Refuses: `already_closed`, `not_signed`, `results_pending`, `not_dispensed`
    (unless the patient declined the drugs, with a reason), `before_end`, `extra_not_told` (unless `extra_told`: the
    cashier told the patient now, and that goes on record), `nothing_to_charge`, and what the price list or the
    benefit rules lack. Sources: QĐ 4750/QĐ-BYT (amounts), Luật BHYT Đ22 (levels).
    """
    visit = lock_visit(visit)
    _require_ready(visit, drugs_declined_reason, at)
    sources = sources_of(visit)
    _require_told(visit, sources, actor, at, extra_told=extra_told)
    charges = sync_charges(visit=visit, at=at, sources=sources)
    if not charges:
        raise Refusal("nothing_to_charge", "Lượt khám không có khoản chi phí nào")
    result, lines = rows_of(visit, charges)
    if seen and seen != fingerprint(lines):
        raise Refusal("changed", "Chi phí vừa thay đổi so với số trên màn hình, hãy xem lại số mới rồi chốt")
    changed = difference(visit, lines)
    _store(result, lines, actor, at)
    waivers = carry_over(result=result, lines=lines, at=at)
    found = closing_notices(visit, result, lines, at)
    mark_closed(visit=visit, actor=actor, at=at, claim_month=settlement_month(visit, at))
    audit_facts(
        claim_code=visit.claim_code,
        version=result.version,
        total=result.total_hospital_amount,
        fund=result.fund_amount,
        patient=result.patient_amount,
        waived=sum((waiver.amount for waiver in waivers), ZERO),
        drugs_declined=drugs_declined_reason,
        change=changed.change.patient if changed else None,
        findings=";".join(sorted({notice.rule for notice in found})),
    )
    return result


@service(action="billing.reopen_visit", permission="billing.reopen")
def reopen_visit(*, visit: Visit, reason: str, actor: Actor, at: datetime) -> Visit:
    """Open a closed visit for a correction (mở lại lượt khám); the claim code stays, the version goes up.

    Afterwards no split is in force and the claim is superseded, so nothing can be exported until it is closed
    again. Money already paid stays in the ledger. Refuses without a reason or when the visit is not closed.
    """
    if not reason.strip():
        raise Refusal("reason_missing", "Hãy ghi lý do mở lại", field="reason")
    visit = lock_visit(visit)
    if visit.state != Visit.State.CLOSED:
        raise Refusal("not_closed", "Lượt khám chưa chốt chi phí")
    lock_claims(actor.facility)
    BenefitResult.objects.filter(visit=visit, is_current=True).update(is_current=False)
    Claim.objects.filter(visit=visit, is_current=True).update(is_current=False, state=Claim.State.SUPERSEDED)
    audit_facts(claim_code=visit.claim_code, reason=reason)
    return mark_reopened(visit=visit, actor=actor, at=at)


def preview(visit: Visit, sources: Sequence[Source] | None = None) -> tuple[BenefitResult, list[BenefitLine]]:
    """What closing now would give, without storing anything, with the waivers of an earlier split carried over.

    `sources` leaves out what has no price yet; by default everything, which refuses when a price is missing.
    """
    charges = [
        Charge(pk=number, visit=visit, **charge_values(source))
        for number, source in enumerate(sources_of(visit) if sources is None else sources, 1)
    ]
    result, lines = rows_of(visit, charges)
    result.waived_amount = sum((one.amount for one in to_carry(result, lines)), ZERO)
    return result, lines


def rehearse(visit: Visit, actor: Actor, at: datetime, ask: Callable[[], T]) -> T | None:
    """What `ask` says while an examined visit is closed as it is now; nothing of it is stored.

    None when it cannot be closed now, or another desk works on it. `ask` reads completely what it answers.
    """
    with transaction.atomic():
        try:
            return _rehearsed(visit, actor, at, ask)
        except Refusal:  # the screen says why it cannot be closed
            return None
        finally:
            transaction.set_rollback(True)


def _rehearsed(visit: Visit, actor: Actor, at: datetime, ask: Callable[[], T]) -> T | None:
    rows = Visit.objects.for_facility(visit.facility).filter(pk=visit.pk, state=Visit.State.EXAMINED)
    locked = rows.select_for_update(no_key=True, skip_locked=True, of=("self",)).first()
    if locked is None:
        return None
    result, lines = rows_of(locked, sync_charges(visit=locked, at=at))
    _store(result, lines, actor, at)
    rows.update(state=Visit.State.CLOSED, closed_at=at, claim_month=settlement_month(locked, at))
    return ask()


def claim_notices(visit: Visit, at: datetime) -> list[Notice]:
    """What the rules find in the claim of a closed visit, or in the one that closing now would give; none while the
    visit cannot be closed or has no split yet."""
    if visit.state == Visit.State.CLOSED:
        result = current_result(visit)
        return closing_notices(visit, result, lines_of(result), visit.closed_at or at) if result else []
    if visit.state != Visit.State.EXAMINED or not visit.is_insured:
        return []
    sources, _missing = find_sources(visit)
    try:
        result, lines = preview(visit, sources)
    except Refusal:  # the screen says why no split can be shown
        return []
    return closing_notices(visit, result, lines, at)


def rows_of(visit: Visit, charges: Sequence[Charge]) -> tuple[BenefitResult, list[BenefitLine]]:
    """The split of a visit, with the parameters in force on the day it ended, as rows that are not stored yet.

    The lines are in the order of the charges.
    """
    on = pricing_day(visit)
    answer = split(facts_of(visit, on=on), items_of(charges), load(on=on))
    by_key = {line.key: line for line in answer.lines}
    result = BenefitResult(facility=visit.facility, visit=visit, version=visit.version, **result_values(answer))
    lines = [
        BenefitLine(facility=visit.facility, charge=charge, position=position, **line_values(by_key[str(charge.pk)]))
        for position, charge in enumerate(charges, 1)
    ]
    return result, lines


def _require_ready(visit: Visit, drugs_declined_reason: str, at: datetime) -> None:
    if visit.state == Visit.State.CLOSED:
        when = f" lúc {local(visit.closed_at):%H:%M ngày %d/%m/%Y}" if visit.closed_at else ""
        raise Refusal("already_closed", f"Lượt khám đã được chốt chi phí{when}")
    for blocker in blockers(visit):
        if blocker.code != NOT_DISPENSED or not drugs_declined_reason.strip():
            raise blocker
    if visit.ended_at is not None and at < visit.ended_at:
        raise Refusal("before_end", "Giờ chốt trước giờ kết thúc khám, hãy kiểm tra đồng hồ máy")


def _require_told(visit: Visit, sources: Sequence[Source], actor: Actor, at: datetime, *, extra_told: bool) -> None:
    """What costs the patient more than the usual price was told, or is told now."""
    dear = untold(visit, sources)
    if dear and not extra_told:
        names = "; ".join(sorted({source.name for source in dear}))
        text = f"Chưa báo người bệnh phần chênh lệch giá: {names}"
        raise Refusal("extra_not_told", text, field="extra_told")
    for code in dict.fromkeys(source.code for source in dear):
        amount = max(source.extra_amount for source in dear if source.code == code)
        note_told(visit=visit, service_code=code, amount=amount, actor=actor, at=at)


def _store(result: BenefitResult, lines: Sequence[BenefitLine], actor: Actor, at: datetime) -> None:
    """Keep the answer; a visit that was closed before has no result in force since it was reopened."""
    result.computed_at, result.computed_by = at, actor.user
    result.save()
    for line in lines:
        line.result = result
    BenefitLine.objects.bulk_create(lines)


def result_values(answer: Split) -> dict[str, Any]:
    """What a stored result takes over from the engine's answer."""
    totals = answer.totals
    return {
        "entitlement_code": answer.entitlement_code,
        "card_percent": answer.card_percent,
        "route_percent": answer.route_percent,
        "total_hospital_amount": totals.hospital,
        "total_insured_amount": totals.insured,
        "fund_amount": totals.fund,
        "copay_amount": totals.copay,
        "self_paid_amount": totals.self_paid,
        "other_amount": totals.other,
        "fund_fee_for_service_amount": totals.fund_fee_for_service,
        "explanation": [asdict(step) for step in answer.explanation],
        "parameters": dict(answer.parameter_set),
    }


_LINE = (
    "service_rate",
    "payment_rate",
    "benefit_percent",
    "hospital_amount",
    "insured_amount",
    "fund_amount",
    "copay_amount",
    "self_paid_amount",
    "other_amount",
    "ceiling_amount",
)


def line_values(line: LineSplit) -> dict[str, Any]:
    """What a stored line takes over from the engine's answer."""
    return {name: getattr(line, name) for name in _LINE} | {"reasons": list(line.reasons)}

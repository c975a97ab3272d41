"""What the patient wishes to pay alone although the fund would pay a part of it (tự nguyện chi trả)."""

from datetime import datetime

from his.accounts.actor import Actor
from his.catalogs.models import OUTSIDE_SCOPE
from his.core.errors import NotFound, Refusal
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from insurance.billing.charges import find_sources, self_pay_choices
from insurance.billing.origins import Source
from insurance.locks import lock_visit
from insurance.models import SelfPayChoice
from patients.models import Visit


def choosable(visit: Visit, sources: list[Source]) -> list[Source]:
    """What the fund would pay a part of, while the visit is open: it may be moved to self-pay."""
    if not visit.is_insured or visit.state == Visit.State.CLOSED:
        return []
    return [source for source in sources if source.scope_code != OUTSIDE_SCOPE]


@service(action="billing.choose_self_pay", permission="billing.close")
def choose_self_pay(
    *, visit: Visit, source_kind: str, source_id: int, reason: str, actor: Actor, at: datetime
) -> SelfPayChoice:
    """Move one thing of an insured visit to self-pay on the patient's wish (chuyển sang tự trả).

    Afterwards it is charged outside the scope of the fund at the same price, in this and every later split. Refuses a
    closed visit, a thing that is not charged in this visit or is self-paid already, and no reason.
    """
    visit = lock_visit(visit)
    _require_open(visit)
    sources, _missing = find_sources(visit)
    source = next((source for source in sources if source.key == (source_kind, source_id)), None)
    if source is None:
        raise NotFound("Khoản này không có trong lượt khám")
    if not choosable(visit, [source]):
        raise Refusal("already_self_paid", "Khoản này người bệnh đã tự trả")
    said = fitting(nfc(reason), 500, "reason")
    if not said:
        raise Refusal("reason_missing", "Hãy ghi lý do, hoặc ý muốn của người bệnh", field="reason")
    audit_facts(claim_code=visit.claim_code, source=f"{source_kind}:{source_id}", code=source.code)
    return SelfPayChoice.objects.create(
        facility=actor.facility,
        visit=visit,
        source_kind=source_kind,
        source_id=source_id,
        name=source.name,
        reason=said,
        at=at,
        by=actor.user,
    )


@service(action="billing.withdraw_self_pay", permission="billing.close")
def withdraw_self_pay(*, choice: SelfPayChoice, actor: Actor, at: datetime) -> SelfPayChoice:
    """Let the fund pay its part again. Refuses a closed visit and a choice that was taken back."""
    visit = lock_visit(choice.visit)
    _require_open(visit)
    current = next((row for row in self_pay_choices(visit) if row.pk == choice.pk), None)
    if current is None:
        raise Refusal("already_withdrawn", "Lựa chọn này đã bỏ")
    current.withdrawn_at, current.withdrawn_by = at, actor.user
    current.save(update_fields=["withdrawn_at", "withdrawn_by"])
    audit_facts(claim_code=visit.claim_code, source=f"{current.source_kind}:{current.source_id}")
    return current


def _require_open(visit: Visit) -> None:
    if visit.state == Visit.State.CLOSED:
        raise Refusal("already_closed", "Lượt khám đã chốt chi phí; mở lại trước khi đổi")
    if visit.state == Visit.State.CANCELLED:
        raise Refusal("cancelled", "Lượt khám đã hủy")
    if not visit.is_insured:
        raise Refusal("not_insured", "Lượt khám này người bệnh tự trả tất cả")

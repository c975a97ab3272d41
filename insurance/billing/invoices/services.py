"""Making documents: an invoice for one visit, one for everybody of a day, and corrections of both.

Nothing here speaks to a provider: a document that is made waits in the queue (`queue.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import uuid4

from his.accounts.actor import Actor
from his.core.codes import CITIZEN_ID
from his.core.dates import local
from his.core.errors import Refusal
from his.core.money import ZERO
from his.core.text import fitting, nfc
from his.locks import lock_name
from his.service import audit_facts, service
from insurance.billing.closing import lock_visit
from insurance.billing.effects import paid_of
from insurance.billing.invoices import queries, wording
from insurance.billing.invoices.codes import is_email, is_tax_code
from insurance.billing.invoices.queries import Chain
from insurance.models import CashEntry, Invoice, InvoiceEntry, InvoiceLine, InvoiceNotice, InvoiceProfile
from patients.models import Visit

Kind, Relation, State = Invoice.Kind, Invoice.Relation, Invoice.State
SERVICE = "Dịch vụ khám bệnh, chữa bệnh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who is written on an invoice. Named as the fields of `Invoice`; only the name is needed."""

    buyer_name: str
    buyer_company: str = ""
    buyer_tax_code: str = ""
    buyer_citizen_id: str = ""
    buyer_address: str = ""
    buyer_email: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    amount: Decimal


@service(action="billing.issue_invoice", permission="billing.invoice")
def issue_invoice(*, visit: Visit, buyer: Buyer, actor: Actor, at: datetime, idempotency_key: str = "") -> Invoice:
    """An invoice for what was paid for a visit and is in none yet (xuất hóa đơn theo yêu cầu).

    Afterwards it waits to be sent, with a line for each receipt. Refuses when nothing is to be invoiced, a buyer
    without name, impossible numbers of the buyer, and a facility that has not declared its invoices.
    """
    visit = lock_visit(visit)
    values = checked(buyer)
    _lock(actor)
    entries = queries.to_invoice(actor.facility, visit=visit)
    if sum(map(paid_of, entries), ZERO) <= 0:
        raise _nothing(visit)
    lines = [
        _Line(f"{SERVICE} theo phiếu {entry.number}, bảng kê {visit.claim_code}", left)
        for entry, left in queries.net_by_receipt(entries)
    ]
    made = _first(Kind.SINGLE, entries, lines, values, actor, at, local(at).date(), visit)
    audit_facts(invoice=made.pk, amount=made.amount)
    return made


@service(action="billing.aggregate_invoices", permission="billing.invoice")
def aggregate_day(*, day: date, actor: Actor, at: datetime, idempotency_key: str = "") -> Invoice:
    """One invoice for all receipts of a day that are in none (hóa đơn tổng hợp cuối ngày; NĐ 254/2026 Điều 9 k4 m).

    Afterwards the day is level: what was paid is in documents, what was given back of older invoices in corrections.
    A day on which everything was given back again gets a document without amount that is not sent. Refuses a day to
    come, a day with nothing open, and a day while an earlier one is open.
    """
    if day > local(at).date():
        raise Refusal("future_day", "Chưa tới ngày này", field="day")
    _lock(actor)
    first = queries.first_open_day(actor.facility)
    if first is not None and first < day:
        text = f"Ngày {first:%d/%m/%Y} còn phiếu chưa lập hóa đơn, hãy lập ngày đó trước"
        raise Refusal("earlier_day_open", text, field="day", day=first)
    entries = queries.to_invoice(actor.facility, day=day)
    if not entries:
        raise Refusal("nothing_to_invoice", f"Ngày {day:%d/%m/%Y} không còn phiếu nào chưa lập hóa đơn", field="day")
    values = {"buyer_name": wording.consumer()}
    made = _first(Kind.AGGREGATE, entries, _gathered(day, entries), values, actor, at, day, None)
    audit_facts(invoice=made.pk, amount=made.amount, entries=len(entries))
    return made


@service(action="billing.correct_due_invoices", permission="billing.invoice")
def correct_due(*, actor: Actor, at: datetime) -> list[Invoice]:
    """Corrections for all money that was given back of invoiced receipts (TT 91/2026 Điều 10 k5 c).

    Afterwards nothing is due: for each chain one document, an adjustment by the negative amount, or a replacement where
    the chain must be replaced. Does nothing when nothing is due.
    """
    _lock(actor)
    by_root: dict[int, list[CashEntry]] = {}
    for entry in queries.corrections_due(actor.facility):
        assert entry.reverses is not None
        held = InvoiceEntry.objects.select_related("invoice").get(entry=entry.reverses).invoice
        by_root.setdefault(held.root_id or held.pk, []).append(entry)
    made = [_give_back(root, entries, actor, at) for root, entries in sorted(by_root.items())]
    audit_facts(invoices=len(made), amount=sum((one.amount for one in made), ZERO))
    return made


@service(action="billing.correct_invoice", permission="billing.correct_invoice")
def correct_buyer(
    *, invoice: Invoice, method: str, buyer: Buyer, reason: str, actor: Actor, at: datetime, idempotency_key: str = ""
) -> Invoice:
    """A wrong tax code of the buyer put right by an adjustment or a replacement (TT 91/2026 Điều 10).

    Afterwards the correction waits to be sent. Refuses: not issued, already replaced, a method that differs from the
    chain's first or that the symbol forbids, the same tax code (a wrong name or address alone is a notice, 04/SS), an
    invoice that gathers a day.
    """
    reason, values = _reason(reason), checked(buyer)
    _lock(actor)
    chain = queries.chain_of(invoice)
    _require_correctable(invoice, chain)
    if invoice.kind == Kind.AGGREGATE:
        raise Refusal("aggregate", "Hóa đơn tổng hợp không ghi người mua riêng")
    if values["buyer_tax_code"] == chain.latest.buyer_tax_code:
        text = "Mã số thuế không đổi; chỉ sai tên, địa chỉ thì gửi thông báo sai sót, không lập hóa đơn mới"
        raise Refusal("notice_is_enough", text, field="buyer_tax_code")
    if method not in allowed_methods(chain):
        only = Relation(allowed_methods(chain)[0]).label.lower()
        raise Refusal("method", f"Hóa đơn này chỉ được {only}", field="method")
    if method == Relation.ADJUSTMENT:
        lines = [_Line("Điều chỉnh thông tin người mua", ZERO)]
        made = _correction(chain, method, ZERO, lines, values, reason, actor, at, ())
    else:
        made = _correction(chain, method, chain.amount, _whole(chain, ()), values, reason, actor, at, ())
    audit_facts(invoice=invoice.pk, method=method, reason=reason)
    return made


@service(action="billing.notify_invoice_error", permission="billing.correct_invoice")
def notify_error(*, invoice: Invoice, reason: str, right_text: str, actor: Actor, at: datetime) -> InvoiceNotice:
    """A notice of error for a wrong name, address or wording (04/SS-HĐĐT); the invoice stays as it is.

    Afterwards it waits to be sent. Refuses an invoice that is not issued or is replaced, and empty texts.
    """
    reason = _reason(reason)
    right = fitting(nfc(right_text), 500, "right_text")
    if not right:
        raise Refusal("right_text_missing", "Hãy ghi nội dung đúng", field="right_text")
    _lock(actor)
    _require_correctable(invoice, queries.chain_of(invoice))
    made = InvoiceNotice.objects.create(
        facility=actor.facility,
        invoice=invoice,
        reason=reason,
        right_text=right,
        key=uuid4(),
        made_at=at,
        made_by=actor.user,
    )
    audit_facts(invoice=invoice.pk, reason=reason)
    return made


@service(action="billing.mend_invoice", permission="billing.invoice")
def mend_rejected(*, invoice: Invoice, buyer: Buyer, actor: Actor, at: datetime) -> Invoice:
    """Put right the buyer of a document that the provider refused, and queue it again; it was never issued."""
    values = checked(buyer)
    row = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if row.state != State.REJECTED:
        raise Refusal("not_rejected", "Hóa đơn không bị từ chối")
    for name, value in values.items():
        setattr(row, name, value)
    row.state, row.next_attempt_at, row.last_error = State.WAITING, at, ""
    row.save()
    return row


def allowed_methods(chain: Chain) -> tuple[str, ...]:
    """How a chain may be corrected: as it was the first time, by replacement only where the symbol asks for it."""
    if wording.is_replace_only(chain.root.profile.symbol):
        return (Relation.REPLACEMENT,)
    return (chain.method,) if chain.method else (Relation.ADJUSTMENT, Relation.REPLACEMENT)


def checked(buyer: Buyer) -> dict[str, str]:
    """The buyer's texts as stored, by field. Refuses what cannot be, beside its field."""
    values = {name: nfc(getattr(buyer, name)) for name in Buyer.__dataclass_fields__}
    for name, value in values.items():
        fitting(value, getattr(Invoice._meta.get_field(name), "max_length", 0), name)
    if not values["buyer_name"]:
        raise Refusal("buyer_missing", "Hãy ghi tên người mua", field="buyer_name")
    if values["buyer_tax_code"] and not is_tax_code(values["buyer_tax_code"]):
        text = "Mã số thuế có 10 số, chi nhánh thêm gạch nối và 3 số, hoặc 12 số định danh"
        raise Refusal("tax_code", text, field="buyer_tax_code")
    if values["buyer_tax_code"] and not values["buyer_company"] and "-" in values["buyer_tax_code"]:
        raise Refusal("company_missing", "Hãy ghi tên đơn vị của mã số thuế này", field="buyer_company")
    if values["buyer_citizen_id"] and not CITIZEN_ID.match(values["buyer_citizen_id"]):
        raise Refusal("citizen_id", "Số định danh có 12 chữ số", field="buyer_citizen_id")
    if values["buyer_email"] and not is_email(values["buyer_email"]):
        raise Refusal("email", "Địa chỉ email không hợp lệ", field="buyer_email")
    return values


# Steps


def _lock(actor: Actor) -> None:
    """One at a time makes documents of a facility; taken after the visit's row (docs/locking.md)."""
    lock_name("invoices", actor.facility.pk)


def _nothing(visit: Visit) -> Refusal:
    held = (
        InvoiceEntry.objects.for_facility(visit.facility).filter(entry__visit=visit).select_related("invoice__profile")
    )
    last = held.order_by("-pk").first()
    if last is None:
        return Refusal("nothing_to_invoice", "Lượt khám chưa có khoản thu nào để lập hóa đơn")
    return Refusal("already_invoiced", f"Các phiếu thu đã nằm trong hóa đơn {last.invoice.title}")


def _reason(text: str) -> str:
    reason = fitting(nfc(text), 500, "reason")
    if not reason:
        raise Refusal("reason_missing", "Hãy ghi lý do", field="reason")
    return reason


def _require_correctable(invoice: Invoice, chain: Chain) -> None:
    if invoice.pk != chain.current.pk and invoice.relation != Relation.ADJUSTMENT:
        raise Refusal("already_replaced", f"Hóa đơn đã được thay thế bằng {chain.current.title}")
    if chain.latest.state != State.ISSUED or chain.current.state != State.ISSUED:
        raise Refusal("not_issued", "Hóa đơn chưa phát hành xong, chưa điều chỉnh hay thay thế được")


def _gathered(day: date, entries: Sequence[CashEntry]) -> list[_Line]:
    """The one line of a day, with the list of receipts that is kept with it."""
    receipts = queries.net_by_receipt(entries)
    amount = sum((left for _, left in receipts), ZERO)
    return [_Line(f"{SERVICE}, kèm theo bảng kê {len(receipts)} phiếu thu ngày {day:%d/%m/%Y}", amount)]


def _give_back(root_pk: int, entries: Sequence[CashEntry], actor: Actor, at: datetime) -> Invoice:
    chain = queries.chain_of(Invoice.objects.for_facility(actor.facility).get(pk=root_pk))
    amount, numbers = sum(map(paid_of, entries), ZERO), ", ".join(entry.number for entry in entries)
    reason = f"Hoàn tiền theo phiếu {numbers}"[:500]
    values = {name: getattr(chain.latest, name) for name in Buyer.__dataclass_fields__}
    method = allowed_methods(chain)[0]
    if method == Relation.ADJUSTMENT:
        lines = [
            _Line(f"Điều chỉnh giảm: {entry.get_kind_display()} {entry.number}", paid_of(entry)) for entry in entries
        ]
    else:
        lines, amount = _whole(chain, entries), chain.amount + amount
    return _correction(chain, method, amount, lines, values, reason, actor, at, entries)


def _whole(chain: Chain, more: Sequence[CashEntry]) -> list[_Line]:
    """The lines of a replacement: everything in the chain, with more entries."""
    entries = [row.entry for row in queries.entries_of_chain(chain)] + list(more)
    if chain.root.kind == Kind.AGGREGATE:
        return _gathered(chain.root.day, entries)
    code = chain.root.visit.claim_code if chain.root.visit else ""
    return [
        _Line(f"{SERVICE} theo phiếu {entry.number}, bảng kê {code}", left)
        for entry, left in queries.net_by_receipt(entries)
    ]


def _first(
    kind: str,
    entries: Sequence[CashEntry],
    lines: Sequence[_Line],
    values: dict[str, str],
    actor: Actor,
    at: datetime,
    day: date,
    visit: Visit | None,
) -> Invoice:
    profile = queries.profile_on(actor.facility, day)
    if profile is None:
        raise Refusal("no_profile", f"Cơ sở chưa khai báo hóa đơn điện tử cho ngày {day:%d/%m/%Y}")
    amount = sum(map(paid_of, entries), ZERO)
    state = State.WAITING if amount else State.NOTHING
    made = Invoice(profile=profile, kind=kind, state=state, day=day, visit=visit, amount=amount, **values)
    return _store(made, lines, entries, actor, at)


def _correction(
    chain: Chain,
    method: str,
    amount: Decimal,
    lines: Sequence[_Line],
    values: dict[str, str],
    reason: str,
    actor: Actor,
    at: datetime,
    entries: Sequence[CashEntry],
) -> Invoice:
    root, named = chain.root, chain.current if method == Relation.REPLACEMENT else chain.root
    made = Invoice(
        profile=_profile_now(root.profile, actor, at),
        kind=root.kind,
        relation=method,
        day=local(at).date(),
        visit=root.visit,
        root=root,
        corrects=named,
        reason=reason,
        amount=amount,
        **values,
    )
    return _store(made, lines, entries, actor, at)


def _profile_now(former: InvoiceProfile, actor: Actor, at: datetime) -> InvoiceProfile:
    """The profile of today; the former one where none holds any more."""
    return queries.profile_on(actor.facility, local(at).date()) or former


def _store(made: Invoice, lines: Sequence[_Line], entries: Sequence[CashEntry], actor: Actor, at: datetime) -> Invoice:
    facility = actor.facility
    made.facility, made.key, made.made_at, made.made_by = facility, uuid4(), at, actor.user
    made.next_attempt_at = at
    paid = [entry for entry in entries if paid_of(entry) > 0] or list(entries)
    made.payment = queries.payment_of(paid) if paid else made.root.payment if made.root else Invoice.Payment.CASH
    made.save()
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            facility=facility,
            invoice=made,
            position=position,
            name=line.name[:500],
            unit="Lần",
            quantity=Decimal(1),
            price=line.amount,
            amount=line.amount,
            vat_code=made.profile.vat_code,
        )
        for position, line in enumerate(lines, 1)
    )
    InvoiceEntry.objects.bulk_create(
        InvoiceEntry(facility=facility, invoice=made, entry=entry, amount=paid_of(entry)) for entry in entries
    )
    return made

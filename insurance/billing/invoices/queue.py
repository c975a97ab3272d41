"""Sending what waits. The provider is asked outside any transaction; only its answer is stored under a lock.

A document is sent with its key until an answer is stored. Whoever sends it twice, or loses an answer, gets the same
number. What fails waits longer each time; what is refused waits for a person.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.money import ZERO
from his.core.words import amount_in_words
from his.service import audit_facts, service
from insurance.billing.invoices import queries, wording
from insurance.gateway.invoices import (
    Document,
    DocumentLine,
    InvoiceProvider,
    Issued,
    Notice,
    Party,
    ProviderRejected,
    ProviderUnavailable,
)
from insurance.gateway.providers import provider_of
from insurance.models import Invoice, InvoiceNotice

State, Relation = Invoice.State, Invoice.Relation
LONGEST_WAIT = timedelta(hours=1)
BATCH = 200
"""Documents sent by one press of a button."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a batch."""

    issued: int = 0
    rejected: int = 0
    left: int = 0
    problem: str = ""


def send_waiting(*, actor: Actor, at: datetime, is_forced: bool = False) -> Sent:
    """Send what waits at the actor's facility, the oldest first, then the notices (gửi hóa đơn đang chờ).

    A correction is sent only when what it names is issued. The first time that the provider does not answer ends the
    batch. `is_forced` also sends what should wait longer. Needs the permission `billing.invoice`.
    """
    actor.require("billing.invoice")
    issued = rejected = 0
    problem = ""
    for pk in _due(actor.facility, at, is_forced=is_forced):
        row = send(invoice=queries.get_invoice(actor.facility, pk), actor=actor, at=at)
        issued += row.state == State.ISSUED
        rejected += row.state == State.REJECTED
        if row.state == State.WAITING and row.last_error:
            problem = row.last_error
            break
    if not problem:
        problem = _send_notices(actor, at)
    return Sent(issued, rejected, queries.waiting(actor.facility).count(), problem)


def send(*, invoice: Invoice, actor: Actor, at: datetime, provider: InvoiceProvider | None = None) -> Invoice:
    """Send one document and store the answer; returns it as it is then. Nothing happens when it does not wait or what
    it corrects is not issued. Never raises for what a provider does."""
    if invoice.state != State.WAITING or not _may_go(invoice):
        return invoice
    provider = provider or provider_of(invoice.profile)
    try:
        answer = provider.get_status(str(invoice.key)) if invoice.attempts else None
        answer = answer or _ask(provider, invoice, at)
        xml = provider.get_document(str(invoice.key))
    except ProviderUnavailable as failure:
        return record_failure(invoice=invoice, error=str(failure), is_final=False, actor=actor, at=at)
    except ProviderRejected as refusal:
        return record_failure(invoice=invoice, error=str(refusal), is_final=True, actor=actor, at=at)
    return record_answer(invoice=invoice, answer=answer, xml=xml, actor=actor, at=at)


@service(action="billing.record_invoice_answer", permission="billing.invoice")
def record_answer(*, invoice: Invoice, answer: Issued, xml: str, actor: Actor, at: datetime) -> Invoice:
    """Store that a document was issued: number, codes and XML. The same answer twice changes nothing."""
    row = _locked(invoice)
    if row.state == State.ISSUED:
        if row.number != answer.number:
            raise RuntimeError(f"invoice {row.pk} was issued as {row.number} and as {answer.number}")
        return row
    row.state, row.number, row.issued_at = State.ISSUED, answer.number, answer.issued_at
    row.authority_code, row.lookup_code, row.lookup_url = answer.authority_code, answer.lookup_code, answer.lookup_url
    row.document, row.last_error, row.next_attempt_at = xml, "", None
    row.attempts += 1
    row.save()
    audit_facts(invoice=row.pk, number=row.number, amount=row.amount)
    return row


@service(action="billing.record_invoice_failure", permission="billing.invoice")
def record_failure(*, invoice: Invoice, error: str, is_final: bool, actor: Actor, at: datetime) -> Invoice:
    """Store that a document was not issued: refused until somebody mends it, else to be sent again later."""
    row = _locked(invoice)
    if row.state != State.WAITING:
        return row
    row.attempts += 1
    row.state = State.REJECTED if is_final else State.WAITING
    row.last_error = error[:500]
    row.next_attempt_at = None if is_final else at + min(timedelta(minutes=2 ** min(row.attempts, 10)), LONGEST_WAIT)
    row.save()
    audit_facts(invoice=row.pk, is_final=is_final)
    return row


def document_of(invoice: Invoice) -> Document:
    """The document as the provider takes it."""
    profile = invoice.profile
    lines = tuple(
        DocumentLine(line.name, line.unit, line.quantity, line.price, line.amount, line.vat_code)
        for line in invoice.lines.order_by("position")
    )
    vat = sum((_vat(line) for line in lines), ZERO)
    return Document(
        key=str(invoice.key),
        form_no=profile.form_no,
        symbol=profile.symbol,
        day=invoice.day,
        seller=Party(profile.seller_name, profile.tax_code, address=profile.seller_address),
        buyer=Party(
            invoice.buyer_name,
            invoice.buyer_tax_code,
            invoice.buyer_citizen_id,
            invoice.buyer_company,
            invoice.buyer_address,
            invoice.buyer_email,
        ),
        payment=invoice.get_payment_display(),
        lines=lines,
        amount=invoice.amount,
        vat_amount=vat,
        total=invoice.amount + vat,
        words=amount_in_words(invoice.amount + vat),
        relation_text=wording.relation_text(invoice),
        corrects_number=invoice.corrects.number if invoice.corrects else "",
        reason=invoice.reason,
    )


def _vat(line: DocumentLine) -> Decimal:
    """The tax on a line: care is not subject to VAT. A facility whose lines are taxed needs amounts before tax, which
    receipts do not have."""
    if wording.vat_rate(line.vat_code) not in {"", "0"}:
        raise RuntimeError(f"receipts hold no VAT of {line.vat_code} %")
    return ZERO


def _due(facility: Facility, at: datetime, *, is_forced: bool) -> list[int]:
    rows = queries.waiting(facility)
    if not is_forced:
        rows = rows.filter(next_attempt_at__lte=at)
    return list(rows.values_list("pk", flat=True)[:BATCH])


def _may_go(invoice: Invoice) -> bool:
    if invoice.corrects is None:
        return True
    return Invoice.objects.for_facility(invoice.facility).filter(pk=invoice.corrects_id, state=State.ISSUED).exists()


def _ask(provider: InvoiceProvider, invoice: Invoice, at: datetime) -> Issued:
    document = document_of(invoice)
    if invoice.relation == Relation.ADJUSTMENT:
        return provider.adjust(document, at=at)
    if invoice.relation == Relation.REPLACEMENT:
        return provider.replace(document, at=at)
    return provider.issue(document, at=at)


def _locked(invoice: Invoice) -> Invoice:
    rows = Invoice.objects.for_facility(invoice.facility).select_for_update(of=("self",), no_key=True)
    found: Invoice = rows.select_related("profile").get(pk=invoice.pk)
    return found


def _send_notices(actor: Actor, at: datetime) -> str:
    """Send notices that wait; answers why it stopped."""
    rows = InvoiceNotice.objects.for_facility(actor.facility).filter(state=InvoiceNotice.State.WAITING)
    for notice in rows.select_related("invoice__profile__facility").order_by("pk")[:BATCH]:
        invoice = notice.invoice
        profile = invoice.profile
        said = Notice(
            key=str(notice.key),
            form=wording.notice_form(),
            form_no=profile.form_no,
            symbol=profile.symbol,
            number=invoice.number,
            day=invoice.day,
            reason=notice.reason,
            right_text=notice.right_text,
        )
        try:
            provider_of(profile).notify_error(said, at=at)
        except (ProviderUnavailable, ProviderRejected) as failure:
            record_notice(notice=notice, error=str(failure), actor=actor, at=at)
            return str(failure)
        record_notice(notice=notice, error="", actor=actor, at=at)
    return ""


@service(action="billing.record_invoice_notice", permission="billing.invoice")
def record_notice(*, notice: InvoiceNotice, error: str, actor: Actor, at: datetime) -> InvoiceNotice:
    """Store that a notice was sent, or why it was not."""
    row = InvoiceNotice.objects.for_facility(actor.facility).select_for_update(no_key=True).get(pk=notice.pk)
    if row.state == InvoiceNotice.State.SENT:
        return row
    if not error:
        row.state, row.sent_at = InvoiceNotice.State.SENT, at
    row.last_error = error[:500]
    row.save()
    return row

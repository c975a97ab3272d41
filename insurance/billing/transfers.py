"""Bank transfers: what was asked for by VietQR, and what the cashier recorded from the bank's statement."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import day_range, local
from his.core.errors import NotFound, Refusal
from his.core.money import ZERO
from his.service import audit_facts, service
from insurance.billing import vietqr
from insurance.billing.amounts import require_whole
from insurance.billing.cash_rules import bank_account_on
from insurance.billing.effects import VOIDS
from insurance.billing.ledger import account_of
from insurance.locks import lock_visit
from insurance.models import CashEntry, TransferOrder
from patients.models import Visit
from patients.services.counters import next_number


@service(action="billing.request_transfer", permission="billing.collect")
def request_transfer(*, visit: Visit, actor: Actor, at: datetime, deposit: Decimal | None = None) -> TransferOrder:
    """A VietQR order of a visit (mã QR chuyển khoản): for what is due after deposits when it is closed, for a deposit
    of whole đồng while it is open. Its code is the facility's prefix, the day and a number of the day.

    The same order again while it is of this day, for the same amount and not filled. Refuses: nothing due, no bank
    account on the day.
    """
    visit, day = lock_visit(visit), local(at).date()
    purposes = TransferOrder.Purpose
    if visit.state == Visit.State.CLOSED:
        purpose, amount = purposes.RECEIPT, account_of(visit).due
        if amount <= 0:
            raise Refusal("nothing_due", "Lượt khám không còn khoản phải thu")
    else:
        purpose, amount = purposes.DEPOSIT, deposit if deposit is not None else ZERO
        if visit.state == Visit.State.CANCELLED:
            raise Refusal("cancelled", "Lượt khám đã hủy")
        require_whole(amount)
    account = bank_account_on(actor.facility, day)
    if account is None:
        raise Refusal("no_account", "Cơ sở chưa khai báo tài khoản nhận chuyển khoản", field="method")
    again = _unfilled(visit, purpose).filter(amount=amount, account=account, at__gte=day_range(day)[0]).first()
    if again is not None and vietqr.parse(again.payload).account == account.number:
        return again
    code = f"{account.prefix}{day:%y%m%d}{next_number(facility=actor.facility, series=f'transfer:{day:%y%m%d}'):04d}"
    wanted = vietqr.Transfer(bin=account.bank_bin, account=account.number, amount=amount, purpose=code)
    order: TransferOrder = TransferOrder.objects.create(
        facility=actor.facility,
        visit=visit,
        account=account,
        purpose=purpose,
        code=code,
        amount=amount,
        payload=vietqr.build(wanted),
        at=at,
        by=actor.user,
    )
    audit_facts(code=code, amount=amount)
    return order


def order_to_fill(visit: Visit, kind: str) -> TransferOrder | None:
    """The latest order of the visit for such an entry that no entry fills yet."""
    return _unfilled(visit, kind).first()


def get_order(facility: Facility, pk: int) -> TransferOrder:
    """An order of the facility, or NotFound."""
    found: TransferOrder | None = TransferOrder.objects.for_facility(facility).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def _unfilled(visit: Visit, purpose: str) -> QuerySet[Any]:
    filled = CashEntry.objects.for_facility(visit.facility).filter(visit=visit, transfer_order__isnull=False)
    filled = filled.exclude(refunds__kind__in=VOIDS.values())
    rows = TransferOrder.objects.for_facility(visit.facility).filter(visit=visit, purpose=purpose)
    return rows.exclude(pk__in=filled.values("transfer_order_id")).order_by("-at", "-pk")


@dataclass(frozen=True, slots=True)
class TransferRow:
    """A line of the reconciliation of transfers (đối soát chuyển khoản): an entry, an order, or both."""

    order: TransferOrder | None
    entry: CashEntry | None
    is_voided: bool = False

    @property
    def difference(self) -> Decimal:
        """Recorded less asked for, đồng; zero when only one of them is there."""
        return self.entry.amount - self.order.amount if self.entry and self.order else ZERO

    @property
    def status_vi(self) -> str:
        if self.entry is None:
            return "Chưa thấy tiền"
        if self.is_voided:
            return "Đã hủy"
        if self.order is None:
            return "Không có mã QR"
        return "Lệch số tiền" if self.difference else "Khớp"


def transfer_rows(facility: Facility, day: date) -> list[TransferRow]:
    """Transfers recorded on a day with their orders, then orders of the day that nothing fills, in order of time."""
    start, end = day_range(day)
    entries = CashEntry.objects.for_facility(facility).filter(at__gte=start, at__lt=end, kind__in=VOIDS)
    entries = entries.filter(method=CashEntry.Method.TRANSFER).select_related("transfer_order", "visit__patient", "by")
    voids = CashEntry.objects.for_facility(facility).filter(kind__in=VOIDS.values(), reverses__in=entries)
    voided = set(voids.values_list("reverses_id", flat=True))
    rows = [TransferRow(e.transfer_order, e, e.pk in voided) for e in entries.order_by("at", "pk")]
    orders = TransferOrder.objects.for_facility(facility).filter(at__gte=start, at__lt=end, entries__isnull=True)
    return rows + [TransferRow(o, None) for o in orders.select_related("visit__patient", "by").order_by("at", "pk")]

"""A declared facility, visits that were paid, and money given back, for the tests of electronic invoices."""

from datetime import date, datetime
from decimal import Decimal

from insurance.billing.cash import refund
from insurance.billing.invoices import queries
from insurance.billing.invoices.queue import send
from insurance.billing.invoices.services import (
    Buyer,
)
from insurance.models import CashEntry, Invoice, InvoiceProfile
from tests.cast import World
from tests.insurance import walk

LAN = Buyer(buyer_name="Nguyễn Thị Lan <b>&\"'", buyer_citizen_id="099154000123", buyer_address="Thôn Giả Định")

FIRM = Buyer(buyer_name="Trần Văn Hùng", buyer_company="Công ty Ví Dụ", buyer_tax_code="0199000001")


def declared(world: World, symbol: str = "C26TYY") -> InvoiceProfile:
    return InvoiceProfile.objects.create(
        facility=world.hospital.facility,
        seller_name="Bệnh viện Ví Dụ",
        seller_address="Số 1 đường Mẫu",
        tax_code="0199000002",
        symbol=symbol,
        valid_from=date(2026, 1, 1),
    )


def cashier(world: World):
    return world.hospital.actor("cashier")


def paid_visit(world: World) -> walk.Walk:
    lan = walk.lan_full(world, world.hospital)
    lan.close()
    return lan


def issued(world: World, invoice: Invoice, when: datetime) -> Invoice:
    done = send(invoice=queries.get_invoice(world.hospital.facility, invoice.pk), actor=cashier(world), at=when)
    assert done.state == Invoice.State.ISSUED, done.last_error
    return done


def give_back(world: World, entry: CashEntry, amount: int, when: datetime) -> CashEntry:
    drawer = walk.drawer(world.hospital)
    return refund(entry=entry, amount=Decimal(amount), reason="Trả lại", actor=drawer, at=when)

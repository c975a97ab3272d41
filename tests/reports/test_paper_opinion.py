"""All papers and files of money against a program that shares no code with the product (`paper_opinion`)."""

import ast
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pgtrigger
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client

from his.core.words import amount_in_words
from his.demo.catalogs import import_starter
from his.demo.month import MONTH, load_facility
from his.demo.places import HOSPITAL, STATION, Place, build_places, load_places
from insurance.billing.cash import refund, take_deposit, use_deposits, void_entry
from insurance.billing.closing import close_visit, reopen_visit
from insurance.billing.drawers import close_day, close_session
from insurance.billing.fee_waivers import Reason, cancel_waiver, grant_waiver
from insurance.billing.ledger import amount_due, expected_cash
from insurance.billing.self_pay import choose_self_pay
from insurance.models import BenefitResult, CashEntry, CashSession, FeeWaiver
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.reports import paper_opinion as other
from tests.scenes import scene

pytestmark = pytest.mark.django_db
KINDS = {"receipt", "refund", "receipt_void", "deposit", "deposit_use", "deposit_return", "deposit_void"}


def reader(place: Place) -> Callable[[str], bytes]:
    """Papers by their addresses, as the cashier's browser gets them."""
    client: Client = walk.signed_in(place, "cashier")

    def read(address: str) -> bytes:
        answer = client.get(address)
        assert answer["Content-Type"] == "application/pdf", (address, answer.status_code, answer.content[:500])
        return answer.content

    return read


def opinion(place: Place, folder: Path, month: date) -> other.Books:
    code = place.facility.code
    call_command("export_claims", "--facility", code, "--month", f"{month:%Y-%m}", "--out", str(folder))
    with connection.cursor() as cursor:
        return other.compared(cursor, code, reader(place), folder)


@scene
def busy(world: World) -> World:
    """A day with every kind of entry, waivers that stand and that were taken back, a visit opened again, and cents."""
    place = world.hospital
    drawer, manager = walk.drawer(place), place.actor("manager")
    lan = walk.lan_full(world, place)
    take_deposit(visit=lan.visit, amount=Decimal(200_000), actor=drawer, at=at(9))
    wrong = take_deposit(visit=lan.visit, amount=Decimal(50_000), method="card", actor=drawer, at=at(9, 1))
    void_entry(entry=wrong, reason="Quẹt nhầm thẻ", actor=drawer, at=at(9, 2))
    lan.now = at(9, 10)
    lan.close()
    use_deposits(visit=lan.visit, actor=drawer, at=at(9, 20))
    lan.now = at(9, 30)
    void_entry(entry=lan.collect(100_000), reason="Thu nhầm", actor=drawer, at=at(9, 40))
    lan.now = at(9, 50)
    lan.collect(90_000, method="transfer", reference="FT1")
    reopen_visit(visit=lan.visit, reason="Sai", actor=manager, at=at(10))
    order = lan.exam.orders.first()
    choose_self_pay(visit=lan.visit, source_kind="order", source_id=order.pk, reason="Muốn", actor=drawer, at=at(10, 1))
    close_visit(visit=lan.visit, actor=drawer, at=at(10, 2), extra_told=True)
    waiver = Reason(FeeWaiver.Reason.HARDSHIP, "Khó khăn")
    taken_back = grant_waiver(visit=lan.visit, percent=Decimal(10), reason=waiver, actor=manager, at=at(10, 3))
    cancel_waiver(waiver=taken_back, reason="Nhầm", actor=manager, at=at(10, 4))
    grant_waiver(visit=lan.visit, amount=Decimal(3_000), reason=waiver, actor=manager, at=at(10, 5))
    lan.visit.refresh_from_db()
    lan.now = at(10, 6)
    last = lan.collect(amount_due(lan.visit) - 1_000)
    refund(entry=last, amount=Decimal(700), reason="Trả lại", actor=drawer, at=at(10, 30))

    hung = walk.hung(world, place, hour=11).examine().order(walk.CBC).sign()
    take_deposit(visit=hung.visit, amount=Decimal(500_000), actor=drawer, at=at(11, 50))
    hung.now = at(12)
    hung.close()
    use_deposits(visit=hung.visit, actor=drawer, at=at(12, 30))
    deposit = CashEntry.objects.get(visit=hung.visit, kind="deposit")
    refund(entry=deposit, amount=-amount_due(hung.visit), reason="Còn thừa", actor=drawer, at=at(12, 31))
    assert set(CashEntry.objects.values_list("kind", flat=True)) == KINDS

    session = CashSession.objects.get()
    assert expected_cash(session) > 0
    close_session(session=session, denominations={1000: 1}, note="Thiếu", actor=drawer, at=at(16))
    close_day(day=DAY, actor=place.actor("accountant"), at=at(17))
    return world


def test_papers_and_files_are_what_another_program_computes(busy: World, tmp_path: Path) -> None:
    books = opinion(busy.hospital, tmp_path, walk.MONTH)
    assert books.told == []
    entries = CashEntry.objects.count()
    assert books.seen == {"statement": 2, "settlement": 2, "slip": entries, "drawer": 1, "day": 1, "claim": 1}


def test_a_figure_that_differs_is_named(busy: World, tmp_path: Path) -> None:
    call_command("export_claims", "--facility", HOSPITAL, "--month", f"{walk.MONTH:%Y-%m}", "--out", str(tmp_path))
    read = reader(busy.hospital)
    kept: dict[str, bytes] = {}

    def once(address: str) -> bytes:
        """The papers as they were printed before the damage."""
        return kept.setdefault(address, read(address))

    def told() -> list[str]:
        with connection.cursor() as cursor:
            return other.compared(cursor, HOSPITAL, once, tmp_path).told

    assert told() == []
    result = BenefitResult.objects.filter(is_current=True).order_by("pk")[0]
    share = {"fund_amount": 1, "copay_amount": -1}
    for row, changes, words in (
        (CashEntry.objects.filter(kind="receipt").latest("pk"), {"amount": 1}, ("slip", "drawer", "day")),
        (CashEntry.objects.get(kind="refund"), {"amount": 1}, ("slip", "drawer", "day", "settlement")),
        (result, share, ("statement", "settlement", "T_BHTT")),
        (result.lines.filter(copay_amount__gt=1)[0], share, ("lines of the split",)),
        (FeeWaiver.objects.latest("pk"), {"amount": 1}, ("statement, to pay", "settlement", "slip, waived")),
        (CashSession.objects.get(), {"counted_amount": 1}, ("counted",)),
    ):
        rows = type(row).objects.filter(pk=row.pk)
        with pgtrigger.ignore():
            rows.update(**{name: F(name) + change for name, change in changes.items()})
            found = told()
            rows.update(**{name: F(name) - change for name, change in changes.items()})
        assert all(any(word in line for line in found) for word in words), (row, found)
    assert told() == []


def test_words_are_read_back() -> None:
    for number in (0, 1, 15, 24, 55, 101, 10_000, 21_011, 110_000, 390_160, 1_000_005, 1_234_567_891, 5 * 10**12 + 1):
        assert other.number_of(amount_in_words(number)) == number


@scene
def months() -> dict[str, Place]:
    """A small month of the demonstration at both facilities."""
    built = build_places()
    import_starter([place.facility for place in built.values()])
    for place in built.values():
        load_facility(place, visits=10)
    return built


@pytest.mark.parametrize("code", [STATION, HOSPITAL])
def test_all_papers_of_a_month_of_the_demonstration(months: dict[str, Place], tmp_path: Path, code: str) -> None:
    books = opinion(load_places()[code], tmp_path, MONTH)
    assert books.told == []
    assert books.seen["statement"] >= 10
    assert {"slip", "drawer", "day", "claim", "settlement"} <= set(books.seen)


def test_the_second_program_shares_no_code_with_the_product() -> None:
    own = {"tests.paper_tables", "tests.pdf_text", "tests.reports.second_opinion"}
    for path in (other.__file__, *(f"{name.replace('.', '/')}.py" for name in own)):
        tree = ast.parse(Path(path).read_text(encoding="utf-8"))
        modules = {
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
        }
        packages = {name.split(".")[0] for name in modules - own - {"tests"}}
        assert packages.isdisjoint({"his", "patients", "pharmacy", "insurance", "reports", "tests", "django"})

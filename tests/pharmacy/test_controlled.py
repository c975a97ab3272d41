"""The books of drugs under special control: what they say, who signs them, and that all figures agree."""

import io
import zipfile
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Sum
from django.urls import reverse
from hypothesis import HealthCheck
from hypothesis import given as for_all
from hypothesis import settings as runs
from hypothesis import strategies as st

from his.accounts.actor import actor_for
from his.accounts.models import Membership, Staff
from his.catalogs.models import Drug
from his.core.errors import PermissionRefused, Refusal
from his.demo.places import DEMO_PASSWORD
from patients.models import Prescription
from pharmacy.controlled import YearRow, plain
from pharmacy.models import ControlledPage, ControlledSignature, Dispense, LotBalance, Store
from pharmacy.printing.controlled import print_book, readable, year_xlsx
from pharmacy.queries_controlled import book_of, differences, page_of, unsigned, year_rows
from pharmacy.services.controlled import approve_book, close_book
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.stock import LotLine, record_loss, transfer
from tests.cast import DAY, World, at
from tests.insurance.walk import signed_in
from tests.pdf_text import joined, pieces
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.scenes import scene

CLASS = "psychotropic"


@scene
def store(world: World) -> Store:
    """A dispensary with a psychotropic: 100 came in, 20 went to bà Lan, 3 broke."""
    place = world.station
    Drug.objects.for_facility(place.facility).filter(code=PARACETAMOL).update(control_class=CLASS)
    made = shelf.dispensary(place)
    shelf.receive(place, made, shelf.goods(world, place))
    shelf.receive(place, made, shelf.goods(world, place, code=AMLODIPIN, lot="L2"))
    Staff.objects.for_facility(place.facility).update(prescribes_controlled=True)
    hand_out(world, shelf.lan_prescription(world, place), made)
    lose(world, made, 3)
    return made


def hand_out(world: World, prescription: Prescription, store: Store, hour: int = 10) -> Dispense:
    """Handed out by two persons to a named recipient."""
    place = world.station
    return dispense(
        prescription=prescription,
        store=store,
        witness=place.users["nurse"],
        recipient_name="Nguyễn Thị Lan",
        recipient_id_number="099154000001",
        actor=place.actor("pharmacist"),
        at=at(hour),
    )


def lose(world: World, store: Store, quantity: int, hour: int = 11) -> None:
    line = LotLine(lot=shelf.lot("L1"), quantity=Decimal(quantity))
    record_loss(store=store, lines=[line], reason="Vỡ", actor=world.station.actor("pharmacist"), at=at(hour))


def close(world: World, store: Store, *, day: date = DAY, hour: int = 17) -> ControlledPage:
    given = {"store": store, "control_class": CLASS, "day": day}
    return close_book(**given, actor=world.station.actor("pharmacist"), at=at(hour))


def test_a_day_says_every_movement_with_its_balance(store: Store) -> None:
    (drug,) = book_of(store, CLASS, DAY)
    said = [(row.incoming, row.outgoing, row.left) for row in drug.rows]
    assert said == [(100, 0, 100), (0, 20, 80), (0, 3, 77)]
    assert drug.rows[1].place.startswith("Nguyễn Thị Lan, đơn 99001.DT26.")
    assert (drug.rows[2].note, drug.rows[2].lot, drug.rows[2].expires_on) == ("Vỡ", "L1", "31/12/2027")
    (after,) = book_of(store, CLASS, DAY + timedelta(days=1))
    assert (after.opening, list(after.rows), after.closing) == (77, [], 77)
    assert book_of(store, CLASS, DAY - timedelta(days=1)) == []


def waiting(store: Store) -> list[tuple[Store, str, date]]:
    """The days that two people have not signed, the day after."""
    return [(one.store, one.control_class, one.day) for one in unsigned(store.facility, DAY + timedelta(days=1))]


def test_days_of_every_book_that_wait_for_a_signature_are_named(world: World, store: Store) -> None:
    """Whatever book is open: the head need not go through stores and classes one by one."""
    place = world.station
    other = shelf.dispensary(place, "CP2")
    Drug.objects.for_facility(place.facility).filter(code=AMLODIPIN).update(control_class="narcotic")
    moved = [LotLine(shelf.lot("L2"), Decimal(5))]
    transfer(store=store, target_store=other, lines=moved, actor=place.actor("pharmacist"), at=at(12))
    assert waiting(store) == [(store, "narcotic", DAY), (store, CLASS, DAY), (other, "narcotic", DAY)]
    assert unsigned(store.facility, DAY) == [], "the day itself may still go on"
    assert unsigned(world.hospital.facility, DAY + timedelta(days=1)) == []
    page = close(world, store)
    approve_book(page=page, actor=place.actor("manager"), at=at(18))
    asked = {"store": store.pk, "class": CLASS, "day": "07/10/2026"}
    said = signed_in(place, "manager").get(reverse("controlled-book"), asked).content.decode()
    assert "Kho cấp phát CP2, gây nghiện 06/10/2026" in said
    assert f"?store={other.pk}&amp;class=narcotic&amp;day=06/10/2026" in said or (
        f"?store={other.pk}&class=narcotic&day=06/10/2026" in said
    )
    assert "Chưa đủ hai chữ ký các ngày trước" not in said, "its own days are signed"


def test_the_book_names_a_strength_once(world: World, store: Store) -> None:
    (row,) = plain(book_of(store, CLASS, DAY))
    assert (row["name"], row["strength"]) == ("Paracetamol 500mg", "500mg")
    assert readable(row)["strength"] == ""
    assert readable({**row, "name": "Paracetamol"})["strength"] == "500mg"


def test_a_day_is_closed_and_signed_by_two_people(world: World, store: Store) -> None:
    assert waiting(store) == [(store, CLASS, DAY)]
    with pytest.raises(Refusal, match="Chưa đến ngày"):
        close(world, store, day=DAY + timedelta(days=1))
    with pytest.raises(Refusal, match="không có thuốc"):
        close(world, store, day=DAY - timedelta(days=1))
    page = close(world, store)
    with pytest.raises(Refusal, match="đã khóa"):
        close(world, store)
    assert waiting(store) == [(store, CLASS, DAY)], "one signature is not enough"
    keeper, head = world.station.actor("pharmacist"), world.station.actor("manager")
    with pytest.raises(PermissionRefused):
        approve_book(page=page, actor=keeper, at=at(18))
    Membership.objects.create(facility=store.facility, user=keeper.user, role="manager")
    both = actor_for(keeper.user, store.facility)
    with pytest.raises(Refusal, match="hai người"):
        approve_book(page=page, actor=both, at=at(18))
    approve_book(page=page, actor=head, at=at(18))
    with pytest.raises(Refusal, match="đã ký"):
        approve_book(page=page, actor=head, at=at(18))
    assert waiting(store) == []
    text = joined(pieces(print_book(page=page, actor=keeper, at=at(19))))
    assert "THUỐC HƯỚNG THẦN" in text
    assert text.count("Ký điện tử lúc 06/10/2026") == 2
    assert page.sha256 in text


def test_what_comes_later_shows_as_a_difference_and_changes_nothing_signed(world: World, store: Store) -> None:
    page = close(world, store, hour=12)
    assert differences(page) == []
    lose(world, store, 5, hour=13)
    (changed,) = differences(page_of(store, CLASS, DAY))
    assert (changed["signed"]["closing"], changed["now"]["closing"]) == ("77", "72")
    signature = ControlledSignature.objects.get()
    for change in (
        lambda: ControlledPage.objects.update(rows=[]),
        lambda: ControlledPage.objects.all().delete(),
        lambda: ControlledSignature.objects.update(at=at(1)),
        lambda: ControlledSignature.objects.create(
            facility=page.facility, page=page, role="head", by=signature.by, at=at(18)
        ),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


@scene
def both_stores(world: World, store: Store) -> tuple[World, Store, Store]:
    return world, store, shelf.main_store(world.station)


@runs(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@for_all(data=st.data())
def test_all_figures_agree_whatever_happened(both_stores: tuple[World, Store, Store], data: st.DataObject) -> None:
    """Annex IX = the last rows of the books of all stores = the balances, after any mix of documents."""
    world, first, second = both_stores
    with transaction.atomic():
        for minute in range(data.draw(st.integers(1, 6))):
            step = data.draw(st.sampled_from(["in", "loss", "move", "undo"]))
            happen(world, first, second, step, data.draw(st.integers(1, 9)), minute)
        held = LotBalance.objects.filter(lot__drug__code=PARACETAMOL).aggregate(total=Sum("on_hand"))["total"]
        books = sum(drug.closing for one in (first, second) for drug in book_of(one, CLASS, DAY))
        (row,) = year_rows(first.facility, date(2026, 1, 1), date(2026, 12, 31))
        assert row.closing == books == held
        assert row.total == row.opening + row.incoming
        (later,) = year_rows(first.facility, date(2027, 1, 1), date(2027, 12, 31))
        assert (later.opening, later.incoming, later.closing) == (held, 0, held)
        transaction.set_rollback(True)


def happen(world: World, first: Store, second: Store, step: str, count: int, minute: int) -> None:
    place, actor, when = world.station, world.station.actor("pharmacist"), at(12, minute)
    line = LotLine(lot=shelf.lot("L1"), quantity=Decimal(count))
    if step == "in":
        shelf.receive(place, first, shelf.goods(world, place, lot=f"N{minute}", quantity=count), when=when)
    elif step == "loss":
        record_loss(store=first, lines=[line], reason="Vỡ", actor=actor, at=when)
    elif step == "move":
        transfer(store=first, target_store=second, lines=[line], actor=actor, at=when)
    else:
        given = first.documents.get(kind="dispense").dispense
        if not given.is_reversed:
            reverse_dispense(dispense=given, reason="Trả", actor=actor, at=when)


def test_the_workbook_keeps_the_formulas_of_the_form(world: World) -> None:
    row = YearRow(
        "Seduxen <5mg>", "Diazepam 5mg", "Diazepam (hướng thần)", "VD-1", "Viên", *map(Decimal, (10, 5, 3, 2))
    )
    book = year_xlsx(world.station.facility, [row], date(2026, 1, 1), date(2026, 12, 31))
    assert book == year_xlsx(world.station.facility, [row], date(2026, 1, 1), date(2026, 12, 31))
    sheet = zipfile.ZipFile(io.BytesIO(book)).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>G7+H7</f><v>15</v>" in sheet
    assert "<f>I7-J7-K7</f><v>10</v>" in sheet


def test_the_book_on_the_screen(world: World, store: Store) -> None:
    keeper, head = signed_in(world.station, "pharmacist"), signed_in(world.station, "manager")
    asked = {"store": store.pk, "class": CLASS, "day": "06/10/2026"}
    page = keeper.get(reverse("controlled-book"), asked).content.decode()
    assert "Chưa khóa sổ" in page
    assert "Nguyễn Thị Lan" in page
    address = reverse("controlled-close", args=[store.pk])
    wrong = keeper.post(address, {**asked, "password": "khác"})
    assert wrong.status_code == 422
    assert "Mật khẩu không đúng" in wrong.content.decode()
    mistyped = keeper.post(address, {**asked, "day": "6/13/2026", "password": DEMO_PASSWORD})
    assert mistyped.status_code == 422
    assert not ControlledPage.objects.exists(), "a day that cannot be read closes no other day"
    assert head.post(address, {**asked, "password": DEMO_PASSWORD}).status_code == 403
    assert keeper.post(address, {**asked, "password": DEMO_PASSWORD}).status_code == 302
    closed = ControlledPage.objects.get()
    assert head.post(reverse("controlled-approve", args=[closed.pk]), {"password": DEMO_PASSWORD}).status_code == 302
    assert "Người đứng đầu cơ sở" in head.get(reverse("controlled-book"), asked).content.decode()
    assert keeper.get(reverse("controlled-book-pdf", args=[closed.pk])).content.startswith(b"%PDF")
    year, period = reverse("controlled-year"), {"from": "01/01/2026", "to": "31/12/2026"}
    assert "Paracetamol 500mg" in keeper.get(year, period).content.decode()
    assert keeper.get(year, {**period, "as": "pdf"}).content.startswith(b"%PDF")
    assert keeper.get(year, {**period, "as": "xlsx"}).content.startswith(b"PK")

"""A clock that was set back, at the dispensing window: asked about once, and the bin cards keep their order."""

import re
from datetime import date, datetime
from decimal import Decimal

import pytest
from django.urls import reverse

from his.audit.models import AuditEntry
from his.core.errors import Refusal
from pharmacy.handout import LineChoice, ReturnedLine
from pharmacy.models import Dispense, DispenseLine, PatientReturn, StockMovement
from pharmacy.queries import balance_differences
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.returning import return_drugs, reverse_return
from pharmacy.services.stock import LotLine, transfer
from pharmacy.services.stock_checks import DeskClock
from tests.cast import at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.scenes import scene

NOW = DeskClock()
AHEAD = at(10, day=date(2026, 10, 9))


@scene
def place(world):
    return world.station


@scene
def store(world, place):
    """Amlodipin came in the morning; paracetamol by a transfer from the main store after noon."""
    made, main = shelf.dispensary(place), shelf.main_store(place)
    shelf.receive(place, made, shelf.goods(world, place, code=AMLODIPIN, lot="A1"))
    shelf.receive(place, main, shelf.goods(world, place), when=at(11))
    lines = [LotLine(lot=shelf.lot("L1"), quantity=Decimal(50))]
    transfer(store=main, target_store=made, lines=lines, actor=place.actor("pharmacist"), at=at(14))
    return made


@scene
def lan(world, place, store):
    return shelf.lan_prescription(world, place, (PARACETAMOL, 20), (AMLODIPIN, 10))


@pytest.fixture
def window(client, place):
    client.force_login(place.users["pharmacist"])
    return client


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def send(window, name, row, data=None):
    return window.post(reverse(f"dispensing-{name}", args=[row.pk]), data or {}, follow=True)


def box(page: str) -> datetime | None:
    """The instant up to which the user is asked to look, or None when nothing is asked."""
    found = re.findall(r'<input type="checkbox" name="confirm_clock" value="([^"]+)" data-focus>', page)
    assert len(found) <= 1
    return datetime.fromisoformat(found[0]) if found else None


def lowest(store, lot="L1") -> Decimal:
    """The lowest that the bin card of a lot ever says, read in the order of time."""
    left, least = Decimal(0), Decimal(0)
    for quantity in (
        StockMovement.objects.filter(store=store, lot__number=lot)
        .order_by("at", "pk")
        .values_list("quantity", flat=True)
    ):
        left += quantity
        least = min(least, left)
    return least


def give(place, prescription, store, *choices, when, clock=NOW):
    actor = place.actor("pharmacist")
    return dispense(prescription=prescription, store=store, choices=choices, actor=actor, at=when, clock=clock)


def test_nothing_is_handed_out_before_it_came(place, store, lan):
    """The transfer of 14:00 is a line of this store's card although the document is the main store's."""
    with pytest.raises(Refusal, match=r"sớm hơn chứng từ .* Kho cấp phát CP.* lúc 06/10/2026 14:00") as asked:
        give(place, lan, store, when=at(10))
    assert (asked.value.code, asked.value.field, asked.value.facts["until"]) == (
        "time_order",
        "confirm_clock",
        at(14),
    )
    assert not Dispense.objects.exists()
    give(place, lan, store, when=at(13, 56))  # two desks may cross by minutes
    assert balance_differences(place.facility) == []


def test_what_was_looked_at_is_trusted_and_nothing_later(place, store, lan):
    with pytest.raises(Refusal, match="xác nhận nếu giờ máy đúng"):
        give(place, lan, store, when=at(10), clock=DeskClock(at(13, 59)))
    give(place, lan, store, when=at(10), clock=DeskClock(at(14)))
    entry = AuditEntry.objects.get(action="pharmacy.dispense")
    assert entry.facts["confirmed_clock"] == at(14).isoformat()


def test_only_the_cards_that_it_takes_from_are_asked(place, store, lan):
    """The card of amlodipin says nothing after the morning, so a part of it needs no question; nor does a program."""
    left = lan.lines.get(drug__code=PARACETAMOL)
    rest = LineChoice(left.pk, Decimal(0), reason="out_of_stock", is_final=False)
    given = give(place, lan, store, rest, when=at(10))
    assert [line.lot.number for line in given.lines.all()] == ["A1"]
    assert lowest(store) == lowest(store, "A1") == 0
    late = dispense(prescription=lan, store=store, actor=place.actor("pharmacist"), at=at(10, 5))
    assert late.lines.get().lot.number == "L1"


def test_a_substitute_is_asked_about_by_its_own_card(world, place, store, lan):
    other = shelf.other_brand(world, place, of=AMLODIPIN)
    goods = shelf.goods(world, place, code=other.code, lot="B1")
    shelf.receive(place, store, goods, when=at(16))
    line, left = lan.lines.get(drug__code=AMLODIPIN), lan.lines.get(drug__code=PARACETAMOL)
    rest = LineChoice(left.pk, Decimal(0), reason="out_of_stock", is_final=False)
    instead = LineChoice(line.pk, Decimal(10), drug_code=other.code, agreed_by="Bà Lan")
    with pytest.raises(Refusal, match="lô B1"):
        give(place, lan, store, rest, instead, when=at(15))
    assert give(place, lan, store, rest, instead, when=at(16)).lines.get().lot.number == "B1"


def test_returns_and_undoing_are_asked_too_and_never_stopped_for_good(place, store, lan):
    """A machine that was days ahead handed out and took back: with the right clock all of it can still be undone."""
    actor, looked = place.actor("pharmacist"), DeskClock(AHEAD)
    done = give(place, lan, store, when=AHEAD)
    row = DispenseLine.objects.get(dispense=done, lot__number="L1")
    how = {"dispense": done, "lines": [ReturnedLine(row.pk, Decimal(5))], "reason": "Dị ứng", "actor": actor}
    with pytest.raises(Refusal, match="sớm hơn giờ cấp phát lúc 09/10/2026 10:00") as asked:
        return_drugs(**how, at=at(15), clock=DeskClock())
    assert asked.value.field == "confirm_clock"
    made = return_drugs(**how, at=at(15), clock=looked)
    undo = {"reason": "Nhầm", "actor": actor, "at": at(14, 30)}
    with pytest.raises(Refusal, match=f"sớm hơn chứng từ {made.document.number}") as asked:
        reverse_return(patient_return=made, clock=DeskClock(), **undo)
    assert asked.value.field == "confirm_clock"
    reverse_return(patient_return=made, clock=looked, **undo)
    with pytest.raises(Refusal) as asked:
        reverse_dispense(dispense=done, clock=DeskClock(), **undo | {"at": at(9)})
    assert (asked.value.code, asked.value.field) == ("time_order", "confirm_clock")
    reverse_dispense(dispense=done, clock=looked, **undo | {"at": at(9)})
    assert shelf.on_hand(store) == {"L1": 50, "A1": 100}
    assert balance_differences(place.facility) == []


# The screens and the interface


def test_the_window_asks_once_keeps_what_was_typed_and_goes_on(window, world, place, store, lan, time_machine):
    time_machine.move_to(at(10), tick=False)
    line = lan.lines.get(drug__code=PARACETAMOL)
    typed = {f"line-{line.pk}-quantity": "12", f"line-{line.pk}-reason": "declined", f"line-{line.pk}-note": "một vỉ"}
    asked = send(window, "hand-out", lan, typed)
    page = text_of(asked)
    assert asked.status_code == 422
    assert box(page) == at(14)
    assert 'value="một vỉ"' in page
    assert box(text_of(send(window, "hand-out", lan, typed))) == at(14)  # F9 alone confirms nothing
    done = send(window, "hand-out", lan, typed | {"confirm_clock": box(page).isoformat()})
    assert "Đã cấp phát cho" in text_of(done)
    other = shelf.someone_prescription(world, place, "Người Khác", (PARACETAMOL, 2))
    assert "Đã cấp phát cho" in text_of(send(window, "hand-out", other))  # not asked again about the same card
    third = shelf.someone_prescription(world, place, "Người Nữa", (PARACETAMOL, 2))
    time_machine.move_to(at(9, 10), tick=False)
    assert box(text_of(send(window, "hand-out", third)))  # set back once more: asked again


def test_undoing_at_the_window_keeps_the_reason_while_it_asks(window, place, store, lan, time_machine):
    time_machine.move_to(at(15), tick=False)
    send(window, "hand-out", lan)
    done = Dispense.objects.get()
    row = done.lines.get(lot__number="A1")
    time_machine.move_to(at(13), tick=False)
    fields = {"reason": "Dị ứng", f"return-{row.pk}-quantity": "3", f"return-{row.pk}-is_intact": "on"}
    page = text_of(send(window, "return", done, fields))
    assert ('value="Dị ứng"' in page, 'value="3"' in page, box(page)) == (True, True, at(15))
    send(window, "return", done, fields | {"confirm_clock": box(page).isoformat()})
    made = PatientReturn.objects.get()
    time_machine.move_to(at(12), tick=False)
    page = text_of(send(window, "return-undo", made, {"reason": "Gõ nhầm người"}))
    assert ('value="Gõ nhầm người"' in page, box(page)) == (True, at(15))
    send(window, "return-undo", made, {"reason": "Gõ nhầm người", "confirm_clock": box(page).isoformat()})
    assert PatientReturn.objects.get().is_reversed
    time_machine.move_to(at(11), tick=False)
    page = text_of(send(window, "take-back", done, {"reason": "Cấp nhầm"}))
    assert ('value="Cấp nhầm"' in page, box(page)) == (True, at(15))
    send(window, "take-back", done, {"reason": "Cấp nhầm", "confirm_clock": box(page).isoformat()})
    assert Dispense.objects.get().is_reversed
    assert shelf.on_hand(store) == {"L1": 50, "A1": 100}


@pytest.mark.parametrize("typed", ["", "x", "2027-01-06T10:00:00", "9999-12-31T23:59:59-12:00"])
def test_a_broken_confirmation_confirms_nothing(window, lan, time_machine, typed):
    time_machine.move_to(at(10), tick=False)
    assert box(text_of(send(window, "hand-out", lan, {"confirm_clock": typed})))


def test_the_interface_asks_and_takes_the_answer(window, store, lan, time_machine):
    time_machine.move_to(at(10), tick=False)
    url, body = f"/api/pharmacy/prescriptions/{lan.pk}/dispense", {"store_code": store.code}
    asked = window.post(url, body, content_type="application/json")
    assert (asked.status_code, asked.json()["field"]) == (422, "confirm_clock")
    done = window.post(url, body | {"confirm_clock": True}, content_type="application/json").json()
    back = {"reason": "Dị ứng", "lines": [{"dispense_line_id": done["lines"][0]["id"], "quantity": "1"}]}
    time_machine.move_to(at(9), tick=False)
    url = f"/api/pharmacy/dispenses/{done['id']}/return"
    assert window.post(url, back, content_type="application/json").json()["field"] == "confirm_clock"
    assert window.post(url, back | {"confirm_clock": True}, content_type="application/json").status_code == 200


def test_a_clock_that_is_a_day_behind_is_asked_about_once_for_the_signature_and_all_cards(
    window, world, place, store, lan, time_machine
):
    other = shelf.someone_prescription(world, place, "Người Khác", (AMLODIPIN, 2))
    time_machine.move_to(at(20), tick=False)
    send(window, "hand-out", other, {"confirm_clock": ""})
    time_machine.move_to(at(8), tick=False)
    page = text_of(send(window, "hand-out", lan))
    assert "sớm hơn giờ ký đơn" in page
    assert "Đã cấp phát cho" in text_of(send(window, "hand-out", lan, {"confirm_clock": box(page).isoformat()}))

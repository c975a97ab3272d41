"""A user of one facility finds nothing of the other, whatever number is put into an address."""

from decimal import Decimal

import pytest
from django.urls import reverse

from his.accounts.models import Membership
from pharmacy.climate import usual_ranges
from pharmacy.handout import ReturnedLine
from pharmacy.models import (
    ClimateReading,
    ControlledIncident,
    ControlledPage,
    QuarantinedLot,
    ReturnRecord,
    StockDocument,
)
from pharmacy.printing.urls import urlpatterns as papers
from pharmacy.services.climate import add_climate_point
from pharmacy.services.dispensing import dispense
from pharmacy.services.drafts import start_draft
from pharmacy.services.handovers import hand_over_cabinet
from pharmacy.services.requests import write_request
from pharmacy.services.returning import return_drugs
from pharmacy.services.window import leave_out, send_back
from pharmacy.urls import urlpatterns
from tests.cast import DAY, at
from tests.pharmacy import board, shelf
from tests.pharmacy.shelf import PARACETAMOL
from tests.scenes import scene

_COUNT_ACTS = ("-reasons", "-approve", "-return", "-post", "-abandon", "-upload")


@scene
def theirs(world) -> dict[str, object]:
    """Everything that the station has, by the name of the address that shows it (a list: all its parameters)."""
    place, store = world.station, shelf.dispensary(world.station)
    document = shelf.receive(place, store, shelf.goods(world, place))
    waiting = shelf.lan_prescription(world, place)
    done = dispense(
        prescription=shelf.hung_prescription(world, place), store=store, actor=place.actor("pharmacist"), at=at(10)
    )
    lot, drug = shelf.lot("L1").pk, world.drug(place, PARACETAMOL).pk
    giver = place.actor("pharmacist")
    given = [ReturnedLine(done.lines.get().pk, Decimal(1))]
    back = return_drugs(dispense=done, lines=given, reason="Thử", actor=giver, at=at(11))
    other = shelf.someone_prescription(world, place, "Hồ Thị Trả")
    refusal = send_back(prescription=other, reason="dose", note="Thử", actor=giver, at=at(11))
    third = shelf.someone_prescription(world, place, "Hồ Thị Thôi")
    left_out = leave_out(prescription=third, reason="declined", actor=giver, at=at(11))
    page = ControlledPage.objects.create(
        facility=place.facility, store=store, control_class="narcotic", day=DAY, rows=[], sha256="0", closed_at=at(12)
    )
    count = board.opened(place, store)
    line = board.line(count, "L1").pk
    actor, ward, main = place.actor("pharmacist"), shelf.cabinet(place), shelf.main_store(place)
    draft = start_draft(kind="receipt", actor=actor, at=at(11))
    request = write_request(store=ward, source_store=main, lines=[], actor=actor, at=at(11))
    taker = place.users["doctor"]
    handover = hand_over_cabinet(store=ward, taken_by=taker, counted=[], actor=actor, at=at(11))
    point = add_climate_point(store=store, name="Tủ", device="NK7", storage="", limits=usual_ranges()[""], actor=actor)
    mine, user = {"facility": place.facility}, place.users["pharmacist"]
    reading = ClimateReading.objects.create(
        **mine,
        point=point,
        day=DAY,
        shift="morning",
        at=at(8),
        temperature=40,
        deviation="Cao",
        action="Báo",
        recorded_by=user,
    )
    held = QuarantinedLot.objects.create(**mine, reading=reading, lot_id=lot, quantity=1)
    incident = ControlledIncident.objects.create(
        **mine, number="1", document=document, kind="loss", found_at=at(8), rows=[], drafted_by=user, drafted_at=at(9)
    )
    record = ReturnRecord.objects.create(
        **mine, patient_return=back, number="1", handed_by="Ai", received_by=user, at=at(11), rows=[]
    )
    return {
        "return-record-pdf": record.pk,
        "store-storage": store.pk,
        **dict.fromkeys(("climate-month", "climate-point-end"), point.pk),
        "climate-month-pdf": [point.pk, 2026, 10],
        "climate-void": reading.pk,
        "climate-decide": held.pk,
        **{f"controlled-incident{name}": incident.pk for name in ("", "-edit", "-sign", "-sent", "-pdf")},
        **{f"controlled-incident-{act}": document.pk for act in ("new", "dismiss")},
        **{f"stock-count{name}": count.pk for name in ("", *_COUNT_ACTS)},
        "stock-count-entry": [count.pk, 3, 1],
        "stock-count-found": [count.pk, 3],
        "stock-count-line": line,
        "stock-count-entry-line": [line, 3, 1],
        "stock-count-sheet-pdf": [count.pk, 3, 1],
        "stock-count-sheet-xlsx": [count.pk, 3, 1],
        "stock-count-record-pdf": [count.pk, "11d"],
        "stock-count-record-xlsx": [count.pk, "11d"],
        "dispensing-open": waiting.pk,
        "dispensing-hand-out": waiting.pk,
        "dispensing-take-back": done.pk,
        **{f"dispensing-{act}": waiting.pk for act in ("call", "absent", "send-back", "leave-out")},
        **{f"dispensing-{act}": done.pk for act in ("counsel", "return")},
        "dispensing-withdraw": refusal.pk,
        "dispensing-reopen": left_out.pk,
        "dispensing-return-undo": back.pk,
        "drug-labels-pdf": done.pk,
        "stock-card": drug,
        **{f"stock-lot{name}": lot for name in ("", "-patients", "-patients-xlsx")},
        "stock-lot-block": lot,
        "stock-draft": draft.pk,
        "stock-draft-keep": draft.pk,
        "stock-draft-post": draft.pk,
        "stock-draft-discard": draft.pk,
        "stock-request": request.pk,
        "stock-request-edit": request.pk,
        "stock-request-act": [request.pk, "withdraw"],
        "stock-document-pdf": [document.pk, "goods_in"],
        "stock-request-pdf": request.pk,
        "stock-card-pdf": drug,
        "stock-handover-pdf": handover.pk,
        "stock-handover": handover.pk,
        "stock-hand-over": ward.pk,
        "controlled-close": store.pk,
        "controlled-approve": page.pk,
        "controlled-book-pdf": page.pk,
        "stock-document": document.pk,
        "stock-document-reverse": document.pk,
        "store": store.pk,
        "claim": waiting.visit.claim_code,
    }


def addresses_with_ids() -> list[str]:
    return [pattern.name for pattern in (*urlpatterns, *papers) if "<int:" in str(pattern.pattern)]


@pytest.mark.parametrize("name", addresses_with_ids())
def test_every_address_with_an_id_is_not_found(client, world, theirs, name):
    user = world.hospital.users["pharmacist"]
    for role in ("pharmacy_head", "manager"):
        Membership.objects.create(facility=world.hospital.facility, user=user, role=role)
    client.force_login(user)
    before = StockDocument.objects.count()
    form = {"reason": "Thử", "quantity": "1", "store": theirs["store"], "idempotency_key": "k"}
    known = theirs[name]
    url = reverse(name, args=known if isinstance(known, list) else [known])
    answers = {client.get(url).status_code, client.post(url, form).status_code}
    assert answers <= {404, 405}
    assert 404 in answers
    assert StockDocument.objects.count() == before


def test_a_draft_is_not_begun_from_their_papers(client, world, theirs):
    client.force_login(world.hospital.users["pharmacist"])
    for kind, name, key in (
        ("supplier_return", "origin", "stock-document"),
        ("transfer", "lot", "stock-lot"),
        ("shipment", "request", "stock-request"),
    ):
        answer = client.post(reverse("stock-draft-start"), {"kind": kind, name: theirs[key]})
        assert answer.status_code == 404, name
    options = client.get(reverse("stock-lot-options"), {"q": "", "store": theirs["store"]})
    assert "lô" not in options.content.decode()


def test_their_store_and_claim_code_are_unknown_here(client, world, theirs):
    client.force_login(world.hospital.users["pharmacist"])
    assert client.get(reverse("stock"), {"store": theirs["store"]}).status_code == 404
    assert client.get(reverse("dispensing"), {"store": theirs["store"]}).status_code == 404
    assert client.post(reverse("dispensing-find"), {"text": theirs["claim"]}).status_code == 422
    lists = (
        "stock",
        "stock-drugs",
        "stock-documents",
        "stock-transit",
        "stock-requests",
        "stock-handovers",
        "stock-stores",
    )
    for name in ("dispensing", *lists):
        page = client.get(reverse(name)).content.decode()
        assert "PN26" not in page
        assert "PL26" not in page
        assert "Tủ trực Khám bệnh" not in page
        assert "Nguyễn Thị Lan" not in page
        assert "Kho cấp phát CP" not in page

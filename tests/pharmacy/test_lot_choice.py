"""A lot that leaves its store before one that goes first has its reason (FEFO), at every way to another store."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from his.core.errors import Refusal
from pharmacy.models import LotChoice, StockDocument, StockDraft
from pharmacy.services.drafts import DraftHead, DraftLine, post_draft, save_draft, start_draft
from pharmacy.services.stock import transfer
from pharmacy.services.stock_checks import LotLine
from pharmacy.services.transit import ship
from tests.cast import at
from tests.pharmacy import shelf
from tests.scenes import scene

REASON = "Khoa cần hộp nguyên"


@scene
def stores(world):
    place = world.hospital
    main, counter = shelf.main_store(place), shelf.dispensary(place)
    near, far = date(2027, 1, 31), date(2028, 1, 31)
    shelf.receive(
        place,
        main,
        shelf.goods(world, place, lot="GẦN", expires_on=near, quantity=40),
        shelf.goods(world, place, lot="XA", expires_on=far),
    )
    return main, counter


@pytest.mark.parametrize("move", [transfer, ship])
def test_the_later_lot_needs_a_reason_while_the_earlier_one_holds_some(world, stores, move):
    main, counter = stores
    actor = world.hospital.actor("keeper")

    def go(*lines: LotLine) -> StockDocument:
        return move(store=main, target_store=counter, lines=lines, actor=actor, at=at(8))

    near, far = shelf.lot("GẦN"), shelf.lot("XA")
    with pytest.raises(Refusal) as refused:
        go(LotLine(near, Decimal(39)), LotLine(far, Decimal(1), "  "))
    assert (refused.value.code, refused.value.field, refused.value.facts["position"]) == (
        "no_lot_reason",
        "lot_reason",
        1,
    )
    assert "lô GẦN hạn 31/01/2027 còn 40" in refused.value.message_vi
    assert not StockDocument.objects.filter(kind__in=["transfer", "shipment"]).exists()
    chosen = go(LotLine(near, Decimal(1)), LotLine(far, Decimal(1), REASON))
    assert [(row.line.lot.number, row.reason) for row in LotChoice.objects.filter(line__document=chosen)] == [
        ("XA", REASON)
    ]
    go(LotLine(near, Decimal(39), "thừa"), LotLine(far, Decimal(1), "không cần"))
    go(LotLine(far, Decimal(1)))
    assert LotChoice.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        LotChoice.objects.create(facility=world.hospital.facility, line=chosen.lines.first(), reason="")


def test_a_draft_keeps_the_reason_and_the_document_shows_it(world, stores, client, time_machine):
    main, counter = stores
    place = world.hospital
    head = DraftHead(store=main, target_store=counter)
    line = DraftLine(lot=shelf.lot("XA"), quantity=Decimal(5))
    draft = start_draft(kind="transfer", head=head, lines=[line], actor=place.actor("keeper"), at=at(7))
    with pytest.raises(Refusal) as refused:
        post_draft(draft=draft, actor=place.actor("keeper"), at=at(8))
    assert refused.value.field == "lot_reason"
    reasoned = DraftLine(lot=shelf.lot("XA"), quantity=Decimal(5), lot_reason=REASON)
    save_draft(draft=draft, head=head, lines=[reasoned], actor=place.actor("keeper"), at=at(8))
    document = post_draft(draft=draft, actor=place.actor("keeper"), at=at(8))
    time_machine.move_to(at(9), tick=False)
    client.force_login(place.users["keeper"])
    assert f"Chọn lô: {REASON}" in client.get(reverse("stock-document", args=[document.pk])).content.decode()


def test_the_screen_asks_beside_the_line_and_loses_nothing(world, stores, client, time_machine):
    main, counter = stores
    time_machine.move_to(at(9), tick=False)
    client.force_login(world.hospital.users["keeper"])
    client.post(reverse("stock-draft-start"), {"kind": "transfer"})
    draft = StockDraft.objects.get()
    assert "lot_reason" not in client.get(reverse("stock-draft", args=[draft.pk])).content.decode(), (
        "no cell more to pass"
    )
    data = {
        "store": main.pk,
        "target_store": counter.pk,
        "reason": "Cấp tuần",
        "lines-TOTAL_FORMS": "1",
        "lines-INITIAL_FORMS": "0",
        "lines-0-lot": shelf.lot("XA").pk,
        "lines-0-quantity": "7",
        "seen_at": at(9).isoformat(),
    }
    asked = client.post(reverse("stock-draft-post", args=[draft.pk]), data)
    page = asked.content.decode()
    assert asked.status_code == 422
    assert 'id="id_lines-0-lot_reason_error"' in page
    assert "đến lượt xuất trước" in page
    assert 'value="7"' in page
    both = {**data, "lines-TOTAL_FORMS": "2", "lines-1-lot": shelf.lot("GẦN").pk, "lines-1-quantity": "3"}
    page = client.post(reverse("stock-draft-post", args=[draft.pk]), both).content.decode()
    assert 'name="lines-0-lot_reason"' in page
    assert 'name="lines-1-lot_reason"' not in page, "its turn: nothing is asked"
    done = client.post(reverse("stock-draft-post", args=[draft.pk]), {**data, "lines-0-lot_reason": REASON})
    assert done.status_code == 302
    assert LotChoice.objects.get().reason == REASON

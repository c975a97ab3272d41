"""Drafts of stock documents: half-filled, shared, posted once by who may; and every kind that is posted from one."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import DatabaseError, connection, transaction

from his.audit.models import AuditEntry
from his.core.errors import NotFound, PermissionRefused, Refusal
from pharmacy.models import DocumentDetail, LineDetail, Lot, LotBalance, StockDocument, StockDraft, Store
from pharmacy.queries import balance_differences
from pharmacy.services.details import Detail, Member
from pharmacy.services.drafts import DraftHead, DraftLine, discard_draft, post_draft, save_draft, start_draft
from pharmacy.services.stock import record_loss, return_to_supplier, reverse_document, transfer
from pharmacy.services.stock_checks import LotLine
from tests.cast import DAY, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import PARACETAMOL
from tests.scenes import scene

BOARD = Detail(board=(Member("Đinh Thị Khoa", "Trưởng khoa Dược"), Member("Hồ Văn Kho", "Thủ kho")))


@scene
def place(world):
    return world.hospital


@scene
def main(place) -> Store:
    return shelf.main_store(place)


def goods_line(world, place, **change) -> DraftLine:
    usual = {
        "drug": world.drug(place, PARACETAMOL),
        "lot_number": "L1",
        "expires_on": DAY + timedelta(days=400),
        "quantity": Decimal(100),
        "unit_cost": Decimal(150),
    }
    return DraftLine(**{**usual, **change})


def begin(place, kind, head, *lines, who="pharmacist", hour=6, **more) -> StockDraft:
    return start_draft(kind=kind, head=head, lines=lines, actor=place.actor(who), at=at(hour), **more)


def post(place, draft, who="pharmacist", hour=7, **more) -> StockDocument:
    return post_draft(draft=draft, actor=place.actor(who), at=at(hour), **more)


def lot_lines(*wanted: tuple[str, int]) -> list[DraftLine]:
    return [DraftLine(lot=shelf.lot(number), quantity=Decimal(quantity)) for number, quantity in wanted]


def test_a_half_filled_draft_is_kept_as_typed_and_posting_says_what_is_missing(world, place, main):
    line = DraftLine(typed="para", lot_number="L'1", registration_no="VD-1")
    draft = begin(place, "receipt", DraftHead(supplier="Cty A"), line)
    kept = draft.lines.get()
    assert (kept.typed, kept.lot_number, kept.drug, kept.quantity) == ("para", "L'1", None, None)
    steps = [
        (DraftHead(), [], "lines"),
        (DraftHead(), [goods_line(world, place)], "store"),
        (DraftHead(store=main), [line], "drug"),
        (DraftHead(store=main), [goods_line(world, place, expires_on=None)], "expires_on"),
        (DraftHead(store=main), [goods_line(world, place, unit_cost=None)], "unit_cost"),
        (DraftHead(store=main), [goods_line(world, place, quantity=None)], "quantity"),
        (DraftHead(store=main), [goods_line(world, place, lot_number="")], "lot_number"),
    ]
    for head, lines, field in steps:
        save_draft(draft=draft, head=head, lines=lines, actor=place.actor("pharmacist"), at=at(6))
        with pytest.raises(Refusal) as refused:
            post(place, draft)
        assert refused.value.field == field
    assert not StockDocument.objects.exists()
    save_draft(
        draft=draft,
        head=DraftHead(store=main),
        lines=[goods_line(world, place)],
        actor=place.actor("pharmacist"),
        at=at(6),
    )
    assert post(place, draft).kind == "receipt"


def test_a_receipt_keeps_what_the_inspection_found(world, place, main):
    detail = Detail(
        invoice_number="0000123",
        invoice_symbol="1C26TAA",
        invoice_on=DAY,
        funding="insurance",
        delivered_by="Người Giao",
        appearance="Nguyên vẹn",
        packaging="Kín",
        temperature="25 °C",
        board=BOARD.board,
    )
    line = goods_line(
        world,
        place,
        invoice_quantity=Decimal(120),
        vat_rate=Decimal(5),
        registration_no="VD-99-26",
        bid_info="Gói 1;G1;N4",
    )
    document = post(place, begin(place, "receipt", DraftHead(store=main, supplier="Cty A", detail=detail), line))
    kept, note, lot = DocumentDetail.objects.get(), LineDetail.objects.get(), Lot.objects.get()
    assert (kept.document, document.reference, document.supplier) == (document, "1C26TAA 0000123", "Cty A")
    assert (kept.funding, kept.temperature, len(kept.board)) == ("insurance", "25 °C", 2)
    assert (note.invoice_quantity, note.vat_rate) == (Decimal(120), Decimal(5))
    assert (lot.registration_no, lot.bid_info) == ("VD-99-26", "Gói 1;G1;N4")
    assert shelf.on_hand(main) == {"L1": Decimal(100)}, "what came counts, not what the invoice says"
    for attempt in (lambda: DocumentDetail.objects.update(funding=""), lambda: LineDetail.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()


def test_ten_times_a_unit_is_asked_about_when_a_draft_is_posted(world, place, main):
    draft = begin(place, "receipt", DraftHead(store=main), goods_line(world, place, unit_cost=Decimal(18000)))
    with pytest.raises(Refusal) as asked:
        post(place, draft)
    assert (asked.value.code, asked.value.facts["warnings"][0].position) == ("unusual_receipt", 0)
    assert StockDraft.objects.get().state == "open"
    post(place, draft, confirm_unusual=True)


def test_a_draft_of_another_is_not_overwritten_unseen(world, place, main):
    draft = begin(place, "receipt", DraftHead(store=main), goods_line(world, place))
    save_draft(draft=draft, head=DraftHead(store=main), lines=[], actor=place.actor("keeper"), at=at(8))
    mine = {"draft": draft, "head": DraftHead(), "lines": [], "actor": place.actor("pharmacist"), "at": at(9)}
    with pytest.raises(Refusal, match="Hồ Văn Kho vừa sửa") as refused:
        save_draft(**mine, seen_at=at(7))
    assert refused.value.code == "already_changed"
    save_draft(**mine, seen_at=at(8, 1))


def test_a_draft_is_posted_once_and_a_discarded_one_never(world, place, main):
    draft = begin(place, "receipt", DraftHead(store=main), goods_line(world, place))
    document = post(place, draft)
    for act in (
        lambda: post(place, draft),
        lambda: save_draft(draft=draft, head=DraftHead(), lines=[], actor=place.actor("pharmacist"), at=at(9)),
        lambda: discard_draft(draft=draft, actor=place.actor("pharmacist"), at=at(9)),
    ):
        with pytest.raises(Refusal, match=document.number) as refused:
            act()
        assert refused.value.code == "already_posted"
    other = begin(place, "loss", DraftHead(store=main))
    with pytest.raises(PermissionRefused):
        discard_draft(draft=other, actor=place.actor("nurse"), at=at(9))
    discard_draft(draft=other, actor=place.actor("head"), at=at(9))
    with pytest.raises(Refusal, match="đã bỏ"):
        post(place, other)
    with pytest.raises(DatabaseError), transaction.atomic():
        other.delete()


@pytest.mark.django_db(transaction=True)
def test_two_who_post_one_draft_at_once_make_one_document(world, place, main):
    draft = begin(place, "receipt", DraftHead(store=main), goods_line(world, place))
    gate, answers = Barrier(2), []

    def press() -> None:
        gate.wait(10)
        try:
            answers.append(post(place, StockDraft.objects.get(pk=draft.pk)).number)
        except Refusal as refusal:
            answers.append(refusal.code)
        finally:
            connection.close()

    threads = [Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(answers) == ["PN26-000001", "already_posted"]
    assert shelf.on_hand(main) == {"L1": Decimal(100)}


def test_who_may_draft_and_who_may_post(world, place, main):
    shelf.receive(place, main, shelf.goods(world, place))
    with pytest.raises(PermissionRefused):
        begin(place, "loss", DraftHead(), who="doctor")
    loss = begin(place, "loss", DraftHead(store=main, reason="Vỡ"), *lot_lines(("L1", 1)), who="nurse")
    with pytest.raises(PermissionRefused):
        post(place, loss, who="nurse")
    post(place, loss, who="keeper")
    head = DraftHead(store=main, reason="Hết hạn", detail=BOARD)
    destruction = begin(place, "destruction", head, *lot_lines(("L1", 2)), who="keeper")
    for who in ("keeper", "pharmacist"):
        with pytest.raises(PermissionRefused):
            post(place, destruction, who=who)
    assert post(place, destruction, who="head").kind == "destruction"
    assert shelf.on_hand(main) == {"L1": Decimal(97)}


def test_a_destruction_needs_a_board_and_a_reason(world, place, main):
    shelf.receive(place, main, shelf.goods(world, place))
    for head, field in (
        (DraftHead(store=main, detail=BOARD), "reason"),
        (DraftHead(store=main, reason="Hỏng", detail=Detail(board=(Member("", "Ủy viên"),))), "board"),
    ):
        draft = begin(place, "destruction", head, *lot_lines(("L1", 1)))
        with pytest.raises(Refusal) as refused:
            post(place, draft, who="head")
        assert refused.value.field == field


def test_expired_lots_leave_only_by_loss_destruction_and_to_the_supplier(world, place, main):
    early = at(6, day=DAY - timedelta(days=30))
    line = shelf.goods(world, place, lot="HẾT", expires_on=DAY - timedelta(days=1))
    receipt = shelf.receive(place, main, line, when=early)
    counter, actor = shelf.dispensary(place), place.actor("pharmacist")
    with pytest.raises(Refusal) as stays:
        transfer(store=main, target_store=counter, lines=lots(("HẾT", 1)), actor=actor, at=at(7))
    assert stays.value.code == "not_usable"
    record_loss(store=main, lines=lots(("HẾT", 1)), reason="Vỡ", actor=actor, at=at(7))
    post(
        place,
        begin(place, "destruction", DraftHead(store=main, reason="Hết hạn", detail=BOARD), *lot_lines(("HẾT", 2))),
        who="head",
    )
    back = DraftHead(store=main, reason="Hết hạn")
    post(place, begin(place, "supplier_return", back, *lot_lines(("HẾT", 3)), origin=receipt))
    assert shelf.on_hand(main) == {"HẾT": Decimal(94)}


def lots(*wanted: tuple[str, int]) -> list[LotLine]:
    return [LotLine(shelf.lot(number), Decimal(quantity)) for number, quantity in wanted]


def test_no_more_goes_back_than_the_receipt_brought(world, place, main):
    actor = place.actor("keeper")
    first = shelf.receive(place, main, shelf.goods(world, place, quantity=40))
    shelf.receive(place, main, shelf.goods(world, place), shelf.goods(world, place, lot="L2"))

    def back(*wanted, receipt=first, hour=9):
        return return_to_supplier(
            receipt=receipt, store=main, lines=lots(*wanted), reason="Sai hàm lượng", actor=actor, at=at(hour)
        )

    done = back(("L1", 30))
    assert (done.origin, done.number) == (first, "TN26-000001")
    for wanted, code, position in (
        ([("L1", 11)], "more_than_received", 0),
        ([("L1", 1), ("L2", 1)], "not_of_receipt", 1),
    ):
        with pytest.raises(Refusal) as refused:
            back(*wanted)
        assert (refused.value.code, refused.value.facts["position"]) == (code, position)
    with pytest.raises(Refusal) as answered:
        reverse_document(document=first, reason="Nhầm", actor=place.actor("head"), at=at(10))
    assert answered.value.code == "has_answer"
    assert done.number in answered.value.message_vi
    reverse_document(document=done, reason="Nhầm", actor=place.actor("head"), at=at(10))
    back(("L1", 40), hour=11)
    with pytest.raises(Refusal, match="không phải phiếu nhập"):
        back(("L1", 1), receipt=done)


def test_opening_stock_comes_before_everything_else_and_takes_expired_lots(world, place, main):
    line = goods_line(world, place, expires_on=DAY - timedelta(days=5))
    opening = post(place, begin(place, "opening", DraftHead(store=main), line))
    assert (opening.kind, opening.number) == ("opening", "TD26-000001")
    post(place, begin(place, "opening", DraftHead(store=main), goods_line(world, place, lot_number="L2")))
    shelf.receive(place, main, shelf.goods(world, place, lot="L3"), when=at(8))
    late = begin(place, "opening", DraftHead(store=main), goods_line(world, place, lot_number="L4"))
    with pytest.raises(Refusal) as refused:
        post(place, late, hour=9)
    assert (refused.value.code, refused.value.field) == ("already_begun", "store")


def test_a_drug_that_changed_its_name_keeps_its_lot(world, place, main):
    shelf.receive(place, main, shelf.goods(world, place))
    lot, known = shelf.lot("L1"), goods_line(world, place)
    old = world.drug(place, PARACETAMOL)
    old.valid_to = DAY - timedelta(days=1)
    old.save()
    new = world.drug(place, PARACETAMOL)
    new.pk, new.valid_from, new.valid_to, new.name = None, DAY, None, "Tên Mới 500mg"
    new.save()
    line = replace(known, drug=new, expires_on=lot.expires_on)
    post(place, begin(place, "receipt", DraftHead(store=main), line))
    assert Lot.objects.get() == lot
    assert LotBalance.objects.get().on_hand == 200


def test_a_lot_of_another_bid_package_is_refused_beside_its_field(world, place, main):
    for bid in ("Gói 1", "Gói 2"):
        draft = begin(place, "receipt", DraftHead(store=main), goods_line(world, place, bid_info=bid))
        if bid == "Gói 1":
            post(place, draft)
            continue
        with pytest.raises(Refusal, match="Gói 1") as refused:
            post(place, draft)
        assert refused.value.field == "bid_info"


def test_a_clock_that_was_set_back_is_said(world, place, main):
    shelf.receive(place, main, shelf.goods(world, place), when=at(10))
    draft = begin(place, "loss", DraftHead(store=main, reason="Vỡ"), *lot_lines(("L1", 1)))
    with pytest.raises(Refusal, match="hãy kiểm tra đồng hồ máy") as refused:
        post(place, draft, hour=9)
    assert "PN26-000001" in refused.value.message_vi
    assert refused.value.field == "confirm_clock"
    post_draft(draft=draft, actor=place.actor("keeper"), at=at(9, 57))
    assert balance_differences(place.facility) == []


def test_a_clock_that_once_ran_ahead_does_not_stop_the_store(world, place, main):
    """A receipt was written by a machine in the next year: the store goes on once somebody looked at the clock."""
    shelf.receive(place, main, shelf.goods(world, place), when=at(10, day=date(2027, 1, 6)))
    draft = begin(place, "loss", DraftHead(store=main, reason="Vỡ"), *lot_lines(("L1", 1)))
    with pytest.raises(Refusal, match="xác nhận nếu giờ máy đúng"):
        post(place, draft, hour=9)
    document = post_draft(draft=draft, confirm_clock=True, actor=place.actor("keeper"), at=at(9))
    entry = AuditEntry.objects.filter(action="pharmacy.post_draft").latest("pk")
    assert (entry.facts["number"], entry.facts["confirm_clock"]) == (document.number, True)
    assert balance_differences(place.facility) == []


def test_rows_of_another_facility_are_not_found_inside_a_draft(world, place, main):
    theirs = shelf.dispensary(world.station)
    for head, lines in (
        (DraftHead(store=theirs), []),
        (DraftHead(), [DraftLine(drug=world.drug(world.station, PARACETAMOL))]),
    ):
        with pytest.raises(NotFound):
            begin(place, "receipt", head, *lines)

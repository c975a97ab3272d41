"""What comes back into a store after it was condemned or recalled is held at once; only a person frees it."""

import io
from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from his.audit.models import AuditEntry
from his.catalogs.models import Drug
from his.core.errors import Refusal
from pharmacy.handout import ReturnedLine
from pharmacy.models import QuarantinedLot, StockDocument, Store
from pharmacy.queries import usable_lots
from pharmacy.queries_recall import recipients, recipients_count
from pharmacy.services.climate import decide_quarantine, record_climate
from pharmacy.services.details import Detail, Member
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.lots import block_lot, release_lot
from pharmacy.services.returning import return_drugs
from pharmacy.services.stock import LotLine, destroy, reverse_document
from pharmacy.services.stocktake_end import post_count
from pharmacy.services.stores import set_storage
from tests.cast import DAY, World, at
from tests.insurance.walk import signed_in
from tests.pharmacy import board, shelf
from tests.pharmacy.shelf import AMLODIPIN
from tests.pharmacy.test_climate import point
from tests.scenes import scene


@scene
def store(world: World) -> Store:
    """A dispensary that keeps cold drugs, with one cold lot."""
    place = world.hospital
    Drug.objects.for_facility(place.facility).filter(code=AMLODIPIN).update(storage="cold")
    made = shelf.dispensary(place)
    set_storage(store=made, keeps=["cold"], actor=place.actor("pharmacist"))
    made.refresh_from_db()
    shelf.receive(place, made, shelf.goods(world, place, code=AMLODIPIN, lot="V1"))
    return made


def condemned(world: World, store: Store, *, hour: int = 10) -> StockDocument:
    """The refrigerator was warm, the lot was destroyed, and what other stores may have of it was freed."""
    place = world.hospital
    head = place.actor("head")
    record_climate(
        point=point(world, store, "Tủ lạnh 1", "cold"),
        day=DAY,
        shift="morning",
        temperature=Decimal(20),
        humidity=None,
        action="Gọi sửa",
        is_quarantined=True,
        actor=place.actor("keeper"),
        at=at(hour),
    )
    row = QuarantinedLot.objects.get()
    decide_quarantine(quarantined=row, decision="destroy", reason="Quá 24 giờ", actor=head, at=at(hour, 5))
    gone = destroy(
        store=store,
        lines=[LotLine(shelf.lot("V1"), shelf.on_hand(store)["V1"])],
        reason="Quá nhiệt độ",
        detail=Detail(board=(Member("Trần Thị Kho"),)),
        actor=head,
        at=at(hour, 10),
    )
    freed = release_lot(lot=shelf.lot("V1"), reason="Đã hủy hết", actor=place.actor("pharmacist"), at=at(hour, 15))
    assert not freed.is_blocked
    return gone


def is_usable(store: Store) -> bool:
    return bool(usable_lots(store, [AMLODIPIN], DAY))


def test_a_condemned_lot_that_is_bought_again_is_held_until_somebody_looked(world: World, store: Store) -> None:
    place = world.hospital
    condemned(world, store)
    shelf.receive(place, store, shelf.goods(world, place, code=AMLODIPIN, lot="V1", quantity=30), when=at(11))
    assert shelf.lot("V1").is_blocked
    assert not is_usable(store)
    said = AuditEntry.objects.filter(action="pharmacy.hold_lot", object_id=shelf.lot("V1").pk).latest("pk")
    assert "Tủ lạnh 1" in said.facts["reason"]
    assert "đã quyết định hủy" in said.facts["reason"]
    release_lot(lot=shelf.lot("V1"), reason="Hàng mới, đã kiểm", actor=place.actor("pharmacist"), at=at(12))
    assert is_usable(store), "these goods never lay in the warm refrigerator"


def test_goods_that_arrive_beside_condemned_ones_free_nothing(world: World, store: Store) -> None:
    """Half of what was to be destroyed is still there; as much again is bought: the lot stays as it is."""
    place = world.hospital
    gone = condemned(world, store)
    reverse_document(document=gone, reason="Chưa hủy", actor=place.actor("head"), at=at(11))
    shelf.receive(place, store, shelf.goods(world, place, code=AMLODIPIN, lot="V1", quantity=100), when=at(12))
    kept = {"store": store, "reason": "Quá nhiệt độ", "detail": Detail(board=(Member("Kho"),))}
    destroy(lines=[LotLine(shelf.lot("V1"), Decimal(99))], actor=place.actor("head"), at=at(13), **kept)  # type: ignore[arg-type]
    keeper = place.actor("pharmacist")
    assert release_lot(lot=shelf.lot("V1"), reason="Hàng mới", actor=keeper, at=at(14)).is_blocked, "one unit is left"
    with pytest.raises(Refusal, match="đã quyết định hủy"):
        release_lot(lot=shelf.lot("V1"), reason="Hàng mới", actor=keeper, at=at(14))
    destroy(lines=[LotLine(shelf.lot("V1"), Decimal(1))], actor=place.actor("head"), at=at(15), **kept)  # type: ignore[arg-type]
    assert not release_lot(lot=shelf.lot("V1"), reason="Hàng mới", actor=keeper, at=at(16)).is_blocked
    assert shelf.on_hand(store)["V1"] == 100


def test_what_a_patient_brings_back_of_a_condemned_lot_is_held(world: World, store: Store) -> None:
    place = world.hospital
    pharmacist = place.actor("pharmacist")
    prescription = shelf.lan_prescription(world, place, (AMLODIPIN, 7))
    given = dispense(prescription=prescription, store=store, actor=pharmacist, at=at(9, 30))
    condemned(world, store)
    line = given.lines.get()
    made = return_drugs(
        dispense=given, lines=[ReturnedLine(line.pk, Decimal(7))], reason="Chóng mặt", actor=pharmacist, at=at(11)
    )
    assert shelf.on_hand(store)["V1"] == 7
    assert shelf.lot("V1").is_blocked
    assert not is_usable(store)
    assert made.document.kind == StockDocument.Kind.PATIENT_RETURN


def test_what_a_count_finds_of_a_condemned_lot_is_held(world: World, store: Store) -> None:
    place = world.hospital
    condemned(world, store, hour=7)
    shelf.receive(place, store, shelf.goods(world, place, code=AMLODIPIN, lot="V1", quantity=10), when=at(8))
    release_lot(lot=shelf.lot("V1"), reason="Hàng mới, đã kiểm", actor=place.actor("pharmacist"), at=at(8, 5))
    count = board.opened(place, store, when=at(8, 30))
    board.twice(place, count, "V1", 12, when=at(9))
    post_count(count=board.approve(place, count), actor=place.actor("pharmacist"), at=at(13))
    assert shelf.on_hand(store)["V1"] == 12
    assert shelf.lot("V1").is_blocked


def test_a_recall_holds_what_comes_in_of_its_number(world: World, store: Store) -> None:
    """The same lot, and one that the invoice writes in small letters with another expiry."""
    place = world.hospital
    keeper = place.actor("pharmacist")
    block_lot(lot=shelf.lot("V1"), reason="Thu hồi theo công văn", actor=keeper, at=at(9))
    shelf.receive(
        place,
        store,
        shelf.goods(world, place, code=AMLODIPIN, lot="V1"),
        shelf.goods(world, place, code=AMLODIPIN, lot="v1", expires_on=date(2028, 1, 31)),
        shelf.goods(world, place, code=AMLODIPIN, lot="V11"),
        when=at(10),
    )
    assert shelf.lot("V1").is_blocked
    assert shelf.lot("v1").is_blocked_by_hand
    assert not shelf.lot("V11").is_blocked, "another lot"
    assert [row.lot.number for row in usable_lots(store, [AMLODIPIN], DAY)] == ["V11"]
    assert not release_lot(lot=shelf.lot("v1"), reason="Không thuộc diện thu hồi", actor=keeper, at=at(11)).is_blocked


def test_the_lot_says_why_it_is_held_and_the_desk_says_that_it_is(world: World, store: Store, time_machine) -> None:
    place = world.hospital
    condemned(world, store)
    time_machine.move_to(at(11), tick=False)
    receipt = shelf.receive(place, store, shelf.goods(world, place, code=AMLODIPIN, lot="V1"), when=at(11))
    pharmacist = signed_in(place, "pharmacist")
    page = pharmacist.get(reverse("stock-lot", args=[shelf.lot("V1").pk])).content.decode()
    assert "Hàng về lại" in page
    assert "Đã hủy hết" in page, "who released it before, and why"
    assert "hủy, kho này không còn; Quá 24 giờ" in page, "what became of its quarantine"
    assert "Đang khóa" in pharmacist.get(reverse("stock-document", args=[receipt.pk])).content.decode()


def test_a_decision_is_chosen_and_an_ended_one_says_that_nothing_is_left(world: World, store: Store) -> None:
    place = world.hospital
    record_climate(
        point=point(world, store, "Tủ lạnh 1", "cold"),
        day=DAY,
        shift="morning",
        temperature=Decimal(20),
        humidity=None,
        action="Gọi sửa",
        is_quarantined=True,
        actor=place.actor("keeper"),
        at=at(10),
    )
    (row,), head = QuarantinedLot.objects.all(), signed_in(place, "head")
    where = reverse("climate-quarantine")
    page = head.get(where).content.decode()
    assert '<option value="" selected>Chọn quyết định' in page, "nothing is decided before somebody chose"
    assert "Tủ lạnh 1, Kho cấp phát CP" in page
    said = {f"{row.pk}-decision": "", f"{row.pk}-reason": "Quá 24 giờ"}
    assert head.post(reverse("climate-decide", args=[row.pk]), said).status_code == 422
    decide_quarantine(quarantined=row, decision="destroy", reason="Quá 24 giờ", actor=place.actor("head"), at=at(11))
    lines = [LotLine(shelf.lot("V1"), Decimal(60))]
    kept = {"store": store, "reason": "Quá nhiệt độ", "detail": Detail(board=(Member("Kho"),))}
    destroy(lines=lines, actor=place.actor("head"), at=at(12), **kept)  # type: ignore[arg-type]
    assert "còn 40 Viên" in head.get(where).content.decode()
    lines = [LotLine(shelf.lot("V1"), Decimal(40))]
    destroy(lines=lines, actor=place.actor("head"), at=at(13), **kept)  # type: ignore[arg-type]
    page = head.get(where).content.decode()
    assert "kho không còn" in page
    assert "lập phiếu hủy" not in page


def test_a_recall_finds_who_has_the_lot(world: World, store: Store, time_machine, django_assert_num_queries) -> None:
    """By one query: less what came back, nothing that was undone, nobody of another lot."""
    place = world.hospital
    pharmacist = place.actor("pharmacist")
    shelf.receive(place, store, shelf.goods(world, place, lot="L9"))
    lan = shelf.lan_prescription(world, place, (AMLODIPIN, 7), (shelf.PARACETAMOL, 5))
    hung = shelf.hung_prescription(world, place, (AMLODIPIN, 6))
    other = shelf.someone_prescription(world, place, "Lý =Một", (AMLODIPIN, 5))
    given = dispense(prescription=lan, store=store, actor=pharmacist, at=at(10))
    back = dispense(prescription=hung, store=store, actor=pharmacist, at=at(10, 5))
    wrong = dispense(prescription=other, store=store, actor=pharmacist, at=at(10, 10))
    reverse_dispense(dispense=wrong, reason="Nhầm người", actor=pharmacist, at=at(10, 15))
    part = given.lines.get(lot__number="V1")
    return_drugs(
        dispense=given, lines=[ReturnedLine(part.pk, Decimal(3))], reason="Thừa", actor=pharmacist, at=at(10, 20)
    )
    all_back = [ReturnedLine(back.lines.get().pk, Decimal(6))]
    return_drugs(dispense=back, lines=all_back, reason="Nổi mẩn", actor=pharmacist, at=at(10, 25))
    lot = shelf.lot("V1")
    with django_assert_num_queries(1):
        found = [(row.dispense.prescription.visit.patient.full_name, row.still) for row in recipients(lot)]
    assert found == [("Nguyễn Thị Lan", 4)]
    assert recipients_count(lot) == 1
    dispense(prescription=other, store=store, actor=pharmacist, at=at(11))
    time_machine.move_to(at(12), tick=False)
    desk = signed_in(place, "pharmacist")
    assert "2 người" in desk.get(reverse("stock-lot", args=[lot.pk])).content.decode()
    page = desk.get(reverse("stock-lot-patients", args=[lot.pk])).content.decode()
    assert "Nguyễn Thị Lan" in page
    assert "Trần Văn Hùng" not in page
    book = load_workbook(io.BytesIO(desk.get(reverse("stock-lot-patients-xlsx", args=[lot.pk])).content))
    rows = list(book.active.iter_rows(min_row=5, values_only=True))
    assert [(row[3], row[7]) for row in rows] == [("Lý =Một", 5), ("Nguyễn Thị Lan", 4)]
    assert AuditEntry.objects.filter(action="pharmacy.export_recipients", facts__rows=2).exists()
    keeper, others = signed_in(place, "keeper"), signed_in(world.station, "pharmacist")
    assert keeper.get(reverse("stock-lot-patients", args=[lot.pk])).status_code == 403
    assert "Người bệnh đã nhận" not in keeper.get(reverse("stock-lot", args=[lot.pk])).content.decode()
    for name in ("stock-lot-patients", "stock-lot-patients-xlsx"):
        assert others.get(reverse(name, args=[lot.pk])).status_code == 404

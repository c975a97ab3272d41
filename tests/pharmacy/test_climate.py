"""The temperature log: twice a day, deviations with their action, lots in quarantine until the head decided."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from hypothesis import given as for_all
from hypothesis import strategies as st

from his.audit.models import AuditEntry
from his.catalogs.models import Drug
from his.core.errors import NotFound, PermissionRefused, Refusal
from pharmacy import queries_climate as log
from pharmacy.climate import AFTERNOON, MORNING, SHIFTS, Measured, initials, month_sheet, usual_ranges
from pharmacy.models import ClimatePoint, ClimateReading, QuarantinedLot, Store
from pharmacy.printing.climate import print_climate_month
from pharmacy.services.climate import (
    add_climate_point,
    decide_quarantine,
    end_climate_point,
    record_climate,
    void_climate,
)
from pharmacy.services.details import Detail, Member
from pharmacy.services.lots import block_lot, release_lot
from pharmacy.services.stock import LotLine, destroy, reverse_document, transfer
from pharmacy.services.stores import set_storage
from tests.cast import DAY, World, at
from tests.insurance.walk import signed_in
from tests.pdf_text import joined, pieces
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN
from tests.scenes import scene


@scene
def store(world: World) -> Store:
    """A dispensary of the hospital that keeps cold drugs, with a cold lot (V1) and an ordinary one (L1)."""
    place = world.hospital
    Drug.objects.for_facility(place.facility).filter(code=AMLODIPIN).update(storage="cold")
    made = shelf.dispensary(place)
    set_storage(store=made, keeps=["cold"], actor=place.actor("pharmacist"))
    made.refresh_from_db()
    shelf.receive(place, made, shelf.goods(world, place), shelf.goods(world, place, code=AMLODIPIN, lot="V1"))
    return made


@scene
def fridge(world: World, store: Store) -> ClimatePoint:
    return point(world, store, "Tủ lạnh 1", "cold")


def point(world: World, store: Store, name: str, storage: str) -> ClimatePoint:
    return add_climate_point(
        store=store,
        name=name,
        device="Nhiệt kế số 07",
        storage=storage,
        limits=usual_ranges()[storage],
        actor=world.hospital.actor("pharmacist"),
    )


def record(world: World, of: ClimatePoint, temperature: str, **said: object) -> ClimateReading:
    usual = {"day": DAY, "shift": MORNING, "humidity": None, "action": "", "is_quarantined": True, "at": at(8)}
    given = usual | said
    return record_climate(point=of, temperature=Decimal(temperature), actor=world.hospital.actor("keeper"), **given)


@pytest.mark.parametrize(
    ("storage", "temperature", "humidity", "said"),
    [
        ("cold", "2", None, ""),
        ("cold", "8", None, ""),
        ("cold", "1.9", None, "thấp hơn 2 °C"),
        ("cold", "8.1", None, "cao hơn 8 °C"),
        ("frozen", "-25", None, ""),
        ("frozen", "-14.9", None, "cao hơn -15 °C"),
        ("", "30", "75", ""),
        ("", "31", "75.1", "cao hơn 30 °C, ẩm quá 75 %"),
    ],
)
def test_both_ends_of_a_range_belong_to_it(storage: str, temperature: str, humidity: str | None, said: str) -> None:
    measured = None if humidity is None else Decimal(humidity)
    assert usual_ranges()[storage].deviation(Decimal(temperature), measured) == said


@for_all(st.sets(st.tuples(st.integers(1, 31), st.sampled_from(SHIFTS))), st.integers(0, 31))
def test_every_reading_has_its_cell_and_every_gap_is_counted(cells: set[tuple[int, str]], until: int) -> None:
    readings = [Measured(day, shift, Decimal(day), None, "A", day == 3) for day, shift in cells]
    sheet = month_sheet(readings, days=31, until=until)
    for shift in SHIFTS:
        assert [text != "" for text in sheet.temperatures[shift]] == [(day, shift) in cells for day in range(1, 32)]
    assert sheet.missing == 2 * until - sum(day <= until for day, _ in cells)


def test_a_deviation_needs_an_action_and_blocks_what_lies_there(world: World, fridge: ClimatePoint) -> None:
    with pytest.raises(Refusal, match="hãy ghi xử trí"):
        record(world, fridge, "12")
    reading = record(world, fridge, "12", action="Chuyển sang tủ 2, gọi sửa")
    assert reading.deviation == "cao hơn 8 °C"
    (lot,) = QuarantinedLot.objects.all()
    assert (lot.lot.number, lot.quantity) == ("V1", 100)
    assert shelf.lot("V1").is_blocked
    assert not shelf.lot("L1").is_blocked, "kept at room temperature, it does not lie in the refrigerator"


def test_within_the_range_nothing_is_blocked(world: World, fridge: ClimatePoint) -> None:
    record(world, fridge, "5")
    record(world, fridge, "9", shift=AFTERNOON, action="Đóng lại cửa, 5 phút sau 6 °C", is_quarantined=False)
    assert not QuarantinedLot.objects.exists()


def test_the_head_decides_and_only_what_was_blocked_for_it_is_released(world: World, fridge: ClimatePoint) -> None:
    place = world.hospital
    head = place.actor("head")
    record(world, fridge, "12", action="Gọi sửa")
    with pytest.raises(PermissionRefused):
        decide_quarantine(
            quarantined=QuarantinedLot.objects.get(),
            decision="use",
            reason="Ổn định",
            actor=place.actor("keeper"),
            at=at(9),
        )
    record(world, fridge, "13", shift=AFTERNOON, action="Gọi sửa")
    first, second = QuarantinedLot.objects.order_by("pk")
    said = {"decision": "use", "reason": "Hãng cho phép 24 giờ dưới 15 °C", "actor": head, "at": at(15)}
    decide_quarantine(quarantined=first, **said)
    assert shelf.lot("V1").is_blocked, "another decision is still open"
    decide_quarantine(quarantined=second, **said)
    assert not shelf.lot("V1").is_blocked
    with pytest.raises(Refusal, match="đã có quyết định"):
        decide_quarantine(quarantined=second, **said)


def test_what_is_to_be_destroyed_or_was_blocked_before_stays_blocked(world: World, fridge: ClimatePoint) -> None:
    actor = world.hospital.actor("head")
    block_lot(lot=shelf.lot("V1"), reason="Thu hồi", actor=actor, at=at(7))
    record(world, fridge, "12", action="Gọi sửa")
    (row,) = QuarantinedLot.objects.all()
    decide_quarantine(quarantined=row, decision="use", reason="Ổn định", actor=actor, at=at(9))
    assert shelf.lot("V1").is_blocked, "it was blocked for another cause"
    record(world, fridge, "15", shift=AFTERNOON, action="Gọi sửa")
    row = QuarantinedLot.objects.get(decision="")
    decide_quarantine(quarantined=row, decision="destroy", reason="Quá 24 giờ", actor=actor, at=at(16))
    assert shelf.lot("V1").is_blocked


def test_a_nurse_who_writes_the_log_holds_what_lies_there(world: World, fridge: ClimatePoint) -> None:
    nurse = world.hospital.actor("nurse")
    with pytest.raises(PermissionRefused):
        block_lot(lot=shelf.lot("V1"), reason="Nghi hỏng", actor=nurse, at=at(8))
    said = {"day": DAY, "shift": MORNING, "humidity": None, "is_quarantined": True, "at": at(8)}
    record_climate(point=fridge, temperature=Decimal(12), action="Báo khoa Dược", actor=nurse, **said)
    assert shelf.lot("V1").is_blocked
    entry = AuditEntry.objects.get(action="pharmacy.hold_lot")
    assert (entry.user_id, entry.facts["lot"]) == (nurse.user.pk, "V1")
    assert "Tủ lạnh 1 cao hơn 8 °C" in entry.facts["reason"]


def test_a_lot_is_free_only_when_nothing_else_holds_it(world: World, store: Store, fridge: ClimatePoint) -> None:
    place = world.hospital
    keeper, head = place.actor("pharmacist"), place.actor("head")
    other = shelf.dispensary(place, "CP2")
    transfer(store=store, target_store=other, lines=[LotLine(shelf.lot("V1"), Decimal(40))], actor=keeper, at=at(7))
    second = point(world, other, "Tủ lạnh 2", "cold")
    for where in (fridge, second):
        record(world, where, "12", action="Gọi sửa")
    with pytest.raises(Refusal, match="chờ trưởng khoa Dược"):
        release_lot(lot=shelf.lot("V1"), reason="Đạt", actor=keeper, at=at(9))
    block_lot(lot=shelf.lot("V1"), reason="Thu hồi", actor=keeper, at=at(9))
    here, there = QuarantinedLot.objects.order_by("pk")
    decide_quarantine(quarantined=here, decision="use", reason="Ổn định", actor=head, at=at(10))
    assert release_lot(lot=shelf.lot("V1"), reason="Hết thu hồi", actor=keeper, at=at(11)).is_blocked
    decide_quarantine(quarantined=there, decision="destroy", reason="Quá 24 giờ", actor=head, at=at(12))
    with pytest.raises(Refusal, match="đã quyết định hủy, còn ở Kho cấp phát CP2"):
        release_lot(lot=shelf.lot("V1"), reason="Đạt", actor=keeper, at=at(13))
    destroy(
        store=other,
        lines=[LotLine(shelf.lot("V1"), Decimal(40))],
        reason="Quá nhiệt độ",
        detail=Detail(board=(Member("Trần Thị Kho"),)),
        actor=head,
        at=at(14),
    )
    assert not release_lot(lot=shelf.lot("V1"), reason="Đã hủy ở kho kia", actor=keeper, at=at(15)).is_blocked


def test_what_is_to_be_destroyed_comes_back_blocked_and_is_not_moved_away(world: World, fridge: ClimatePoint) -> None:
    place = world.hospital
    keeper, head, main = place.actor("pharmacist"), place.actor("head"), shelf.main_store(place)
    lines, rest = ([LotLine(shelf.lot("V1"), Decimal(quantity))] for quantity in (60, 40))
    moved = transfer(store=fridge.store, target_store=main, lines=rest, actor=keeper, at=at(7))
    transfer(store=fridge.store, target_store=main, lines=lines, actor=keeper, at=at(7, 10))
    back = transfer(store=main, target_store=fridge.store, lines=lines, actor=keeper, at=at(7, 30))
    record(world, fridge, "20", action="Gọi sửa")
    with pytest.raises(Refusal, match="chờ trưởng khoa Dược quyết định, không chuyển đi"):
        reverse_document(document=back, reason="Nhầm", actor=head, at=at(8, 30))
    row = QuarantinedLot.objects.get()
    decide_quarantine(quarantined=row, decision="destroy", reason="Quá 24 giờ", actor=head, at=at(9))
    with pytest.raises(Refusal, match="đã quyết định hủy"):
        reverse_document(document=back, reason="Nhầm", actor=head, at=at(10))
    detail = Detail(board=(Member("Trần Thị Kho"),))
    said = {"store": fridge.store, "lines": lines, "reason": "Quá nhiệt độ", "detail": detail, "actor": head}
    gone = destroy(**said, at=at(11))
    assert not release_lot(lot=shelf.lot("V1"), reason="Đã hủy hết", actor=keeper, at=at(12)).is_blocked
    reverse_document(document=gone, reason="Chưa hủy", actor=head, at=at(13))
    assert shelf.lot("V1").is_blocked, "it lies there again, and is to be destroyed still"
    with pytest.raises(Refusal, match="đã quyết định hủy"):
        release_lot(lot=shelf.lot("V1"), reason="Đạt", actor=keeper, at=at(14))
    destroy(**said, at=at(15))
    release_lot(lot=shelf.lot("V1"), reason="Đã hủy hết", actor=keeper, at=at(16))
    reverse_document(document=moved, reason="Nhầm", actor=head, at=at(17))
    assert shelf.lot("V1").is_blocked


def test_a_recall_after_an_ended_quarantine_is_known_as_a_persons(world: World, fridge: ClimatePoint) -> None:
    """The migration that says who blocked a lot, on rows as the release before it wrote them."""
    shelf.receive(world.hospital, fridge.store, shelf.goods(world, world.hospital, code=AMLODIPIN, lot="V2"))
    head = world.hospital.actor("head")
    record(world, fridge, "12", action="Gọi sửa")
    decide_quarantine(
        quarantined=QuarantinedLot.objects.get(lot__number="V1"),
        decision="use",
        reason="Ổn định",
        actor=head,
        at=at(9),
    )
    block_lot(lot=shelf.lot("V1"), reason="Thu hồi", actor=head, at=at(10))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE pharmacy_quarantinedlot ADD COLUMN blocked_here boolean NOT NULL DEFAULT true")
        cursor.execute("UPDATE pharmacy_lot SET is_blocked_by_hand = false")
        cursor.execute(import_module("pharmacy.migrations.0012_who_blocked_a_lot").FILL)
    assert shelf.lot("V1").is_blocked_by_hand, "its quarantine ended: somebody blocked it afterwards"
    assert not shelf.lot("V2").is_blocked_by_hand, "its quarantine holds it still"
    assert not shelf.lot("L1").is_blocked_by_hand


def test_a_slip_of_the_pen_is_voided_and_measured_anew(world: World, fridge: ClimatePoint) -> None:
    wrong = record(world, fridge, "55", action="Nhầm", is_quarantined=False)
    with pytest.raises(Refusal, match="đã ghi"):
        record(world, fridge, "5.5")
    with pytest.raises(DatabaseError), transaction.atomic():
        ClimateReading.objects.filter(pk=wrong.pk).update(temperature=5)
    void_climate(reading=wrong, reason="Gõ nhầm 5,5", actor=world.hospital.actor("keeper"), at=at(9))
    record(world, fridge, "5.5")
    assert [one.temperature for one in log.readings_of_month(fridge, 2026, 10)] == [Decimal("5.5")]
    record(world, fridge, "12", shift=AFTERNOON, action="Gọi sửa")
    with pytest.raises(Refusal, match="đã cách ly"):
        void_climate(
            reading=ClimateReading.objects.latest("pk"), reason="Nhầm", actor=world.hospital.actor("keeper"), at=at(15)
        )


def test_what_nobody_can_have_measured_is_refused(world: World, store: Store, fridge: ClimatePoint) -> None:
    room = point(world, store, "Phòng kho", "")
    for said, text in (
        ({"of": room, "temperature": "25"}, "hãy ghi độ ẩm"),
        ({"of": fridge, "temperature": "400"}, "từ -90 đến 60"),
        ({"of": fridge, "temperature": "5.55"}, "một chữ số lẻ"),
        ({"of": fridge, "temperature": "5", "day": DAY + timedelta(days=1)}, "Chưa đến ngày"),
        ({"of": fridge, "temperature": "5", "humidity": Decimal(101)}, "từ 0 đến 100"),
    ):
        with pytest.raises(Refusal, match=text):
            record(world, **said)
    with pytest.raises(Refusal, match="không khai báo điều kiện"):
        point(world, store, "Tủ đông", "frozen")
    with pytest.raises(NotFound):
        log.point(world.station.facility, fridge.pk)


def test_the_sheet_of_the_month(world: World, fridge: ClimatePoint) -> None:
    record(world, fridge, "5.5")
    record(world, fridge, "12", shift=AFTERNOON, action="Gọi sửa", at=at(14))
    assert log.sheet_of(fridge, 2026, 10, today=DAY).missing == 10, "five days before, twice each"
    pdf = print_climate_month(point=fridge, year=2026, month=10, actor=world.hospital.actor("head"), at=at(15))
    text = joined(pieces(pdf))
    name = world.hospital.users["keeper"].display_name
    legend = f"{''.join(word[0] for word in name.split())} = {name}"
    for part in (
        "10/2026",
        "Tủ lạnh 1",
        "2 đến 8 °C",
        "5,5",
        "cao hơn 8 °C",
        "Gọi sửa",
        "lô V1: chờ quyết định",
        legend,
    ):
        assert part in text


def test_the_log_at_the_desk(world: World, store: Store, fridge: ClimatePoint, time_machine) -> None:
    time_machine.move_to(at(14), tick=False)
    room = point(world, store, "Phòng kho", "")
    keeper, head = signed_in(world.hospital, "keeper"), signed_in(world.hospital, "head")
    page = reverse("climate")
    typed = {
        "day": "06/10/2026",
        "shift": AFTERNOON,
        f"{fridge.pk}-temperature": "5,5",
        f"{room.pk}-temperature": "33",
        f"{room.pk}-humidity": "60",
        f"{room.pk}-is_quarantined": "on",
    }
    answer = keeper.post(page, typed)
    assert answer.status_code == 422
    assert "hãy ghi xử trí" in answer.content.decode()
    assert 'value="33"' in answer.content.decode(), "nothing typed is lost"
    assert ClimateReading.objects.get().point == fridge, "the good row is stored"
    half = {**typed, f"{room.pk}-temperature": "", f"{room.pk}-action": "Bật máy lạnh"}
    answer = keeper.post(page, {**half, f"{fridge.pk}-temperature": "6,5"})
    assert answer.status_code == 422
    assert "Hãy ghi nhiệt độ" in answer.content.decode()
    assert "nội dung vừa gõ (6,5 °C) chưa lưu" in answer.content.decode(), "somebody else wrote 5,5 before"
    more = {**half, f"{fridge.pk}-humidity": "61", f"{fridge.pk}-action": "Gọi <thợ>"}
    for same in (more, {**more, f"{fridge.pk}-temperature": ""}):
        told = "5,5 °C, ẩm 61 %, xử trí: Gọi &lt;thợ&gt;".removeprefix("" if same is more else "5,5 °C, ")
        assert f"nội dung vừa gõ ({told}) chưa lưu" in keeper.post(page, same).content.decode()
    assert "chưa lưu" not in keeper.post(page, half).content.decode(), "what was typed again is stored"
    assert 'value="60"' in answer.content.decode()
    assert keeper.post(page, {**typed, f"{room.pk}-action": "Bật máy lạnh"}).status_code == 302
    (row,) = QuarantinedLot.objects.all()
    assert row.lot.number == "L1"
    decide = reverse("climate-decide", args=[row.pk])
    said = {f"{row.pk}-decision": "use", f"{row.pk}-reason": "Dưới 1 giờ"}
    assert keeper.post(decide, said).status_code == 403
    wrong = head.post(decide, {f"{row.pk}-decision": "destroy"})
    assert wrong.status_code == 422
    assert f'id="id_{row.pk}-reason_error">Hãy ghi căn cứ' in wrong.content.decode()
    assert '<option value="destroy" selected' in wrong.content.decode(), "nothing chosen is lost"
    assert head.post(decide, said).status_code == 302
    assert "Dùng tiếp" in head.get(reverse("climate-quarantine")).content.decode()
    month = keeper.get(reverse("climate-month", args=[room.pk]), {"day": "06/10/2026"}).content.decode()
    assert "<b>33!</b>" in month
    pdf = reverse("climate-month-pdf", args=[fridge.pk, 2026, 10])
    assert keeper.get(pdf).content.startswith(b"%PDF")
    assert keeper.get(reverse("climate-month-pdf", args=[fridge.pk, 2026, 13])).status_code == 404


def test_the_chosen_month_stays_and_an_ended_point_is_named(world: World, fridge: ClimatePoint, time_machine) -> None:
    before = DAY.replace(month=9, day=20)
    reading = record(world, fridge, "5.5", day=before)
    end_climate_point(point=fridge, actor=world.hospital.actor("pharmacist"))
    time_machine.move_to(at(14), tick=False)
    keeper = signed_in(world.hospital, "keeper")
    assert "Tủ lạnh 1" in keeper.get(reverse("climate"), {"day": "20/09/2026"}).content.decode()
    assert "Tủ lạnh 1" not in keeper.get(reverse("climate")).content.decode()
    assert "Tủ lạnh 1" in keeper.get(reverse("climate-points")).content.decode()
    void = reverse("climate-void", args=[reading.pk])
    wrong = keeper.post(void, {"reason": "x" * 300})
    assert wrong.status_code == 422
    assert f'id="id_void_{reading.pk}_reason_error"' in wrong.content.decode()
    assert "x" * 300 in wrong.content.decode(), "nothing typed is lost"
    assert 'value="20/09/2026"' in wrong.content.decode(), "the month of the reading, not this one"
    late = {"day": "20/09/2026", "shift": AFTERNOON, f"{fridge.pk}-temperature": "4"}
    assert (
        "đã ngừng theo dõi; nội dung vừa gõ (4 °C) chưa lưu" in keeper.post(reverse("climate"), late).content.decode()
    )
    done = keeper.post(void, {"reason": "Gõ nhầm"})
    assert done["Location"] == f"{reverse('climate-month', args=[fridge.pk])}?day=20092026"
    said = keeper.get(done["Location"]).content.decode()
    assert "Đã bỏ lần đo 20/09/2026" in said
    assert "hãy ghi lại" not in said


def test_people_with_the_same_letters_have_marks_of_their_own() -> None:
    names = {7: "Mai Thị Dược", 2: "Mai Thúy Duyên", 5: "Lê  An", 9: "", 8: "Lê Đạt"}
    assert initials(names) == {2: "MTD1", 7: "MTD2", 5: "LA", 9: "?", 8: "LĐ"}


def test_points_and_what_a_store_keeps_are_said_on_screens(world: World, store: Store) -> None:
    keeper = signed_in(world.hospital, "keeper")
    points = reverse("climate-points")
    typed = {"store": store.pk, "name": "Tủ lạnh 2", "device": "", "storage": "cold", "low": "", "high": "6"}
    assert keeper.post(points, typed).status_code == 422
    assert keeper.post(points, {**typed, "device": "Số 9"}).status_code == 302
    assert ClimatePoint.objects.get().range.text() == "2 đến 6 °C"
    storage = reverse("store-storage", args=[store.pk])
    assert keeper.post(storage, {"is_known": "on", "keeps": ["hot"]}).status_code == 422
    assert keeper.post(storage, {"is_known": "on", "keeps": ["cold", "frozen"]}).status_code == 302
    store.refresh_from_db()
    assert store.keeps == ["cold", "frozen"]
    assert "lạnh (2-8 °c), đông lạnh" in keeper.get(reverse("stock-stores")).content.decode()
    assert keeper.post(storage, {}).status_code == 302
    store.refresh_from_db()
    assert store.keeps is None

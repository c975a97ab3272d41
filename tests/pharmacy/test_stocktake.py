"""A stock-take from the frozen book to the posted difference: worked cases, refusals, and what nothing may undo."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from his.catalogs.models import Drug
from his.core.errors import NotFound, PermissionRefused, Refusal
from pharmacy.models import LotBalance, StockCount, StockCountEntry, StockCountLine, StockDocument, StockMovement
from pharmacy.queries import balance_differences
from pharmacy.queries_stocktake import counted_line, counted_lines, line_story, summary
from pharmacy.services.stocktake import Found, Member, add_found_lot, record_count
from pharmacy.services.stocktake_end import abandon_count, approve_count, post_count, return_count
from tests.cast import at
from tests.pharmacy import board, shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.scenes import scene


@scene
def place(world):
    return world.hospital


@scene
def store(world, place):
    store = shelf.dispensary(place)
    shelf.receive(place, store, *(shelf.goods(world, place, lot=lot, quantity=q) for lot, q in (("A", 100), ("B", 50))))
    return store


def state(count: StockCount, lot: str) -> str:
    return counted_line(board.line(count, lot)).state


def refused(code: str):
    return pytest.raises(Refusal, check=lambda refusal: refusal.code == code)


def test_what_moves_during_the_count_is_accounted_for(place, store):
    """A: 100 frozen at 8:00; 10 go out; 88 are seen at 9:45, so 2 are missing; 5 go out; 83 are seen at 10:15: still 2.
    After the approval 3 more go out, and when the count is posted 80 are left."""
    count = board.opened(place, store)
    board.out(place, store, "A", 10, at(9, 30))
    board.seen(place, count, "A", 88, when=at(9, 45))
    assert state(count, "A") == "recount"
    board.out(place, store, "A", 5, at(10))
    board.seen(place, count, "A", 83, when=at(10, 15), round_no=2, who=1)
    found = counted_line(board.line(count, "A"))
    assert (found.state, found.book, found.moved, found.difference) == ("different", 85, -15, -2)
    assert found.value == -300
    board.seen(place, count, "B", 50, when=at(10))
    board.because(place, count, "A")
    board.approve(place, count)
    board.out(place, store, "A", 3, at(12, 30))
    done = board.post(place, count)
    assert shelf.on_hand(store) == {"A": Decimal(80), "B": Decimal(50)}
    assert (done.up_document, done.loss_document) == (None, None)
    assert (done.down_document.kind, done.down_document.number) == ("count_down", "KH26-000001")
    assert done.down_document.reference == count.number == "KK26-000001"
    assert balance_differences(place.facility) == []
    story = line_story(board.line(count, "A"))
    assert [move.quantity for move in story.movements] == [-10, -5, -3]
    assert story.late == 0


def test_broken_units_are_apart_and_written_off(place, store):
    count = board.opened(place, store)
    board.twice(place, count, "A", 103, when=at(9))
    board.twice(place, count, "B", 47, damaged=2, when=at(9))
    figures = summary(counted_lines(count))
    assert (figures.surplus_value, figures.shortage_value, figures.damage_value) == (450, 150, 300)
    board.approve(place, count)
    done = board.post(place, count)
    assert shelf.on_hand(store) == {"A": Decimal(103), "B": Decimal(47)}
    posted = StockMovement.objects.filter(line__document__reference=count.number).order_by("pk")
    assert list(posted.values_list("kind", "lot__number", "quantity")) == [
        ("count_up", "A", 3),
        ("count_down", "B", -1),
        ("loss", "B", -2),
    ]
    assert done.loss_document.reason == "Hỏng, vỡ theo biên bản kiểm kê KK26-000001"


def test_broken_units_that_explain_the_difference_need_no_second_count(place, store):
    count = board.opened(place, store)
    board.seen(place, count, "A", 98, damaged=2, when=at(9))
    assert state(count, "A") == "different"
    board.seen(place, count, "B", 50, when=at(9))
    with refused("no_reason"):
        board.approve(place, count)
    board.because(place, count, "A", "Rơi vỡ")
    board.approve(place, count)
    assert board.post(place, count).down_document is None
    assert shelf.on_hand(store) == {"A": Decimal(98), "B": Decimal(50)}


def test_two_counters_are_compared_by_their_own_instants(place, store):
    count = board.opened(place, store)
    board.seen(place, count, "A", 100, when=at(9))
    board.out(place, store, "A", 10, at(9, 30))
    board.seen(place, count, "A", 90, when=at(10), who=1)
    assert state(count, "A") == "equal"
    board.seen(place, count, "B", 50, when=at(9))
    board.seen(place, count, "B", 49, when=at(9), who=1)
    assert state(count, "B") == "recount"
    board.seen(place, count, "B", 50, when=at(10), who=1)
    assert state(count, "B") == "equal", "a later figure of the same counter takes the place of his earlier one"
    assert StockCountEntry.objects.filter(line=board.line(count, "B")).count() == 3
    board.seen(place, count, "B", 48, when=at(11), round_no=2)
    board.seen(place, count, "B", 49, when=at(11), round_no=2, who=1)
    assert counted_line(board.line(count, "B")).verdict.round == 3
    with refused("bad_round"):
        board.seen(place, count, "A", 90, when=at(11), round_no=3)


def test_nothing_is_assumed_zero(place, store):
    count = board.opened(place, store)
    board.seen(place, count, "A", 100, when=at(9))
    with refused("uncounted") as caught:
        board.approve(place, count)
    assert "Paracetamol 500mg lô B" in caught.value.message_vi
    board.seen(place, count, "B", 0, when=at(9))
    with refused("recount_due"):
        board.approve(place, count)
    board.seen(place, count, "B", 0, when=at(9, 30), round_no=2)
    with refused("no_reason"):
        board.approve(place, count)
    board.because(place, count, "B", "Mất")
    board.approve(place, count)
    board.post(place, count)
    assert shelf.on_hand(store) == {"A": Decimal(100), "B": Decimal(0)}


def test_a_lot_outside_the_book_is_added(world, place, store):
    actor, drug = place.actor("pharmacist"), world.drug(place, AMLODIPIN)
    count = board.opened(place, store)
    ask = {"count": count, "drug": drug, "expires_on": date(2028, 1, 31), "actor": actor, "at": at(9)}
    line = add_found_lot(lot_number="X 1", **ask)
    assert add_found_lot(lot_number=" X  1", **ask) == line
    assert (line.position, line.snapshot_quantity, line.lot.unit_cost, line.is_found) == (3, 0, 250, True)
    known = {**ask, "drug": world.drug(place, PARACETAMOL), "expires_on": date(2027, 12, 31)}
    again = add_found_lot(lot_number="A", **known)
    assert again.position == 1
    for lot, quantity in (("A", 100), ("B", 50)):
        board.seen(place, count, lot, quantity, when=at(9))
    board.twice(place, count, "X 1", 7, when=at(10))
    board.approve(place, count)
    board.post(place, count)
    assert shelf.on_hand(store)["X 1"] == 7


@pytest.mark.parametrize(
    ("scope", "codes", "lots"),
    [
        ("kind", ["supply"], ["S"]),
        ("control", ["psychotropic"], ["P"]),
        ("list", [AMLODIPIN, PARACETAMOL], ["A", "B", "P"]),
        ("group", ["4"], ["A", "B", "P"]),
    ],
)
def test_a_scope_holds_its_lots(world, place, store, scope, codes, lots):
    Drug.objects.filter(facility=place.facility, code="TH0003").update(kind="supply")
    Drug.objects.filter(facility=place.facility, code=AMLODIPIN).update(control_class="psychotropic")
    more = [shelf.goods(world, place, code=code, lot=lot) for code, lot in (("TH0003", "S"), (AMLODIPIN, "P"))]
    shelf.receive(place, store, *more)
    count = board.opened(place, store, scope=scope, scope_codes=codes)
    assert sorted(line.lot.number for line in count.lines.all()) == lots
    if scope != "group":
        with refused("out_of_scope"):
            add_found_lot(
                count=count,
                drug=world.drug(place, "TH0004"),
                lot_number="Y",
                expires_on=date(2028, 1, 1),
                actor=place.actor("pharmacist"),
                at=at(9),
            )


def test_approval_is_by_another_person_with_the_right(place, store):
    count = board.opened(place, store)
    for lot, quantity in (("A", 100), ("B", 50)):
        board.seen(place, count, lot, quantity, when=at(9))
    with pytest.raises(PermissionRefused):
        approve_count(count=count, actor=place.actor("pharmacist"), at=at(12))
    head = place.actor("pharmacist")
    head = type(head)(head.user, head.facility, head.permissions | {"pharmacy.approve_count"}, head.roles, head.staff)
    with refused("same_person"):
        approve_count(count=count, actor=head, at=at(12))
    with pytest.raises(IntegrityError), transaction.atomic():
        StockCount.objects.update(state="approved", approved_by=head.user, approved_at=at(12))
    with refused("not_approved"):
        board.post(place, count)
    done = board.approve(place, count)
    assert (done.state, done.approved_by, done.proposal) == ("approved", place.users["manager"], "Sắp xếp lại kho")
    with refused("already_counted"):
        board.seen(place, count, "A", 99, when=at(12, 30))


def test_posting_is_done_once(place, store):
    count = board.opened(place, store)
    board.twice(place, count, "A", 90, when=at(9))
    board.seen(place, count, "B", 50, when=at(9))
    board.approve(place, count)
    first = post_count(count=count, actor=place.actor("pharmacist"), at=at(13), idempotency_key="k")
    again = post_count(count=count, actor=place.actor("pharmacist"), at=at(13), idempotency_key="k")
    assert first == again
    with refused("already_posted"):
        board.post(place, count)
    with refused("already_ended"):
        abandon_count(count=count, reason="Thôi", actor=place.actor("pharmacist"), at=at(14))
    assert StockDocument.objects.filter(kind="count_down").count() == 1
    assert shelf.on_hand(store)["A"] == 90


def test_a_balance_below_zero_or_below_what_is_reserved_is_refused_by_name(place, store):
    count = board.opened(place, store)
    board.twice(place, count, "A", 40, when=at(9))
    board.twice(place, count, "B", 20, when=at(9))
    board.approve(place, count)
    board.out(place, store, "A", 60, at(12, 30))
    LotBalance.objects.filter(lot__number="B").update(reserved=21)
    with refused("shortage") as caught:
        board.post(place, count)
    assert "lô A sẽ còn -20" in caught.value.message_vi
    assert "lô B sẽ còn 20, đang giữ chỗ 21" in caught.value.message_vi
    assert not StockDocument.objects.filter(kind="count_down").exists()
    LotBalance.objects.filter(lot__number="B").update(reserved=20)
    return_count(count=count, reason="Đếm lại lô A", actor=place.actor("manager"), at=at(14))
    assert board.line(count, "A").counted is None
    board.seen(place, count, "A", 35, when=at(14, 30), round_no=3)
    board.approve(place, count, at(15))
    board.post(place, count, at(16))
    assert shelf.on_hand(store) == {"A": Decimal(35), "B": Decimal(20)}


def test_a_document_recorded_late_is_seen(place, store):
    """Before the approval it changes the book of the instant; after it, what was approved is no longer true."""
    count = board.opened(place, store)
    board.seen(place, count, "A", 90, when=at(9))
    assert state(count, "A") == "recount"
    board.out(place, store, "A", 10, at(7, 30))
    assert state(count, "A") == "equal"
    assert line_story(board.line(count, "A")).late == -10
    board.seen(place, count, "B", 50, when=at(9))
    board.approve(place, count)
    board.out(place, store, "B", 1, at(8, 30))
    with refused("book_changed") as caught:
        board.post(place, count)
    assert "lô B" in caught.value.message_vi
    return_count(count=count, reason="Phiếu ghi muộn", actor=place.actor("manager"), at=at(14))
    board.twice(place, count, "B", 50, when=at(9, 30))
    board.approve(place, count, at(15))
    board.post(place, count, at(16))
    assert shelf.on_hand(store) == {"A": Decimal(90), "B": Decimal(50)}


def test_one_open_count_holds_a_lot(world, place, store):
    count = board.opened(place, store, scope="list", scope_codes=[PARACETAMOL])
    with refused("already_counting") as caught:
        board.opened(place, store)
    assert "KK26-000001" in caught.value.message_vi
    shelf.receive(place, store, shelf.goods(world, place, code=AMLODIPIN, lot="C"))
    other = board.opened(place, store, scope="list", scope_codes=[AMLODIPIN])
    line = board.line(count, "A")
    with pytest.raises(IntegrityError, match="lot_in_one_open_count"), transaction.atomic():
        StockCountLine.objects.create(
            facility=place.facility, count=other, position=9, store=store, lot=line.lot, snapshot_quantity=1
        )
    abandon_count(count=count, reason="Mở nhầm", actor=place.actor("pharmacist"), at=at(9))
    assert board.opened(place, store, scope="list", scope_codes=[PARACETAMOL]).number == "KK26-000003"
    with refused("no_reason"):
        abandon_count(count=other, reason=" ", actor=place.actor("pharmacist"), at=at(9))


def test_what_ended_stays_as_it_is(place, store):
    count = board.opened(place, store)
    board.seen(place, count, "A", 100, when=at(9))
    frozen = [
        lambda: StockCountEntry.objects.update(counted=1),
        lambda: StockCountEntry.objects.all().delete(),
        lambda: StockCountLine.objects.update(snapshot_quantity=1),
        lambda: StockCountLine.objects.all().delete(),
        lambda: StockCount.objects.update(snapshot_at=at(9)),
        lambda: StockCount.objects.all().delete(),
        lambda: count.members.update(name="Khác"),
    ]
    abandon_count(count=count, reason="Thôi", actor=place.actor("pharmacist"), at=at(10))
    ended = [
        lambda: StockCount.objects.update(proposal="Khác"),
        lambda: StockCountLine.objects.update(reason="Khác"),
    ]
    for attempt in (*frozen, *ended):
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()
    assert shelf.on_hand(store) == {"A": Decimal(100), "B": Decimal(50)}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"members": [Member("A", "", "member", True)]}, "bad_board"),
        ({"members": [Member("A", "", "chairman")]}, "no_counter"),
        ({"members": [Member("A", "", "boss", True)]}, "bad_role"),
        ({"scope": "kind"}, "empty_scope"),
        ({"scope": "list", "scope_codes": ["không có"]}, "nothing_to_count"),
        ({"scope": "all"}, "bad_scope"),
        ({"occasion": "weekly"}, "bad_occasion"),
    ],
)
def test_a_count_that_makes_no_sense_is_not_opened(place, store, asked, code):
    with refused(code):
        board.opened(place, store, **asked)


def test_figures_that_make_no_sense_are_refused(world, place, store):
    count = board.opened(place, store)
    for quantity in ("-1", "0.0001", "NaN", "1000000000"):
        with refused("bad_quantity"):
            board.seen(place, count, "A", quantity, when=at(9))
    with refused("bad_time"):
        board.seen(place, count, "A", 1, when=at(7))
    station = shelf.dispensary(world.station)
    shelf.receive(world.station, station, shelf.goods(world, world.station, lot="Z"))
    theirs = board.opened(world.station, station)
    with pytest.raises(NotFound):
        record_count(
            line=board.line(theirs, "Z"),
            counter=board.counter(theirs),
            round_no=1,
            found=Found(board.line(theirs, "Z"), Decimal(1)),
            actor=place.actor("pharmacist"),
            at=at(9),
        )
    with refused("not_counter"):
        record_count(
            line=board.line(count, "A"),
            counter=count.members.get(role="chairman"),
            round_no=1,
            found=Found(board.line(count, "A"), Decimal(1)),
            actor=place.actor("pharmacist"),
            at=at(9),
        )

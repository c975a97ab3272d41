"""The overview: its numbers are those of cash report, claims screen and lists ahead, and each opens its list."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import time_machine
from django.db import connection
from django.db.models.functions import TruncDate
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from his.accounts.actor import Actor
from his.accounts.reach import own_reach
from his.catalogs.models import Drug
from his.core.dates import VIETNAM
from his.core.errors import PermissionRefused
from his.demo.places import Place
from his.ui.text import money_text
from insurance.billing.ledger import entries_on, method_totals, taken_by, totals
from insurance.claims import causes, queries
from insurance.claims.export import export_month
from patients.models import QueueTicket
from pharmacy import planning, queries_planning
from pharmacy.models import Lot
from pharmacy.queries_risk import stock_risk
from pharmacy.services.stock import LotLine, record_loss
from pharmacy.services.transit import ship
from reports.overview.board import Board, Links
from reports.overview.figures import Figures
from reports.period import Period
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.insurance.test_export import month as faulty_month
from tests.pharmacy import shelf
from tests.reports.month import small_month
from tests.scenes import scene

OCTOBER = date(2026, 10, 1)


def figures(actor: Actor, *, is_year: bool = False) -> Figures:
    return Figures(own_reach(actor), OCTOBER, DAY, is_year=is_year)


@scene
def busy(world: World) -> Place:
    """The hospital after a small month with a faulty claim, and a little at the station."""
    Drug.objects.filter(code=walk.HALF_PAID).update(route_code="99.99")
    steps = faulty_month(world)
    small = walk.hung(world, world.station, 9).examine("J06.9").sign()
    small.settled()
    with TemporaryDirectory() as folder:
        export_month(month=OCTOBER, out_dir=Path(folder), actor=world.hospital.actor("claims"), at=at(16))
    assert steps
    return world.hospital


def test_money_is_that_of_the_cash_report(busy: Place) -> None:
    found = figures(busy.actor("manager"))
    by_day = dict(zip(found.steps, found.money(), strict=True))
    report = method_totals(totals(entries_on(busy.facility, DAY)))
    assert by_day[DAY] == sum(row.net for row in report) != 0
    assert found.money_of_month == {busy.facility.pk: sum(row.net for row in report)}
    assert sum(by_day.values()) == by_day[DAY]
    assert figures(busy.actor("manager"), is_year=True).money()[-1] == by_day[DAY]


def test_the_funnel_and_its_causes_are_those_of_the_claims_screen(busy: Place) -> None:
    found = figures(busy.actor("manager"))
    screen = queries.funnel(busy.facility, OCTOBER)
    assert screen["closed"] > screen["insured"] > screen["clean"]
    assert {code: found.step(code) for code in found.funnels[busy.facility.pk]}.items() <= screen.items()
    for view in ("findings", "warnings"):
        listed = causes.causes(busy.facility, OCTOBER, queries.view_of(view))
        ours = [row for row in found.causes if row.severity in {one.severity for one in listed}]
        assert {(row.cause, row.claims, row.findings) for row in ours} == {
            (row.cause, row.claims, row.findings) for row in listed
        }
    assert "blocking" in {row.severity for row in found.causes}
    assert {row.example for row in found.causes} == {""}, "examples name what stands in a patient's claim"


@pytest.mark.parametrize("on", [DAY, date(2026, 11, 20), date(2027, 2, 3)])
def test_stock_at_risk_is_what_the_lists_ahead_say(busy: Place, on: date) -> None:
    risk_is_that_of_the_lists(busy, on)


def test_stock_on_its_way_gone_or_moved_after_the_day_is_judged_as_on_the_lists(world: World) -> None:
    place, keeper = world.station, world.station.actor("pharmacist")
    main, shelves = shelf.main_store(place), shelf.dispensary(place)
    month = date(2026, 9, 1)
    sent = shelf.goods(world, place, lot="L1", expires_on=date(2026, 11, 30))
    shelf.receive(place, main, sent, shelf.goods(world, place, code="TH0004", lot="L4"), when=at(8, day=month))
    on_the_way = [LotLine(shelf.lot("L1"), Decimal(100), "Thử")]
    ship(store=main, target_store=shelves, lines=on_the_way, actor=keeper, at=at(9, day=month))
    Drug.objects.for_facility(place.facility).filter(code="TH0004").update(min_stock=5)
    gone = [LotLine(shelf.lot("L4"), Decimal(100), "Vỡ")]
    record_loss(store=main, lines=gone, reason="Vỡ", actor=keeper, at=at(10, day=month))
    later = shelf.goods(world, place, code="TH0002", lot="L2", expires_on=date(2026, 12, 20))
    shelf.receive(place, main, later, when=at(8, day=date(2026, 10, 20)))
    for on in (month, DAY, date(2026, 10, 20), date(2027, 2, 3)):
        risk_is_that_of_the_lists(place, on)
    assert stock_risk(own_reach(place.actor("manager")), date(2026, 8, 31)) == {}
    risk = stock_risk(own_reach(place.actor("manager")), DAY)[place.facility.pk]
    assert (risk.low, risk.expiring_lots, risk.expiring_value) == (1, 1, Decimal(15000))


def risk_is_that_of_the_lists(busy: Place, on: date) -> None:
    risk = stock_risk(own_reach(busy.actor("manager")), on)[busy.facility.pk]
    items, expiring = queries_planning.items(busy.facility, on), queries_planning.expiring(busy.facility, on)
    low = [item for item in items if planning.is_low(item.position, on)]
    over = [item for item in items if planning.is_over(item.position, on)]
    assert (risk.low, risk.over) == (len(low), len(over))
    assert risk.expiring_lots == len(expiring)
    assert risk.expiring_value == sum(row.value for row in expiring)
    assert risk.over_value == sum(
        part.usable(on) * item.lots[part.lot_id].unit_cost for item in over for part in item.position.lots
    )


def test_waiting_is_the_middle_and_the_ninetieth_percentile_of_the_minutes(world: World) -> None:
    place = world.hospital
    visit = small_month(world, place)[0].visit
    QueueTicket.objects.all().delete()
    for number, minutes in enumerate([5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]):
        ticket = {"facility": place.facility, "visit": visit, "room": place.rooms["PK1"], "day": DAY, "number": number}
        QueueTicket.objects.create(**ticket, issued_at=at(7, 30), called_at=at(7, 30) + timedelta(minutes=minutes))
    QueueTicket.objects.create(**ticket | {"number": 90}, issued_at=at(23, 59))
    QueueTicket.objects.create(**ticket | {"number": 91}, issued_at=at(0, 5), called_at=at(0, 6))
    found = figures(place.actor("manager"))
    whole = found.waited_by_hour[(7,)]
    assert (whole.count, whole.median, whole.ninetieth) == (11, Decimal("50.0"), Decimal("90.0"))
    assert set(found.waited_by_hour) == {(7,), (0,)}, "hours are Vietnamese; who was not called waits for nothing yet"
    assert found.waited_by_weekday[(DAY.isoweekday(), 7)] == whole
    assert found.waited is not None
    assert found.waited.count == found.waited_by_facility[(place.facility.pk,)].count == 12


def test_every_number_opens_exactly_the_list_that_it_counts(busy: Place) -> None:
    client = walk.signed_in(busy, "manager")
    with time_machine.travel(at(18)):
        page = client.get(reverse("overview"), {"month": "10/2026"})
        assert page.status_code == 200
        cards = {card.label: card.number for card in page.context["cards"]}
        pictures = {picture.drawing.key: picture for picture in page.context["pictures"]}
        for label, counted in [("Lượt khám", "visits"), ("Trong đó BHYT", "visits")]:
            answer = client.get(cards[label].url)
            assert answer.context["page"].paginator.count == int(cards[label].text) > 0, counted
        for label in ("Đã chốt chi phí", "Hồ sơ sạch", "Hồ sơ có lỗi"):
            answer = client.get(cards[label].url)
            assert answer.context["page"].paginator.count == int(cards[label].text) > 0
        for label in ("Sắp hết", "Tồn nhiều"):
            shown = cards[label]
            count = client.get(shown.url).context["page"].paginator.count if shown.url else 0
            assert count == int(shown.text), label
        rows = client.get(cards["Tiền thu"].url).context["rows"]
        assert sum(int(row[-1].text.replace(".", "")) for row in rows) == int(cards["Tiền thu"].text.replace(".", ""))
        for row in pictures["waiting"].rows:
            assert client.get(row[1].url).context["page"].paginator.count == int(row[1].text)
        for row in pictures["causes"].rows:
            assert client.get(row[2].url).context["page"].paginator.count == int(row[2].text) > 0
        (day,) = pictures["visits"].rows
        assert client.get(day[1].url).context["page"].paginator.count == int(day[1].text)


def test_what_expires_opens_the_list_by_expiry(busy: Place) -> None:
    today = Lot.objects.for_facility(busy.facility).order_by("expires_on").values_list("expires_on", flat=True)[0]
    with time_machine.travel(at(18, day=today)):
        client = walk.signed_in(busy, "manager")
        page = client.get(reverse("overview"), {"month": "10/2026"})
        (card,) = [card for card in page.context["cards"] if card.label == "Thuốc cận hạn"]
        rows = list(client.get(card.number.url).context["page"].paginator.object_list)
        assert money_text(sum(row.on_hand * row.lot.unit_cost for row in rows).quantize(1)) == card.number.text != "0"


def test_a_month_without_anything_says_so(world: World) -> None:
    client = walk.signed_in(world.hospital, "manager")
    page = client.get(reverse("overview"), {"month": "03/2026", "span": "year"})
    assert page.status_code == 200
    assert page.content.decode().count('<svg class="chart"') == 0
    assert page.content.decode().count("Chưa có dữ liệu") >= 6


@pytest.mark.parametrize("asked", ["13/2026", "<b>", "0001-01", "99999", "1/1999", "12/9999"])
def test_a_month_that_cannot_be_is_said_or_left(world: World, asked: str) -> None:
    client = walk.signed_in(world.hospital, "manager")
    for address in (reverse("overview"), reverse("overview-list", args=["visits"])):
        assert client.get(address, {"month": asked}).status_code == 200
    wrong = client.get(reverse("overview-list", args=["visits"]), {"day": asked})
    assert (wrong.status_code, "Không có ngày" in wrong.content.decode()) == (404, True)


def test_a_day_of_no_year_that_is_kept_is_not_found(world: World) -> None:
    client = walk.signed_in(world.hospital, "manager")
    for day in ("0001-01-01", "1999-12-31", "9999-12-31"):
        wrong = client.get(reverse("overview-list", args=["visits"]), {"day": day})
        assert (wrong.status_code, "Không có số liệu của ngày" in wrong.content.decode()) == (404, True)
    assert client.get(reverse("overview-list", args=["visits"]), {"day": "2026-10-06"}).status_code == 200


def test_who_may_not_sees_nothing_of_it(world: World, hospital_month: list[walk.Walk]) -> None:
    addresses = [
        reverse("overview"),
        *(reverse("overview-list", args=[what]) for what in ("visits", "money", "waiting")),
    ]
    for address in addresses:
        assert walk.signed_in(world.hospital, "manager").get(address).status_code == 200
        assert walk.signed_in(world.hospital, "cashier").get(address).status_code == 403
        assert Client().get(address).status_code == 302
    assert walk.signed_in(world.hospital, "manager").get(reverse("overview-list", args=["x"])).status_code == 404
    with pytest.raises(PermissionRefused):
        own_reach(world.hospital.actor("cashier"))


def test_a_part_needs_the_permission_of_its_desk(busy: Place) -> None:
    board = Board(figures(busy.actor("manager")), Links(OCTOBER, is_own=True), lambda permission: False)
    assert [picture.drawing.key for picture in board.pictures()] == ["visits", "waiting"]
    assert {card.label for card in board.cards()} == {"Lượt khám", "Trong đó BHYT", "Chờ khám, trung vị"}


def test_the_screen_asks_as_many_questions_for_many_visits_as_for_few(world: World) -> None:
    client = walk.signed_in(world.hospital, "manager")

    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get(reverse("overview"), {"month": "10/2026"}).status_code == 200
        return len(seen)

    asked()
    few = asked()
    small_month(world, world.hospital)
    assert asked() == few


def test_a_span_is_whole_months_of_vietnamese_time() -> None:
    year = Period.months_to(OCTOBER, 12)
    assert (year.start, len(year.months()), year.months()[-1]) == (date(2025, 11, 1), 12, Period.month(OCTOBER))
    start, end = Period.month(OCTOBER).instants()
    assert start.astimezone(VIETNAM).isoformat() == "2026-10-01T00:00:00+07:00"
    assert end.astimezone(VIETNAM).isoformat() == "2026-11-01T00:00:00+07:00"
    assert len(Period.month(date(2028, 2, 1)).days()) == 29


def test_money_of_the_last_minute_belongs_to_its_vietnamese_day(busy: Place) -> None:
    reach, (start, end) = own_reach(busy.actor("manager")), Period.month(OCTOBER).instants()
    cut = TruncDate("at", tzinfo=VIETNAM)
    rows = taken_by(reach, start, end, cut)
    assert {day for _, day, _, _ in rows} == {DAY}

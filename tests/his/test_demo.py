"""The demonstration: the same month twice, equal totals everywhere, and nobody's real data in danger."""

from collections import Counter as Count
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from his.accounts.models import Facility
from his.audit.models import AuditEntry
from his.audit.record import broken_positions
from his.catalogs.models import PricedService
from his.core.errors import Refusal
from his.demo import ground
from his.demo.cast import DIACRITICS
from his.demo.catalogs import import_folder, import_starter
from his.demo.filed import file_reports
from his.demo.menu import read_menu, set_exam_services
from his.demo.month import MONTH, Loaded, load_facility
from his.demo.outcome import Outcome, export_all
from his.demo.places import HOSPITAL, STATION, Place, build_places, load_places
from his.demo.plan import ENDINGS, MonthPlan, VisitPlan, plan_month
from his.demo.profiles import profiles
from his.demo.show import dong, gaps, tables
from his.demo.stock import _lines
from his.management.commands.demo import VISITS as FULL_MONTH
from insurance.models import CashSession
from patients.models import Patient, Visit
from pharmacy.models import Lot, LotBalance, StockCount, Store
from pharmacy.queries import balance_differences
from pharmacy.queries_planning import bids
from reports.duties.states import tasks_between
from tests.scenes import scene

VISITS = 16
LYING = {STATION: 0, HOSPITAL: 2}
"""Visits beside those of the plan: bé Tí in the children's ward, and the one who sleeps badly."""


@scene
def places() -> dict[str, Place]:
    """Both facilities with the starter catalogues."""
    built = build_places()
    import_starter([place.facility for place in built.values()])
    return built


def run(code: str, folder: Path) -> tuple[Outcome, dict[str, bytes]]:
    """Load a small month at a facility, export it, and answer the figures and every file written."""
    place = load_places()[code]
    load_facility(place, visits=VISITS)
    outcome = export_all(place, MONTH, folder / "claims", folder / "reports")
    return outcome, {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.*"))}


@pytest.mark.parametrize("code", [STATION, HOSPITAL])
def test_the_same_month_twice_gives_the_same_files_whatever_the_clock(places, tmp_path, code):
    with transaction.atomic(), time_machine.travel("2026-11-03 08:00+07:00"):
        _, first = run(code, tmp_path / "first")
        transaction.set_rollback(True)
    with time_machine.travel("2027-02-28 23:59+07:00"):
        _, second = run(code, tmp_path / "second")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert sum(name.endswith(".xml") and name.startswith("claims") for name in first) >= VISITS - 5


@scene
def of_hospital(places: dict[str, Place]) -> Outcome:
    """A small month of the hospital, exported."""
    with TemporaryDirectory() as folder:
        return run(HOSPITAL, Path(folder))[0]


@scene
def of_both(places: dict[str, Place], of_hospital: Outcome) -> dict[str, Outcome]:
    """A small month of both facilities."""
    with TemporaryDirectory() as folder:
        return {HOSPITAL: of_hospital, STATION: run(STATION, Path(folder))[0]}


@pytest.mark.parametrize("code", [STATION, HOSPITAL])
def test_receipts_splits_claims_and_report_agree(of_both, code):
    outcome = of_both[code]
    assert outcome.agrees
    assert outcome.visits == VISITS + LYING[code]
    assert outcome.claims == outcome.report_rows == outcome.visits - sum(outcome.left_out.values())
    assert outcome.claim_files == outcome.splits == outcome.report
    assert outcome.splits["T_BHTT"] > 0
    assert outcome.payable == outcome.received - outcome.refunded + outcome.owed > 0
    assert sum(line.endswith("KHỚP") for line in tables([outcome])) == 2
    outcome.report["T_BHTT"] += Decimal("0.01")
    assert not outcome.agrees
    assert sum(line.endswith("LỆCH") for line in tables([outcome])) == 1


def test_the_cast_is_there(of_both):
    names = set(Patient.objects.values_list("full_name", flat=True))
    assert {"Nguyễn Thị Lan", "Trần Văn Hùng", "Lê Văn Tí", "Trần Thị Mai", "Phạm Văn Sáu", DIACRITICS} <= names
    hoa = Patient.objects.filter(full_name="Đỗ Thị Hoa")
    assert hoa.count() == 2
    assert len({row.born_on.year for row in hoa}) == 1
    sau = Patient.objects.filter(full_name="Phạm Văn Sáu", facility__code=HOSPITAL).get()
    first, second = sau.cards.order_by("valid_from")
    assert first.valid_to is not None
    assert first.valid_to >= second.valid_from
    assert Patient.objects.filter(birth_precision="year", full_name="Bùi Thị Gấm").count() == 2
    of_mai = Visit.objects.filter(patient__full_name="Trần Thị Mai", facility__code=HOSPITAL)
    referred = of_mai.earliest("arrived_at")
    assert (referred.route, referred.referral_facility_code) == ("referral", STATION)
    assert not Visit.objects.filter(patient__full_name="Trần Văn Hùng", is_insured=True).exists()
    count = StockCount.objects.get()
    assert (count.facility.code, count.state, count.approved_by.username) == (STATION, "posted", "manager.tyt")
    assert [line.quantity for line in count.down_document.lines.all()] == [2]
    assert balance_differences(count.facility) == []


def test_it_leaves_a_sound_database(places, of_hospital):
    place = places[HOSPITAL]
    assert set(Visit.objects.values_list("state", flat=True)) == {Visit.State.CLOSED}
    assert not CashSession.objects.filter(closed_at__isnull=True).exists()
    assert balance_differences(place.facility) == []
    month = AuditEntry.objects.latest("pk").month
    assert broken_positions(place.facility, month) == []
    assert {"patients.open_visit", "billing.collect"} <= set(AuditEntry.objects.values_list("action", flat=True))


@pytest.mark.parametrize("code", [STATION, HOSPITAL])
def test_the_bids_of_the_full_month_hold_and_show_what_is_nearly_used_up(places, code):
    """What the stores of the whole demonstration take in, from its plan, against the quantities of the list."""
    place = places[code]
    plan = planned(place, FULL_MONTH[code])
    taken: Count[str] = Count()
    for line in _lines(Random(f"stock:{MONTH:%Y-%m}:{code}"), plan.demand(), plan.drugs(), MONTH):
        taken[line.drug.code] += line.quantity
    parts = {code: taken[code] / drug.bid_quantity for code, drug in plan.drugs().items() if drug.bid_info}
    assert len(parts) > 20
    assert max(parts.values()) < 1
    if code == HOSPITAL:
        assert sorted(code for code, part in parts.items() if part >= Decimal("0.8")) == ["TH0071", "TH0128"]
        assert Decimal("0.95") < parts["TH0128"]


def test_what_was_taken_of_a_bid_has_its_quantity(of_hospital):
    rows = bids(Facility.objects.get(code=HOSPITAL), date(2026, 10, 31))
    taken = [row for row in rows if row.taken]
    assert len(taken) > 20
    assert all(row.left is not None and row.left > 0 for row in taken)


def test_stock_has_two_lots_an_expired_one_and_an_apostrophe(of_hospital):
    ordinary = Lot.objects.filter(expires_on__gte=MONTH, drug__control_class="")
    lots = Count(ordinary.values_list("drug__code", flat=True))
    assert lots
    assert min(lots.values()) == 2
    assert Lot.objects.filter(number="L'26-07").exists()
    expired = LotBalance.objects.get(lot__expires_on__lt=MONTH)
    assert expired.on_hand == 200
    assert expired.store.kind == Store.Kind.DISPENSARY


def planned(place: Place, visits: int) -> MonthPlan:
    open_rooms = sorted(place.rooms.values(), key=lambda room: room.code)
    rooms = {room.code: room.name for room in open_rooms if room.exam_service_code}
    return plan_month(read_menu(place.facility, MONTH), MONTH, visits=visits, rooms=rooms)


def test_every_profile_is_at_home_in_the_starter_catalogue(places):
    menu = read_menu(places[HOSPITAL].facility, MONTH)
    for profile in profiles():
        menu.main_code(profile)
        for order in profile.orders:
            menu.service(order)
        for drug in profile.drugs:
            menu.drug(drug)
    assert dict(menu.missing) == {}


def test_a_hospital_month_has_what_a_hospital_sees(places):
    visits = planned(places[HOSPITAL], 1200).visits
    assert len(visits) == 1200
    routes = Count(visit.route for visit in visits)
    assert set(routes) == {"registered", "self", "referral", "follow_up", "emergency"}
    assert min(routes.values()) >= 25
    kinds = Count(visit.visit_type for visit in visits)
    assert set(kinds) == {"01", "08"}
    assert kinds["08"] > 150
    assert {visit.profile.injury for visit in visits} >= {"1", "2", "4", "8"}
    assert {card.number[:3] for visit in visits for card in visit.person.cards} >= {
        "TE1", "HS4", "GD4", "DN4", "HN2", "CN3", "HT3", "BT2"
    }  # fmt: skip
    assert all(card.number[3:5] == "99" for visit in visits for card in visit.person.cards)
    assert len({id(visit.person) for visit in visits}) < 1150
    assert {visit.ending for visit in visits} == {*ENDINGS[True], *ENDINGS[False]}
    assert 30 < sum(visit.card is None for visit in visits) < 150


def test_times_follow_one_another_within_the_working_day(places):
    for place in places.values():
        for visit in planned(place, 300).visits:
            assert_in_order(visit)


def assert_in_order(visit: VisitPlan) -> None:
    exam = visit.exam
    assert visit.arrived_at < exam.started_at < exam.signed_at
    for order in exam.orders:
        assert exam.started_at < order.ordered_at < order.performed_at < order.result_at < exam.signed_at
    assert exam.signed_at - visit.arrived_at < timedelta(hours=5)
    assert visit.arrived_at.hour >= 7
    assert exam.signed_at.hour < 18
    assert exam.signed_at.date() == visit.arrived_at.date()
    if exam.follow_up_on:
        assert exam.follow_up_on > visit.arrived_at.date()


def test_rooms_take_their_exam_from_a_price_list_with_other_codes(places):
    facility = places[HOSPITAL].facility
    for row in facility_exams(facility):
        row.code = f"X{row.code}"
        row.save(update_fields=["code"])
    changed = set_exam_services(facility, MONTH)
    assert "PK3 Phòng khám Nhi: X03.1896" in changed
    assert "PK1 Phòng khám Nội 1: X02.1896" in changed
    assert set_exam_services(facility, MONTH) == []


def facility_exams(facility):
    return PricedService.objects.for_facility(facility).filter(group_code="13")


@pytest.mark.django_db
def test_a_database_with_a_real_facility_is_never_touched():
    Facility.objects.create(code="01001", name="Trạm thật", kind=Facility.Kind.COMMUNE_STATION)
    for options in ([], ["--fresh"], ["--fresh", "--yes"]):
        with pytest.raises(CommandError, match="01001"):
            call_command("demo", *options)
    assert Facility.objects.get().code == "01001"


@pytest.mark.django_db
def test_data_that_are_not_the_demonstrations_own_need_fresh():
    build_places()
    with pytest.raises(CommandError, match="--fresh"):
        call_command("demo")
    assert ground.survey() == ground.Ground(is_empty=False)


@pytest.mark.django_db
def test_a_database_of_one_s_own_is_cleared_only_when_confirmed(monkeypatch):
    monkeypatch.setattr(ground, "is_embedded", lambda: False)
    build_places()
    with pytest.raises(CommandError, match="--yes"):
        call_command("demo", "--fresh")
    assert Facility.objects.count() == 2


@pytest.mark.django_db
def test_marks_tell_empty_broken_off_and_loaded_apart():
    assert ground.survey() == ground.Ground(is_empty=True)
    places = ground.found()
    assert ground.survey() == ground.Ground(is_empty=False, is_broken_off=True)
    ground.mark_loaded(places[STATION].facility, "starter", 3)
    assert ground.survey().is_broken_off
    ground.mark_loaded(places[HOSPITAL].facility, "starter", 3)
    assert ground.survey() == ground.Ground(is_empty=False, catalogs="starter")


@pytest.mark.django_db
def test_clearing_leaves_empty_tables():
    build_places()
    connection.check_constraints()  # no deferred check may be pending when the tables go
    ground.clear(is_confirmed=True)  # the tests may run on a server of DATABASE_URL
    assert ground.survey().is_empty
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'pgtrigger%'")
        assert cursor.fetchone()[0] > 10


def test_a_folder_without_the_files_is_refused_before_anything_is_stored(db, tmp_path):
    facilities = [place.facility for place in build_places().values()]
    with pytest.raises(Refusal, match="icd10_qd4469"):
        list(import_folder(tmp_path, facilities))
    assert not AuditEntry.objects.exists()


def test_what_the_catalogue_lacks_is_one_line_and_the_names_on_request():
    loaded = Loaded(STATION, 300, {"drug": ["A", "B | C"], "service": ["X-quang"], "diagnosis": []})
    said = f"{STATION}: danh mục không có 1 dịch vụ, 2 thuốc của bệnh án mẫu"
    assert list(gaps(loaded, with_names=False)) == [f"{said} (xem --verbosity 2)"]
    assert list(gaps(loaded, with_names=True)) == [said, "  dịch vụ: X-quang", "  thuốc: A; B | C"]
    assert list(gaps(Loaded(STATION, 300, {}), with_names=True)) == []


def test_amounts_read_as_people_write_them():
    assert [dong(Decimal(x)) for x in ("0.00", "1234567.00", "12.50", "-0.40")] == ["0", "1.234.567", "12,50", "-0,40"]


@pytest.mark.parametrize("code", [STATION, HOSPITAL])
def test_the_calendar_of_the_demo_shows_reports_in_every_state(places, tmp_path, code):
    with time_machine.travel("2026-11-09 08:00+07:00"):
        run(code, tmp_path)
        place = load_places()[code]
        file_reports(place, MONTH)
        today = date(2026, 11, 9)
        tasks = tasks_between(place.facility, date(2026, 11, 1), date(2026, 11, 20), today, place.actor("manager"))
    said = {task.duty.form: task.progress.words for task in tasks if task.duty.form}
    assert said["B9"] == said["B11"] == "Đã gửi"
    assert (said["KLN"], said["RLTT"], said["01BH"]) == ("Đã ký", "Nháp", "Nháp")
    assert said.get("B14", "") == ("Đã gửi" if code == HOSPITAL else "")

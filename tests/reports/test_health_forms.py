"""Forms of the registers: infectious diseases (11/BCT) and managed patients, worked by hand on a few people."""

from datetime import date, timedelta

from django.test import Client
from django.urls import reverse

from his.accounts.models import Membership
from his.catalogs.models import Diagnosis
from his.core.text import fold
from patients.models import DiseaseCase
from patients.services.care import end_management, enrol
from patients.services.cases import exclude_case, record_death
from reports.definition import load_version
from reports.engine import run
from reports.export import kinds_of
from reports.models import ReportRun
from reports.period import Period
from reports.queries import behind_figure
from reports.services import export_report
from tests.cast import World, anh_hung, at, ba_lan
from tests.insurance import walk
from tests.patients.test_care import day, later_visit
from tests.patients.test_cases import examined
from tests.scenes import scene

OCTOBER = Period.month(date(2026, 10, 1))
NOVEMBER = Period.month(date(2026, 11, 1))


def report(world: World, form: str, period: Period = OCTOBER, place: str = "station") -> ReportRun:
    chosen = getattr(world, place)
    facility, manager = chosen.facility, chosen.actor("manager")
    return run(form=form, facility=facility, period=period, actor=manager, at=at(8, 0, date(2027, 1, 4)))


def line(made: ReportRun, row: str) -> dict[str, int]:
    at_row = made.values["refs"].index(row)
    tags = made.values["columns"]
    return {
        tag: int(cell)
        for tag, cell in zip(tags, made.values["rows"][at_row], strict=True)
        if tag not in {"TEN", "MA", "STT"}
    }


@scene
def diseases(world: World) -> World:
    for code, name in (("A97.0", "Dengue"), ("B05.9", "Sởi"), ("U07.2", "COVID-19 nghi ngờ"), ("J10.1", "Cúm")):
        Diagnosis.objects.create(
            code=code, name=name, search_name=fold(name), valid_from=date(2020, 1, 1), source="test"
        )
    return world


def test_cases_are_counted_once_by_the_day_they_were_found(diseases: World) -> None:
    station, doctor = diseases.station, diseases.station.actor("doctor")
    hung, (lan, _) = anh_hung(station), ba_lan(station)
    examined(station, hung, "A97.0")
    examined(station, hung, "A97.0", begun=at(8, 0, day(3)))
    examined(station, lan, "A97.0", begun=at(23, 50, date(2026, 10, 31)), signed=at(0, 20, date(2026, 11, 1)))
    excluded = examined(station, lan, "B05.9", begun=at(9, 0, day(1))).cases[0]
    exclude_case(case=excluded, reason="Dị ứng", actor=doctor, at=at(10, 0, day(1)))
    examined(station, lan, "U07.2", begun=at(9, 0, day(4)))
    examined(station, lan, "J10.1", begun=at(9, 0, day(5)))
    made = report(diseases, "B11")
    nothing = {"MAC": 0, "MAC_TE15": 0, "CHET": 0, "CHET_TE15": 0}
    assert line(made, "dengue") == {**nothing, "MAC": 2}
    assert line(made, "measles") == line(made, "covid19") == nothing
    assert line(made, "influenza") == {**nothing, "MAC": 1}
    assert all(check["passed"] for check in made.checks)
    form = load_version("B11", made.values["definition"])
    number = made.values["refs"].index("dengue") + 1
    found = behind_figure(made, form, number, form.column("MAC"))
    assert found == sorted(DiseaseCase.objects.filter(disease="dengue").values_list("visit__claim_code", flat=True))


def test_a_death_counts_in_its_own_month(diseases: World) -> None:
    station = diseases.station
    case = examined(station, anh_hung(station), "A97.0", begun=at(9, 0, date(2026, 10, 30))).cases[0]
    died = at(3, 0, date(2026, 11, 2))
    record_death(case=case, died_at=died, actor=station.actor("doctor"), at=died + timedelta(hours=5))
    october, november = report(diseases, "B11"), report(diseases, "B11", NOVEMBER)
    assert (line(october, "dengue")["MAC"], line(october, "dengue")["CHET"]) == (1, 0)
    assert (line(november, "dengue")["MAC"], line(november, "dengue")["CHET"]) == (0, 1)


def test_a_month_without_a_case_is_still_a_report(world: World) -> None:
    made = report(world, "B11")
    assert len(made.values["rows"]) > 30
    assert all(cell == 0 for row in made.values["refs"] for cell in line(made, row).values())
    for kind in kinds_of(load_version("B11", made.values["definition"])):
        if kind != "xml":
            assert export_report(run=made, kind=kind, actor=world.station.actor("manager"), at=at(9))


def test_managed_patients_as_of_the_end_of_the_month(world: World, client: Client) -> None:
    hospital, doctor = world.hospital, world.hospital.actor("doctor")
    first = walk.lan(world, hospital).examine("I10").sign()
    lan, hung = first.visit.patient, anh_hung(hospital)
    step = {"disease": "hypertension", "diagnosis_code": "I10", "actor": doctor}
    enrol(patient=lan, is_newly_found=True, at=at(15), **step)
    moved = enrol(patient=hung, at=at(15), enrolled_on=date(2026, 7, 1), **step)
    later_visit(world, lan, day(20), systolic=130, diastolic=80)
    october = line(report(world, "KLN", place="hospital"), "hypertension")
    assert october == {"QUAN_LY": 2, "MOI": 1, "DIEU_TRI": 1, "DAT": 1, "BO_TRI": 1, "CHUYEN": 0, "CHET": 0}

    end_management(managed=moved, state="transferred", reason="BV tỉnh", actor=doctor, at=at(9, 0, date(2026, 11, 5)))
    made = report(world, "KLN", NOVEMBER, "hospital")
    november = line(made, "hypertension")
    assert november == {"QUAN_LY": 1, "MOI": 0, "DIEU_TRI": 0, "DAT": 1, "BO_TRI": 0, "CHUYEN": 1, "CHET": 0}
    assert line(report(world, "KLN", place="hospital"), "hypertension") == october
    assert not any(line(report(world, "RLTT", place="hospital"), "epilepsy").values())
    assert not any(line(report(world, "KLN"), "hypertension").values())

    manager = hospital.users["manager"]
    client.force_login(manager)
    number = made.values["refs"].index("hypertension") + 1
    page = client.get(reverse("report-figure", args=[made.pk, number, "CHUYEN"])).content.decode()
    assert "Trần Văn Hùng" in page
    assert reverse("care-one", args=[moved.pk]) not in page
    Membership.objects.create(facility=hospital.facility, user=manager, role="doctor")
    page = client.get(reverse("report-figure", args=[made.pk, number, "CHUYEN"])).content.decode()
    assert reverse("care-one", args=[moved.pk]) in page

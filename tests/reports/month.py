"""A small month of visits for the tests of reports, and the XML of its claims read by other code than the product's."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from his.demo.places import Place
from insurance.claims.export import export_month
from patients.models import Visit
from patients.services.beds import leave_ward, move_bed, undo_bed_step
from patients.services.visits import open_visit
from reports.engine import run
from reports.models import ReportRun
from reports.period import Period
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.insurance.money_audit import tables_of
from tests.scenes import scene
from tests.wards import admitted, bed_prices

ICU, MATERNITY, BY_DAY = ("K02", "K02.1911"), ("K27", "K27.1933"), "K02.1976"
OCTOBER = Period.parse_month("2026-10")
MONEY = ("T_TONGCHI_BV", "T_TONGCHI_BH", "T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC")
HOSTILE_NAME = "Lê <Thị> & 'Nở' \"Út\""


def person_visit(
    world: World, place: Place, name: str, card: str, *, day: datetime | None = None, **how: str
) -> walk.Walk:
    """A visit of an invented person with a card; on the test day unless an instant is given."""
    patient, kept = walk.someone(place, name, card=card, registered=how.pop("registered", ""))
    if day is None:
        return walk.visit_of(world, place, patient, kept, **how)
    visit = open_visit(
        patient=patient,
        card=kept,
        room=place.rooms["PK1"],
        actor=place.actor("reception"),
        at=day,
        route="registered",
        **how,
    )
    return walk.Walk(world, place, visit, now=day)


def small_month(world: World, place: Place) -> list[walk.Walk]:
    """Five visits: co-payment with odd sums, a child, a programme with drugs for days, a self-payer, an unpaid one."""
    lan = walk.lan_full(world, place)
    lan.settled()
    child = person_visit(world, place, HOSTILE_NAME, "TE1999912345601").examine("J20.9").sign()
    child.settled()
    chronic = person_visit(world, place, "Đỗ Mạn Tính", "HT3999912345602", visit_type="05", hour=9)
    chronic.examine("I10").order(walk.CBC).prescribe((walk.AMLODIPIN, 14)).sign().dispense().settled()
    hung = walk.hung(world, place, 10).examine("J06.9").sign()
    hung.settled()
    owing = person_visit(world, place, "Hoàng Thị Nợ", "GD4999912345603", hour=11)
    owing.examine("I10").order(walk.ULTRASOUND, walk.GLUCOSE).prescribe((walk.HALF_PAID, 3)).sign().dispense().close()
    return [lan, child, chronic, hung, owing]


@scene
def hospital_month(world: World) -> list[walk.Walk]:
    """The small month of the hospital."""
    return small_month(world, world.hospital)


@scene
def station_month(world: World) -> list[walk.Walk]:
    """The small month of the station."""
    return small_month(world, world.station)


@scene
def list_month(world: World, hospital_month: list[walk.Walk]) -> list[walk.Walk]:
    """The small month, with one inpatient, one from another facility of the province and one from another province."""
    stay = person_visit(world, world.hospital, "Vũ Nội Trú", "GD4999912345611", visit_type="03", hour=9)
    bed_prices(world.hospital)
    bed = admitted(stay.examine("J20.9").order(walk.CBC), "K02", "H001", "K02.1911", at(9, 40), patients_in_bed=2)
    stay.now = at(14)
    stay.sign()
    leave_ward(stay=bed, actor=world.hospital.actor("nurse"), at=at(14, 10))
    stay.now = at(14, 15)
    stay.settled()
    near = person_visit(
        world, world.hospital, "Mai Cùng Tỉnh", "GD4999912345612", registered="99001", route="emergency", hour=10
    )
    near.examine("I10").order(walk.GLUCOSE).sign().settled()
    far = person_visit(
        world, world.hospital, "Cao Khác Tỉnh", "GD4999912345613", registered="01001", route="emergency", hour=11
    )
    far.examine("I10").order(walk.ULTRASOUND).sign().settled()
    return [*hospital_month, stay, near, far]


def on(day: int, hour: int, minute: int = 0, month: int = 10) -> datetime:
    return at(hour, minute, DAY.replace(month=month, day=day))


def came(world: World, name: str, number: int, when: datetime) -> walk.Walk:
    """Somebody who is being examined since an instant; invented cards."""
    return person_visit(world, world.hospital, name, f"GD49999123457{number:02d}", day=when).examine("J20.9")


def signed(step: walk.Walk, when: datetime, **how: str) -> None:
    step.now = when
    step.sign(**how)


@scene
def ward_month(world: World) -> dict[str, walk.Walk]:
    """Six people of the hospital in October 2026.

    `over`: K02 30/10 20:00 to 02/11 09:00 (2 nights of October, 1 of November). `moved`: K02 06/10 10:00, K27 08/10
    12:00, dead 09/10 07:00 (3 nights). `day`: day treatment on 06, 07 and 09/10 (3 days). `lying`: K27 from 29/10
    08:00, never left. `short`: 06/10 09:00 to 12:00 (1 day). `undone`: admitted 06/10, taken back.
    """
    place, nurse = world.hospital, world.hospital.actor("nurse")
    bed_prices(place)

    over = came(world, "Vũ Qua Tháng", 1, on(30, 19))
    first = admitted(over, ICU[0], "H001", ICU[1], on(30, 20))
    signed(over, on(2, 8, 30, month=11))
    leave_ward(stay=first, actor=nurse, at=on(2, 9, month=11))

    moved = came(world, "Đỗ Chuyển Khoa", 2, on(6, 9))
    bed = admitted(moved, ICU[0], "H002", ICU[1], on(6, 10))
    department = place.departments[MATERNITY[0]]
    bed = move_bed(
        stay=bed, department=department, bed_code="T001", service_code=MATERNITY[1], actor=nurse, at=on(8, 12)
    )
    signed(moved, on(9, 6, 50), treatment_result_code="5")
    leave_ward(stay=bed, actor=nurse, at=on(9, 7))

    day = came(world, "Lê Ban Ngày", 3, on(6, 8))
    for one in (6, 7, 9):
        bed = admitted(day, ICU[0], "H003", BY_DAY, on(one, 9), visit_type="04")
        leave_ward(stay=bed, actor=nurse, at=on(one, 16))
    signed(day, on(9, 16, 30))

    lying = came(world, "Hoàng Còn Nằm", 4, on(29, 7))
    admitted(lying, MATERNITY[0], "H004", MATERNITY[1], on(29, 8))

    short = came(world, "Ngô Nằm Ngắn", 5, on(6, 8))
    bed = admitted(short, ICU[0], "K005", ICU[1], on(6, 9))
    signed(short, on(6, 11, 50))
    leave_ward(stay=bed, actor=nurse, at=on(6, 12))

    undone = came(world, "Bùi Ghi Nhầm", 6, on(6, 8))
    bed = admitted(undone, ICU[0], "H006", ICU[1], on(6, 9))
    undo_bed_step(stay=bed, reason="Nhầm người", actor=nurse, at=on(6, 10))
    signed(undone, on(6, 11))
    return {"over": over, "moved": moved, "day": day, "lying": lying, "short": short, "undone": undone}


@scene
def claimed_month(world: World, hospital_month: list[walk.Walk]) -> ReportRun:
    """Form 01/BH of the small month of the hospital, after all its claims were built."""
    with TemporaryDirectory() as folder:
        exported(world.hospital, Path(folder))
    return made(world.hospital)


def made(place: Place, period: Period = OCTOBER, **how: Path) -> ReportRun:
    """Form 01/BH of the place, run by its claims officer."""
    return run(form="01BH", facility=place.facility, period=period, actor=place.actor("claims"), at=at(17), **how)


def exported(place: Place, folder: Path, month: date = OCTOBER.start) -> dict[str, dict[str, str]]:
    """XML1 of each claim file of the month by claim code."""
    export_month(month=month, out_dir=folder, actor=place.actor("claims"), at=at(16))
    return {path.stem: tables_of(path.read_bytes())["XML1"][0] for path in sorted(folder.glob("*.xml"))}


def by_code(report: ReportRun) -> dict[str, dict[str, object]]:
    """Rows of a report by claim code, cells by tag."""
    values = report.values
    rows = (dict(zip(values["columns"], row, strict=True)) for row in values["rows"])
    return dict(zip(values["refs"], rows, strict=True))


def total(report: ReportRun, tag: str) -> Decimal:
    """Sum of a money column over the rows."""
    return sum((Decimal(str(row[tag] or 0)) for row in by_code(report).values()), Decimal(0))


def failed(report: ReportRun) -> dict[str, list[str]]:
    """Title -> references of the checks that failed."""
    return {row["title"]: row["refs"] for row in report.checks if not row["passed"]}


def reopened(visit: Visit) -> Visit:
    """The visit as stored now."""
    return Visit.objects.get(pk=visit.pk)

"""What a facility has for a month of visits: rooms, people by role, a store, priced services, drugs, diagnoses."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from his.accounts.actor import Actor, actor_for
from his.accounts.models import Department, Facility, FacilityStatus, Membership, Room, Staff, User
from his.accounts.roles import ROLES
from his.catalogs.models import PricedService
from his.core.dates import month_range
from his.core.errors import Refusal
from his.demo.menu import EXAM_GROUP, Menu, read_menu
from his.demo.places import HOSPITAL, STATION
from his.demo.profiles import Profile, profiles
from insurance.models import CashSession
from patients.models import Counter
from patients.queries_clinical import performing_department
from pharmacy.models import Store
from pharmacy.queries import dispensing_stores
from pharmacy.services.stores import create_store

PROVINCE = "99"


@dataclass(frozen=True, slots=True)
class Worker:
    """An account with its practice record."""

    user: User
    staff: Staff | None


@dataclass(frozen=True, slots=True)
class Desk:
    """An exam room: its exam with the price, and the doctors who work there."""

    room: Room
    exam: PricedService
    doctors: tuple[Worker, ...]


@dataclass(slots=True)
class Setting:
    """One facility in one month. `kinds` are the profiles that its catalogues can serve, each with a main disease."""

    facility: Facility
    first: date
    last: date
    menu: Menu
    desks: tuple[Desk, ...]
    crew: dict[str, tuple[Worker, ...]]
    store: Store
    statuses: tuple[FacilityStatus, ...]
    kinds: tuple[Profile, ...]
    patients_known: int
    departments: dict[str, Department | None] = field(default_factory=dict)

    @property
    def days(self) -> list[date]:
        """Working days of the month: Monday to Saturday."""
        every = (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))
        return [day for day in every if day.isoweekday() != 7]

    def actor(self, role: str) -> Actor:
        """The first account of a role."""
        return actor_for(self.crew[role][0].user, self.facility)

    def department_of(self, group_code: str) -> Department | None:
        """Where services of a cost group are performed; None for the department of the exam."""
        if group_code not in self.departments:
            self.departments[group_code] = performing_department(self.facility, group_code)
        return self.departments[group_code]

    def technician_for(self, department: Department | None) -> Worker:
        """Who performs what a department does: its own technician, else the first one."""
        workers = self.crew["technician"]
        own = (w for w in workers if w.staff is not None and department and w.staff.department_id == department.pk)
        return next(own, workers[0])

    def status_on(self, day: date) -> FacilityStatus:
        """The tier of the facility on the day."""
        return next(s for s in self.statuses if s.valid_from <= day and (s.valid_to is None or day <= s.valid_to))


def read_setting(facility: Facility, month: date) -> Setting:
    """Read what the month needs; makes a dispensary when the facility has none.

    Refuses a facility that is not one of the two invented ones, and one without tier, priced exams, services, drugs,
    diagnoses or an account for each role.
    """
    if facility.province_code != PROVINCE or facility.code not in {STATION, HOSPITAL}:
        raise Refusal(
            "not_invented", f"Chỉ nạp dữ liệu thử cho cơ sở giả định {STATION}, {HOSPITAL} của tỉnh {PROVINCE}"
        )
    first, after = month_range(month.year, month.month)
    last = after - timedelta(days=1)
    menu = read_menu(facility, first)
    menu.services = [item for item in menu.services if _holds(item.row, last)]
    menu.drugs = [drug for drug in menu.drugs if _holds(drug, last)]
    statuses = tuple(FacilityStatus.objects.for_facility(facility).order_by("valid_from"))
    kinds = tuple(row for row in profiles() if menu.main_code(row))
    _refuse_gaps(facility, menu, statuses, kinds, first, last)
    crew = _crew(facility)
    return Setting(
        facility=facility,
        first=first,
        last=last,
        menu=menu,
        desks=_desks(facility, first, last, crew["doctor"]),
        crew=crew,
        store=_store(facility, crew["pharmacist"][0]),
        statuses=statuses,
        kinds=kinds,
        patients_known=_patients_known(facility),
    )


def _holds(row: Any, last: date) -> bool:
    return row.valid_to is None or row.valid_to >= last


def _refuse_gaps(
    facility: Facility,
    menu: Menu,
    statuses: Iterable[FacilityStatus],
    kinds: tuple[Profile, ...],
    first: date,
    last: date,
) -> None:
    where = f"{facility.code} tháng {first:%m/%Y}"
    if not any(s.valid_from <= first and _holds(s, last) for s in statuses):
        raise Refusal("tier_missing", f"Cơ sở {where} chưa khai báo cấp chuyên môn kỹ thuật")
    if not menu.services:
        raise Refusal("no_price_list", f"Cơ sở {where} chưa có bảng giá dịch vụ")
    if not menu.drugs:
        raise Refusal("no_drug_list", f"Cơ sở {where} chưa có danh mục thuốc")
    if not kinds:
        raise Refusal("no_diagnoses", "Chưa có danh mục bệnh ICD-10")


def _desks(facility: Facility, first: date, last: date, doctors: tuple[Worker, ...]) -> tuple[Desk, ...]:
    priced = PricedService.objects.for_facility(facility).on(first).filter(group_code=EXAM_GROUP)
    exams = {row.code: row for row in priced if _holds(row, last)}
    rooms = Room.objects.for_facility(facility).filter(kind=Room.Kind.EXAM, is_active=True, exam_service_code__in=exams)
    found = []
    for room in rooms.select_related("department").order_by("code"):
        own = tuple(d for d in doctors if d.staff is not None and d.staff.department_id == room.department_id)
        found.append(Desk(room, exams[room.exam_service_code], own or doctors))
    if not found:
        raise Refusal("no_exam_price", f"Bảng giá của cơ sở {facility.code} chưa có công khám của phòng khám nào")
    return tuple(found)


def _crew(facility: Facility) -> dict[str, tuple[Worker, ...]]:
    rows = Membership.objects.for_facility(facility).filter(is_active=True, user__is_active=True)
    crew: dict[str, list[Worker]] = {}
    for row in rows.select_related("user", "staff").order_by("user__username"):
        crew.setdefault(row.role, []).append(Worker(row.user, row.staff))
    busy = set(
        CashSession.objects.for_facility(facility).filter(closed_at__isnull=True).values_list("cashier_id", flat=True)
    )
    crew["cashier"] = [worker for worker in crew.get("cashier", []) if worker.user.pk not in busy]
    for role in ("doctor", "technician"):
        crew[role] = [w for w in crew.get(role, []) if w.staff is not None and w.staff.licence_no]
    for role in ("reception", "nurse", "doctor", "technician", "pharmacist", "cashier"):
        if not crew.get(role):
            extra = " chưa mở ca thu" if role == "cashier" else ""
            raise Refusal("no_account", f"Cơ sở {facility.code} không có tài khoản {ROLES[role][0]}{extra}", role=role)
    return {role: tuple(workers) for role, workers in crew.items()}


def _store(facility: Facility, pharmacist: Worker) -> Store:
    found = dispensing_stores(facility).first()
    actor = actor_for(pharmacist.user, facility)
    return found or create_store(code="KNT", name="Kho cấp phát ngoại trú", kind=Store.Kind.DISPENSARY, actor=actor)


def _patients_known(facility: Facility) -> int:
    last = Counter.objects.for_facility(facility).filter(series="patient").values_list("last", flat=True).first()
    return last or 0

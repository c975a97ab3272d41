"""The two invented facilities of province 99 with their rooms and people; the tests share them."""

from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from django.contrib.auth.hashers import make_password
from django.db.models import Model

from his.accounts.actor import Actor, actor_for
from his.accounts.models import Department, Facility, FacilityStatus, Membership, Room, Staff, User
from his.accounts.roles import ROLES

DEMO_PASSWORD = "tram-y-te-99"
SINCE = date(2020, 1, 1)
STATION, HOSPITAL = "99001", "99002"
M = TypeVar("M", bound=Model)


@dataclass(slots=True)
class Place:
    """One facility with what a test or the demo needs by name."""

    facility: Facility
    departments: dict[str, Department] = field(default_factory=dict)
    rooms: dict[str, Room] = field(default_factory=dict)
    staff: dict[str, Staff] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)

    def actor(self, role: str) -> Actor:
        """The account of one role of this facility ("doctor", "cashier", ...)."""
        return actor_for(self.users[role], self.facility)


_DEPARTMENTS = {
    STATION: [("K01", "Khám bệnh"), ("K47", "Xét nghiệm"), ("K44", "Dược")],
    HOSPITAL: [
        ("K01", "Khám bệnh"),
        ("K02", "Hồi sức cấp cứu"),
        ("K18", "Nhi"),
        ("K27", "Phụ sản"),
        ("K47", "Xét nghiệm"),
        ("K39", "Chẩn đoán hình ảnh"),
        ("K44", "Dược"),
    ],
}
# code, name, department, kind, exam service
_ROOMS = {
    STATION: [
        ("PK1", "Phòng khám bệnh", "K01", Room.Kind.EXAM, "02.1896"),
        ("XN", "Xét nghiệm", "K47", Room.Kind.LAB, ""),
        ("DUOC", "Quầy thuốc", "K44", Room.Kind.PHARMACY, ""),
        ("TV", "Thu viện phí", "K01", Room.Kind.CASHIER, ""),
    ],
    HOSPITAL: [
        ("PK1", "Phòng khám Nội 1", "K01", Room.Kind.EXAM, "02.1896"),
        ("PK2", "Phòng khám Nội 2", "K01", Room.Kind.EXAM, "02.1896"),
        ("PK3", "Phòng khám Nhi", "K18", Room.Kind.EXAM, "03.1896"),
        ("PK4", "Phòng khám Phụ sản", "K27", Room.Kind.EXAM, "13.1896"),
        ("PK5", "Phòng khám Ngoại", "K01", Room.Kind.EXAM, "10.1896"),
        ("XN", "Xét nghiệm", "K47", Room.Kind.LAB, ""),
        ("CDHA", "Chẩn đoán hình ảnh", "K39", Room.Kind.IMAGING, ""),
        ("DUOC", "Quầy cấp phát thuốc", "K44", Room.Kind.PHARMACY, ""),
        ("TV", "Thu viện phí", "K01", Room.Kind.CASHIER, ""),
    ],
}
# key, code, full name, title, department, licence, scope, roles of the account of that name (empty: no account)
_PEOPLE: dict[str, list[tuple[str, str, str, str, str, str, str, tuple[str, ...]]]] = {
    STATION: [
        ("doctor", "BS01", "Lê Minh Giả", "Bác sĩ", "K01", "000101/VD-GPHN", "Đa khoa", ("doctor",)),
        ("nurse", "DD01", "Phạm Thị Thử", "Điều dưỡng", "K01", "000102/VD-GPHN", "Điều dưỡng", ("nurse", "reception")),
        ("technician", "KTV01", "Đỗ Văn Mẫu", "Kỹ thuật viên", "K47", "000103/VD-GPHN", "Xét nghiệm", ("technician",)),
        (
            "pharmacist",
            "DS01",
            "Vũ Thị Ví Dụ",
            "Dược sĩ",
            "K44",
            "000104/VD-GPHN",
            "Dược",
            ("pharmacist", "pharmacy_head", "cashier"),
        ),
        ("manager", "TT01", "Ngô Trưởng Trạm", "Bác sĩ, trưởng trạm", "K01", "000100/VD-GPHN", "Đa khoa", ("manager",)),
    ],
    HOSPITAL: [
        ("doctor", "BS01", "Trần Quang Giả", "Bác sĩ", "K01", "000201/VD-GPHN", "Nội khoa", ("doctor",)),
        ("doctor2", "BS02", "Hoàng Thị Thí", "Bác sĩ", "K01", "000202/VD-GPHN", "Nội khoa", ("doctor",)),
        ("doctor3", "BS03", "Nguyễn Nhi Mẫu", "Bác sĩ", "K18", "000203/VD-GPHN", "Nhi khoa", ("doctor",)),
        ("doctor4", "BS04", "Bùi Thị Sản", "Bác sĩ", "K27", "000204/VD-GPHN", "Sản phụ khoa", ("doctor",)),
        ("doctor5", "BS05", "Đặng Văn Ngoại", "Bác sĩ", "K01", "000205/VD-GPHN", "Ngoại khoa", ("doctor",)),
        ("nurse", "DD01", "Lý Thị Điều", "Điều dưỡng", "K01", "000206/VD-GPHN", "Điều dưỡng", ("nurse",)),
        (
            "technician",
            "KTV01",
            "Cao Văn Nghiệm",
            "Kỹ thuật viên",
            "K47",
            "000207/VD-GPHN",
            "Xét nghiệm",
            ("technician",),
        ),
        ("technician2", "KTV02", "Tạ Thị Ảnh", "Kỹ thuật viên", "K39", "000208/VD-GPHN", "Hình ảnh", ("technician",)),
        ("pharmacist", "DS01", "Mai Thị Dược", "Dược sĩ", "K44", "000209/VD-GPHN", "Dược", ("pharmacist",)),
        ("keeper", "DS02", "Hồ Văn Kho", "Thủ kho", "K44", "000210/VD-GPHN", "Dược", ("store_keeper",)),
        ("head", "DS03", "Đinh Thị Khoa", "Trưởng khoa Dược", "K44", "000211/VD-GPHN", "Dược", ("pharmacy_head",)),
        ("manager", "GD01", "Phan Giám Đốc", "Giám đốc", "K01", "000200/VD-GPHN", "Nội khoa", ("manager",)),
    ],
}
_OFFICE = {
    STATION: [
        ("reception", ("reception",)),
        ("cashier", ("cashier",)),
        ("claims", ("claims_officer",)),
        ("admin", ("administrator",)),
    ],
    HOSPITAL: [
        ("reception", ("reception",)),
        ("reception2", ("reception",)),
        ("cashier", ("cashier",)),
        ("cashier2", ("cashier",)),
        ("accountant", ("accountant",)),
        ("claims", ("claims_officer",)),
        ("admin", ("administrator",)),
    ],
}
_SUFFIX = {STATION: "tyt", HOSPITAL: "bv"}


def build_places() -> dict[str, Place]:
    """Create the two facilities with departments, rooms, people and one account for each role.

    Accounts are called `<role>.tyt` and `<role>.bv`; all have the demo password.
    """
    password = make_password(DEMO_PASSWORD)
    return {code: _build(facility, password) for code, facility in _facilities().items()}


def _facilities() -> dict[str, Facility]:
    station = Facility.objects.create(
        code=STATION,
        name="Trạm Y tế xã Thí Dụ",
        kind=Facility.Kind.COMMUNE_STATION,
        parent_name="Trung tâm Y tế khu vực Ví Dụ",
        address="Thôn Giả Định, xã Thí Dụ, tỉnh Ví Dụ",
        province_code="99",
        commune_code="99001",
        phone="0900000001",
    )
    hospital = Facility.objects.create(
        code=HOSPITAL,
        name="Bệnh viện Đa khoa Ví Dụ",
        kind=Facility.Kind.DISTRICT_HOSPITAL,
        parent_name="Sở Y tế tỉnh Ví Dụ",
        address="Số 1 đường Mẫu, phường Kiểm Thử, tỉnh Ví Dụ",
        province_code="99",
        commune_code="99002",
        phone="0900000002",
    )
    since = date(2025, 1, 1)
    tiers, lines = FacilityStatus.Tier, FacilityStatus.FormerLine
    FacilityStatus.objects.create(facility=station, tier=tiers.PRIMARY, former_line=lines.COMMUNE, valid_from=since)
    FacilityStatus.objects.create(
        facility=hospital, tier=tiers.BASIC, points=45, former_line=lines.DISTRICT, valid_from=since
    )
    return {STATION: station, HOSPITAL: hospital}


def _build(facility: Facility, password: str) -> Place:
    place = Place(facility)
    place.departments = _stored(
        {code: Department(facility=facility, code=code, name=name) for code, name in _DEPARTMENTS[facility.code]}
    )
    place.rooms = _stored(
        {
            code: Room(
                facility=facility,
                code=code,
                name=name,
                kind=kind,
                exam_service_code=exam,
                department=place.departments[department],
            )
            for code, name, department, kind, exam in _ROOMS[facility.code]
        }
    )
    people = _PEOPLE[facility.code]
    place.staff = _stored(
        {
            key: Staff(
                facility=facility,
                code=code,
                full_name=name,
                title=title,
                department=place.departments[department],
                licence_no=licence,
                licence_issued_on=SINCE,
                working_scope=scope,
                is_head=key == "manager",
                valid_from=SINCE,
            )
            for key, code, name, title, department, licence, scope, _ in people
        }
    )
    accounts = [(person[0], person[2], person[7]) for person in people]
    accounts += [(key, ROLES[roles[0]][0], roles) for key, roles in _OFFICE[facility.code]]
    suffix = _SUFFIX[facility.code]
    place.users = _stored(
        {key: User(username=f"{key}.{suffix}", first_name=name, password=password) for key, name, _ in accounts}
    )
    Membership.objects.bulk_create(
        Membership(facility=facility, user=place.users[key], role=role, staff=place.staff.get(key))
        for key, _, roles in accounts
        for role in roles
    )
    return place


def _stored(rows: dict[str, M]) -> dict[str, M]:
    """The rows by their keys, stored with one statement."""
    type(next(iter(rows.values())))._default_manager.bulk_create(rows.values())
    return rows


def load_places() -> dict[str, Place]:
    """The facilities as stored, for a run on an existing database. Missing ones are absent."""
    places = {}
    for facility in Facility.objects.filter(code__in=(STATION, HOSPITAL)):
        place = Place(facility)
        place.departments = {d.code: d for d in Department.objects.for_facility(facility)}
        place.rooms = {r.code: r for r in Room.objects.for_facility(facility)}
        keys = {person[1]: person[0] for person in _PEOPLE[facility.code]}
        place.staff = {keys[s.code]: s for s in Staff.objects.for_facility(facility) if s.code in keys}
        members = Membership.objects.for_facility(facility).select_related("user")
        place.users = {m.user.username.rsplit(".", 1)[0]: m.user for m in members}
        places[facility.code] = place
    return places

"""The cast: invented people and two facilities that all tests share, so that isolation is tested everywhere.

Bà Lan (72, co-payment, chronic), anh Hùng (no card), bé Tí (under six), chị Mai (pregnant, referral),
ông Sáu (two overlapping cards), two women called Hoa, a name with every diacritic, a birth year only.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from his.catalogs.models import AdministrativeUnit, CodeEntry, Diagnosis, Drug, PricedService
from his.core.dates import VIETNAM, BirthDate
from his.core.text import fold
from his.demo.places import HOSPITAL, STATION, Place, build_places
from patients.models import InsuranceCard, Patient, Visit, VitalSigns
from patients.services.people import add_card, register_patient
from patients.services.visits import open_visit, record_vitals
from tests.scenes import scene

DAY = date(2026, 10, 6)


def at(hour: int = 8, minute: int = 0, day: date = DAY) -> datetime:
    """An instant of the test day in Vietnamese time."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=VIETNAM)


@dataclass(slots=True)
class World:
    """Both facilities with a small catalogue."""

    station: Place
    hospital: Place

    def service(self, place: Place, code: str) -> PricedService:
        return PricedService.objects.for_facility(place.facility).get(code=code)

    def drug(self, place: Place, code: str) -> Drug:
        return Drug.objects.for_facility(place.facility).get(code=code)


_DIAGNOSES = [
    ("I10", "Bệnh tăng huyết áp vô căn (nguyên phát)"),
    ("E11.9", "Bệnh đái tháo đường không phụ thuộc insulin, chưa có biến chứng"),
    ("J06.9", "Nhiễm trùng đường hô hấp trên cấp tính, không xác định"),
    ("J20.9", "Viêm phế quản cấp, không xác định"),
    ("O26.9", "Tình trạng liên quan đến thai nghén, không xác định"),
    ("Z34.9", "Giám sát thai nghén bình thường, không xác định"),
]
_UNITS = [
    ("province", "99", "Tỉnh Ví Dụ", ""),
    ("commune", "99001", "Xã Thí Dụ", "99"),
    ("commune", "99002", "Phường Kiểm Thử", "99"),
    ("commune", "99003", "Xã Mô Phỏng", "99"),
]
_OCCUPATIONS = [("00", "Không xác định"), ("61", "Lao động nông nghiệp")]
_SERVICES = [
    ("02.1896", "Khám Nội", "13", 39800),
    ("03.1896", "Khám Nhi", "13", 39800),
    ("10.1896", "Khám Ngoại", "13", 39800),
    ("13.1896", "Khám Phụ sản", "13", 39800),
    ("22.0121.1369", "Tổng phân tích tế bào máu ngoại vi (bằng máy đếm laser)", "1", 49700),
    ("23.0075.1494", "Định lượng Glucose [Máu]", "1", 22400),
    ("18.0015.0001", "Siêu âm ổ bụng", "2", 58600),
]
_DRUGS = [
    ("TH0001", "40.48", "Paracetamol", "Paracetamol 500mg", "500mg", "Viên", "count", 180, 100, "4"),
    ("TH0002", "40.491", "Amlodipin", "Amlodipin 5mg", "5mg", "Viên", "count", 250, 100, "4"),
    ("TH0003", "40.573", "Thuốc trả một nửa", "Nửa giá 1g", "1g", "Lọ", "count", 120000, 50, "6"),
    (
        "TH0004",
        "40.48",
        "Paracetamol",
        "Paracetamol siro 120mg/5ml",
        "120mg/5ml; 60ml",
        "Chai",
        "volume",
        9800,
        100,
        "4",
    ),
]


def small_catalogue(place: Place) -> None:
    """A price list and a drug list just large enough for the tests."""
    since = date(2026, 1, 1)
    PricedService.objects.bulk_create(
        PricedService(
            facility=place.facility,
            code=code,
            name=name,
            search_name=fold(f"{code} {name}"),
            group_code=group,
            price=price,
            insured_price=price,
            device_code="HH.1.000001" if group == "1" else "",
            indicators=[{"code": "WBC", "name": "Số lượng bạch cầu", "unit": "G/L", "low": "4", "high": "10"}]
            if group == "1"
            else [],
            decision="99/NQ-HĐND",
            valid_from=since,
            source="test",
        )
        for code, name, group, price in _SERVICES
    )
    Drug.objects.bulk_create(
        Drug(
            facility=place.facility,
            code=code,
            ingredient_code=ingredient_code,
            ingredient=ingredient,
            name=name,
            search_name=fold(f"{code} {name} {ingredient}"),
            strength=strength,
            unit=unit,
            route_code="1.01",
            route_name="Uống",
            dose_form="Viên nén",
            quantity_rule=rule,
            pack_size=60 if rule == "volume" else 1,
            registration_no="VD-99001-26",
            bid_info="99/QĐ-SYT;G1;N4;2026",
            price=price,
            insured_price=price,
            payment_rate=rate,
            group_code=group,
            valid_from=since,
            source="test",
        )
        for code, ingredient_code, ingredient, name, strength, unit, rule, price, rate, group in _DRUGS
    )


@scene
def world() -> World:
    """Two facilities of province 99 with people, accounts and a small catalogue."""
    places = build_places()
    since = date(2020, 1, 1)
    Diagnosis.objects.bulk_create(
        Diagnosis(code=code, name=name, search_name=fold(f"{code} {name}"), valid_from=since, source="test")
        for code, name in _DIAGNOSES
    )
    AdministrativeUnit.objects.bulk_create(
        AdministrativeUnit(
            level=level,
            code=code,
            name=name,
            search_name=fold(name),
            parent_code=parent,
            valid_from=date(2025, 7, 1),
            source="test",
        )
        for level, code, name, parent in _UNITS
    )
    CodeEntry.objects.bulk_create(
        CodeEntry(list="occupations", code=code, name=name, position=number, valid_from=since)
        for number, (code, name) in enumerate(_OCCUPATIONS)
    )
    for place in places.values():
        small_catalogue(place)
    return World(places[STATION], places[HOSPITAL])


def ba_lan(place: Place) -> tuple[Patient, InsuranceCard]:
    """Bà Lan, 72, retired group 4 card registered at the place."""
    actor = place.actor("reception")
    patient = register_patient(
        full_name="Nguyễn Thị Lan",
        birth=BirthDate(date(1954, 3, 15), "day"),
        sex="2",
        citizen_id="099154000123",
        address="Thôn Giả Định, xã Thí Dụ",
        province_code="99",
        commune_code="99001",
        actor=actor,
        at=at(7),
    )
    card = add_card(
        patient=patient,
        number="GD4999912345678",
        registered_facility_code=place.facility.code,
        valid_from=date(2026, 1, 1),
        valid_to=date(2026, 12, 31),
        actor=actor,
        at=at(7),
    )
    return patient, card


def anh_hung(place: Place) -> Patient:
    """Anh Hùng, no card: pays himself."""
    return register_patient(
        full_name="Trần Văn Hùng",
        birth=BirthDate(date(1990, 1, 1), "year"),
        sex="1",
        actor=place.actor("reception"),
        at=at(7),
    )


def lan_visit(place: Place, hour: int = 8) -> Visit:
    """Bà Lan's insured visit, open and waiting at the first exam room."""
    patient, card = ba_lan(place)
    return open_visit(
        patient=patient,
        card=card,
        is_insured=True,
        room=place.rooms["PK1"],
        route="registered",
        reason="Đau đầu, chóng mặt",
        actor=place.actor("reception"),
        at=at(hour),
    )


def weigh(visit: Visit, place: Place, when: datetime | None = None) -> VitalSigns:
    """The weight that a claim must say, taken on arrival unless an instant is given."""
    when, kg = when or visit.arrived_at, Decimal("52.5")
    return record_vitals(visit=visit, weight_kg=kg, actor=place.actor("nurse"), at=when)


def money(text: str) -> Decimal:
    """A Decimal from test text."""
    return Decimal(text)

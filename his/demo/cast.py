"""The cast: invented people with the troubles that a demonstration needs, and the visits they make in the month.

Bà Lan (72, chronic, co-payment), anh Hùng (no card), bé Tí (under six), chị Mai (pregnant, referred from the station to
the hospital), ông Sáu (two cards that overlap), two women called Hoa born in the same year, a name with every
diacritic, an old woman whose birth date nobody knows and who is sent on from the station over the hospital to the
province. Together they fill every field of the claim that the product has data for (tests/his/test_coverage.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from his.core.dates import BirthDate
from his.demo.people import CardPlan, Person
from his.demo.places import HOSPITAL, STATION

PROVINCE = "99010"
"""The invented hospital of the province, to which the hospital sends on."""
DIACRITICS = "Nguyễn Đặng Thị Bảo Ngọc Ỹ Ờ Ẳng Ấu Thư"


@dataclass(frozen=True, slots=True)
class CastVisit:
    """A visit that is given, not drawn. Empty fields are decided as for everybody."""

    facility_code: str
    day: int
    person: Person
    profile: str
    route: str = ""
    referral_facility_code: str = ""
    referral_number: str = ""
    card: int = 0
    transfer_to: str = ""
    consultation: str = ""


def _home(person: Person, commune: str = "99001") -> Person:
    person.commune_code = commune
    person.address = (
        "Thôn Giả Định, xã Thí Dụ, tỉnh Ví Dụ" if commune == "99001" else "Khu phố Mẫu, phường Kiểm Thử, tỉnh Ví Dụ"
    )
    return person


def cast_visits() -> Iterator[CastVisit]:
    """All visits of the cast at both facilities; each call makes the people anew."""
    yield from _lan_and_sau()
    yield from _mai()
    yield from _others()


def _lan_and_sau() -> Iterator[CastVisit]:
    lan = _home(
        Person(
            "Nguyễn Thị Lan",
            BirthDate(date(1954, 3, 15), "day"),
            "2",
            citizen_id="099154000123",
            phone="0900012345",
            allergies="Penicilin",
            weight_kg=Decimal("49.5"),
            height_cm=Decimal(152),
            cards=[CardPlan("GD4999912345678", HOSPITAL, five_years_from=date(2021, 1, 1))],
        )
    )
    yield CastVisit(STATION, 1, lan, "malaise")
    yield CastVisit(
        HOSPITAL,
        6,
        lan,
        "diabetes_hypertension",
        route="registered",
        consultation="Hội chẩn tim mạch: giữ phác đồ, theo dõi huyết áp tại nhà",
    )
    yield CastVisit(HOSPITAL, 20, lan, "knee_osteoarthritis", route="registered")
    sau = _home(
        Person(
            "Phạm Văn Sáu",
            BirthDate(date(1962, 8, 20), "day"),
            "1",
            citizen_id="099062000456",
            phone="0900045678",
            weight_kg=Decimal(63),
            height_cm=Decimal(166),
            cards=[
                CardPlan("DN4990000000456", STATION),
                CardPlan("HT3990000000457", HOSPITAL, valid_from=date(2026, 9, 1), valid_to=date(2027, 8, 31)),
            ],
        )
    )
    yield CastVisit(STATION, 5, sau, "gout", route="registered", card=0)
    yield CastVisit(HOSPITAL, 9, sau, "hypertension", route="registered", card=1)


def _mai() -> Iterator[CastVisit]:
    mai = _home(
        Person(
            "Trần Thị Mai",
            BirthDate(date(1998, 11, 2), "day"),
            "2",
            citizen_id="099198000789",
            phone="0900078901",
            blood_group="O+",
            occupation_code="81",
            weight_kg=Decimal("58.2"),
            height_cm=Decimal(156),
            cards=[CardPlan("DN4990000000789", STATION)],
        )
    )
    slip = "99001.GC26.000001"
    yield CastVisit(STATION, 7, mai, "pregnancy_late", route="registered", transfer_to=HOSPITAL)
    yield CastVisit(
        HOSPITAL, 8, mai, "pregnancy_late", route="referral", referral_facility_code=STATION, referral_number=slip
    )


def _others() -> Iterator[CastVisit]:
    hung = _home(
        Person("Trần Văn Hùng", BirthDate(date(1990, 1, 1), "year"), "1", phone="0900090090", weight_kg=Decimal(68)),
        "99002",
    )
    ti = _home(
        Person(
            "Lê Văn Tí",
            BirthDate(date(2023, 6, 1), "day"),
            "1",
            citizen_id="099223000111",
            guardian_name="Lê Thị Mận",
            guardian_phone="0900011111",
            weight_kg=Decimal("14.2"),
            height_cm=Decimal(95),
            cards=[CardPlan("TE1990000000111", STATION, valid_from=date(2023, 6, 1), valid_to=date(2029, 9, 30))],
        )
    )
    yield CastVisit(STATION, 2, hung, "hand_wound")
    yield CastVisit(HOSPITAL, 2, hung, "traffic_bruise", route="emergency")
    yield CastVisit(STATION, 2, ti, "uri_child", route="registered")
    yield CastVisit(HOSPITAL, 13, ti, "bronchitis_child", route="self")
    for number, hamlet in ((301, "Thôn Mẫu Đơn"), (302, "Xóm Thử")):
        hoa = Person(
            "Đỗ Thị Hoa",
            BirthDate(date(1975, 2, number - 290), "day"),
            "2",
            citizen_id=f"099175000{number}",
            address=f"{hamlet}, xã Thí Dụ, tỉnh Ví Dụ",
            commune_code="99001",
            weight_kg=Decimal(54),
            cards=[CardPlan(f"HN2990000000{number}", STATION, area_code="K2")],
        )
        yield CastVisit(STATION, 8, hoa, "gastritis", route="registered")
    bao = _home(
        Person(
            DIACRITICS,
            BirthDate(date(1988, 12, 24), "day"),
            "2",
            citizen_id="099188000333",
            weight_kg=Decimal(51),
            cards=[CardPlan("HC4990000000333", HOSPITAL)],
        ),
        "99002",
    )
    yield CastVisit(HOSPITAL, 12, bao, "dermatitis", route="registered")
    yield CastVisit(HOSPITAL, 22, bao, "hand_wound", route="registered")
    gam = _home(
        Person(
            "Bùi Thị Gấm",
            BirthDate(date(1941, 1, 1), "year"),
            "2",
            citizen_id="099141000222",
            weight_kg=Decimal("43.7"),
            height_cm=Decimal(147),
            cards=[
                CardPlan(
                    "LH4990000000222",
                    STATION,
                    five_years_from=date(2020, 1, 1),
                    copay_exempt_from=date(2026, 9, 14),
                )
            ],
        )
    )
    yield CastVisit(STATION, 6, gam, "low_back_pain", route="registered")
    yield CastVisit(HOSPITAL, 16, gam, "osteoporosis", route="self")
    yield CastVisit(STATION, 22, gam, "diabetes_hypertension", route="registered", transfer_to=HOSPITAL)
    yield CastVisit(
        HOSPITAL,
        23,
        gam,
        "diabetes_hypertension",
        route="referral",
        referral_facility_code=STATION,
        referral_number="99001.GC26.000003",
        transfer_to=PROVINCE,
    )

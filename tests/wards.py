"""Beds for the tests: bed days in the price list, and people who are admitted."""

from datetime import date, datetime
from typing import Any

from his.catalogs.models import PricedService
from his.core.text import fold
from his.demo.places import Place
from patients.models import BedStay
from patients.services.beds import admit_to_ward
from tests.cast import DAY, at
from tests.insurance.walk import Walk

_BEDS = [
    ("K02.1911", "Giường Hồi sức cấp cứu", "15", 364_400),
    ("K27.1933", "Giường Ngoại khoa loại 3 - Khoa Phụ sản", "15", 241_300),
    ("K27.1923", "Giường Nội khoa loại 2 - Khoa Phụ sản", "15", 211_000),
    ("K02.1976", "Giường điều trị ban ngày", "14", 63_300),
    ("K01.1950", "Giường lưu tại trạm y tế", "16", 64_100),
]


def bed_prices(place: Place) -> None:
    """Bed days in the price list of a facility."""
    PricedService.objects.bulk_create(
        PricedService(
            facility=place.facility,
            code=code,
            name=name,
            search_name=fold(f"{code} {name}"),
            group_code=group,
            unit="Ngày",
            price=price,
            insured_price=price,
            decision="99/NQ-HĐND",
            valid_from=date(2026, 1, 1),
            source="test",
        )
        for code, name, group, price in _BEDS
    )


def on_day(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of the month of the tests."""
    return at(hour, minute, DAY.replace(day=day))


def admitted(step: Walk, department: str, bed: str, service: str, when: datetime, **how: Any) -> BedStay:
    """The person of a visit that is being examined, in a bed from then on."""
    place = step.place
    stay = admit_to_ward(
        visit=step.visit,
        department=place.departments[department],
        bed_code=bed,
        service_code=service,
        actor=place.actor("nurse"),
        at=when,
        **how,
    )
    step.visit.refresh_from_db()
    return stay

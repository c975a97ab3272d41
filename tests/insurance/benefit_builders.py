"""Plain visits and lines of invented people for the tests of the benefit split (province 99)."""

from datetime import date
from decimal import Decimal
from typing import Any

from insurance.benefits.engine import Facts, Item, Split, load, split

DAY = date(2026, 10, 5)
CARD = "DN4990123456789"


def facts(**changes: Any) -> Facts:
    """A self-referred outpatient at a former district hospital of 45 points, with an 80 % card of another place."""
    values: dict[str, Any] = {
        "ended_on": DAY,
        "admitted_on": changes.get("ended_on", DAY),
        "visit_type": "01",
        "card_number": CARD,
        "registered_facility": "99001",
        "facility_code": "99002",
        "facility_kind": "district_hospital",
        "facility_tier": "basic",
        "facility_points": Decimal(45),
        "facility_provisional": False,
        "former_line": "district",
        "route": "self",
    }
    return Facts(**{**values, **changes})


def item(key: str = "a", price: int | str = 1_000_000, **changes: Any) -> Item:
    """One service line paid in full by its list."""
    values: dict[str, Any] = {
        "kind": "service",
        "group_code": "18",
        "quantity": Decimal(1),
        "hospital_price": Decimal(price),
        "insured_price": Decimal(price),
    }
    return Item(key=key, **{**values, **changes})


def split_on(visit: Facts, *items: Item, **settings: str) -> Split:
    """The split with the product's own parameters of the day, under other settings where given."""
    return split(visit, items, load(on=visit.ended_on).with_settings(**settings))

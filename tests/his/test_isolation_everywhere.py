"""A user of one facility reaches nothing of another: every address that carries an id is tried."""

from collections.abc import Iterator
from datetime import date

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from his.accounts.models import Department, Membership, Room, Staff
from his.accounts.roles import ROLES
from his.core.models import FacilityModel
from insurance.billing.invoices.services import aggregate_day
from insurance.claims.services import build_claim
from insurance.models import InvoiceProfile
from reports.briefing.services import write_cells
from reports.duties.services import tick_duty
from reports.engine import run
from reports.filing.services import check_report
from reports.period import Period
from reports.registers.services import correct_entry, print_register, write_entry
from tests.cast import DAY, World, at
from tests.insurance.walk import lan_full

FIRST = 900_000
"""Every row of the other facility has an id from here on, so that no id means one of the user's own rows."""

NOWHERE = 999_999_999
"""An id that no row has."""


def addresses(resolver: URLResolver, name: str = "") -> Iterator[tuple[str, list[str]]]:
    """(name to reverse, its parameters) of every address with at least one parameter."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{name}{entry.namespace}:" if entry.namespace else name
            yield from addresses(entry, inner)
        elif isinstance(entry, URLPattern) and entry.pattern.converters and entry.name:
            converters = entry.pattern.converters.items()
            if any(type(converter).__name__ == "IntConverter" for _, converter in converters):
                yield f"{name}{entry.name}", [key for key, _ in converters]


@pytest.fixture
def foreign_ids(world: World) -> list[int]:
    """The ids of everything that a whole visit leaves at the hospital."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema()")
        for (sequence,) in cursor.fetchall():
            cursor.execute("SELECT setval(%s::regclass, %s)", [f'"{sequence}"', FIRST])
    place = world.hospital
    walk = lan_full(world, place)
    walk.settled()
    build_claim(visit=walk.visit, actor=place.actor("claims"), at=at(17))
    seller = {"seller_name": "Khác", "seller_address": "Khác", "tax_code": "0199000002", "symbol": "C26TYY"}
    InvoiceProfile.objects.create(facility=place.facility, valid_from=date(2026, 1, 1), **seller)
    aggregate_day(day=DAY, actor=place.actor("cashier"), at=at(17))
    department = Department.objects.create(facility=place.facility, code="K99", name="Khoa khác")
    Room.objects.create(facility=place.facility, department=department, code="P9", name="Phòng khác", kind="exam")
    Staff.objects.create(facility=place.facility, code="NV9", full_name="Người Khác", valid_from=date(2026, 1, 1))
    made = run(
        form="01BH",
        facility=place.facility,
        period=Period.month(date(2026, 10, 1)),
        actor=place.actor("claims"),
        at=at(18),
    )
    check_report(run=made, actor=place.actor("claims"), at=at(18))
    tick = {"duty": "SCYK", "period_start": date(2026, 7, 1), "done_on": DAY, "note": "x"}
    tick_duty(**tick, actor=place.actor("claims"), at=at(18))
    doctor, line = place.actor("doctor"), {"full_name": "Người Khác"}
    entry = write_entry(register="A10", on=DAY, typed=line, visit=walk.visit, actor=doctor, at=at(18))
    changed = {"full_name": "Người Khác Nữa"}
    whom = {"patient": walk.visit.patient, "actor": doctor, "at": at(18)}
    correct_entry(entry=entry, version=1, on=DAY, typed=changed, reason="Sai", **whom)
    print_register(register="A1", start=DAY, end=DAY, actor=doctor, at=at(18))
    write_cells(day=DAY, department=department, cells={"visits": (1, "")}, actor=doctor, at=at(18))
    models = [model for model in apps.get_models() if issubclass(model, FacilityModel)]
    first = [model.objects.for_facility(place.facility).filter(pk__gt=FIRST).order_by("pk").first() for model in models]
    return sorted({row.pk for row in first if row is not None})


def test_every_id_of_another_facility_is_not_found(world: World, foreign_ids: list[int], client: Client) -> None:
    user = world.station.users["manager"]
    for role in ROLES:
        Membership.objects.get_or_create(facility=world.station.facility, user=user, role=role)
    client.force_login(user)
    tried, leaks = 0, []
    for name, keys in addresses(get_resolver()):
        for method in ("get", "post"):
            call = getattr(client, method)
            nowhere = call(reverse(name, kwargs=dict.fromkeys(keys, NOWHERE))).status_code
            for pk in foreign_ids:
                status = call(reverse(name, kwargs=dict.fromkeys(keys, pk))).status_code
                tried += 1
                if status != nowhere or status < 400:
                    leaks.append((name, method, status, nowhere))
    assert tried > 100
    assert sorted(set(leaks)) == []

"""What is already known of a person or a visit, for a new line of a register: nothing is asked twice."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import local
from his.core.errors import NotFound
from his.ui.text import decimal_text
from patients.models import Patient, Visit
from patients.queries import card_for, latest_vitals
from reports.registers.definition import Register
from reports.registers.facts import Names, person_facts, visit_facts
from reports.registers.sources.visits import exam_prefetch


def filled(register: Register, facts: Mapping[str, str]) -> dict[str, str]:
    """Facts by column; a number column takes only a number, a choice only one of its words."""
    found: dict[str, str] = {}
    for column in register.columns:
        value = facts.get(column.fill, "") if column.fill else ""
        if column.kind == "number" and not value.replace(",", "", 1).isdecimal():
            continue
        if column.kind == "choice" and value not in column.choices:
            continue
        if value:
            found[column.key] = value
    return found


def facts_of_person(patient: Patient, on: date, names: Names | None = None) -> dict[str, str]:
    """The person with the card of the day; who asks for many people has read the `names` of their codes before."""
    card = card_for(patient, on)
    known = names or Names.of([patient], on)
    return {**person_facts(patient, on, known), "card_number": card.number if card else ""}


def facts_of_visit(visit: Visit) -> dict[str, str]:
    """The person and what the visit found, its last vital signs among it; `visit` is loaded by `visit_to_write`."""
    facts = visit_facts(visit, Names.of([visit.patient], local(visit.arrived_at).date()))
    facts["staff"] = facts["doctor"]
    if signs := latest_vitals(visit):
        for name in ("weight_kg", "height_cm"):
            value = getattr(signs, name)
            facts[name] = decimal_text(value) if value is not None else ""
        facts["pressure"] = f"{signs.systolic}/{signs.diastolic}" if signs.systolic else ""
    return facts


def facts_of_staff(actor: Actor) -> dict[str, str]:
    """Who writes."""
    return {"staff": actor.staff.full_name if actor.staff else actor.user.display_name}


def visit_to_write(facility: Facility, pk: int) -> Visit:
    """A visit of the facility with everything that a register reads of it, or NotFound."""
    rows: Any = Visit.objects.for_facility(facility).exclude(state=Visit.State.CANCELLED)
    rows = rows.select_related("patient", "card", "department").prefetch_related(*exam_prefetch())
    visit: Visit | None = rows.filter(pk=pk).first()
    if visit is None:
        raise NotFound
    return visit

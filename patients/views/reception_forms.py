"""Between the forms of the reception desk and the services: what a form starts with, what it means."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from his.accounts.models import Facility, Room
from his.catalogs.queries import code_choices
from his.core import dates
from his.core.text import fold
from his.ui.text import day_text
from patients import forms, queries, scan
from patients.models import InsuranceCard, Patient, Source
from patients.services import reception as desk

_INJURIES = (
    ("1", "Tai nạn giao thông"),
    ("2", "Tai nạn lao động"),
    ("3", "Tai nạn dưới nước"),
    ("4", "Bỏng"),
    ("5", "Bạo lực, xung đột"),
    ("6", "Tự tử"),
    ("7", "Ngộ độc các loại"),
    ("8", "Khác"),
)


def form_options(facility: Facility, on: date) -> dict[str, Any]:
    """What every form of the desk offers to choose from on the day."""
    return {
        "on": on,
        "rooms": list(queries.exam_rooms(facility, on)),
        "visit_types": queries.visit_types(on),
        "injuries": code_choices("injury_causes", on) or _INJURIES,
    }


def person_options(on: date) -> dict[str, Sequence[tuple[str, str]]]:
    """Ethnic groups and occupations of the code lists (MA_DANTOC, MA_NGHE_NGHIEP); empty when not imported."""
    return {"ethnicities": code_choices("ethnic_groups", on), "occupations": code_choices("occupations", on)}


def typed_of_same(sent: Mapping[str, str], read: scan.Scan, on: date) -> dict[str, str]:
    """What stands in the open form of a new person, when the paper that was scanned now is of the same person.

    So the citizen card and the insurance card fill one form, in any order. What was typed or scanned first stays.
    """
    name, birth = sent.get("full_name", ""), _typed_birth(sent.get("birth", ""), on)
    if not read.has_person or not name or (read.full_name and fold(read.full_name) != fold(name)):
        return {}
    if birth and read.birth and not _same_birth(birth, read.birth):
        return {}
    fields = [*forms.NewPatientForm.base_fields, "birth"]
    return {field: sent[field] for field in fields if sent.get(field) and field != "source"}


def _typed_birth(text: str, on: date) -> dates.BirthDate | None:
    try:
        return dates.parse_birth(text, on=on)
    except ValueError:
        return None


def visit_initial(rooms: Sequence[Room]) -> dict[str, Any]:
    """The only room is chosen; among several the desk chooses, because a wrong guess sends people to a wrong door."""
    return {"room": rooms[0].pk if len(rooms) == 1 else None, "visit_type": "01", "key": secrets.token_hex(16)}


def person_input(data: Mapping[str, Any]) -> desk.PersonInput:
    """The person of a valid form."""
    usual = {"ethnicity_code": "01", "occupation_code": "00", "nationality_code": "000", "source": Source.TYPED}
    facts: dict[str, Any] = {name: data[name] or usual.get(name, "") for name in desk.PersonInput.__slots__}
    return desk.PersonInput(**facts)


def home_changes(sent: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, str]:
    """Province and commune of a known person, when the form that was sent had the box."""
    return {name: data[name] for name in ("province_code", "commune_code")} if "commune" in sent else {}


def card_input(data: Mapping[str, Any]) -> desk.CardInput | None:
    """The new card of a valid form; None when no number was given."""
    if not data["card_number"]:
        return None
    return desk.CardInput(
        number=data["card_number"],
        registered_facility_code=data["card_registered_facility_code"],
        valid_from=data["card_valid_from"],
        valid_to=data["card_valid_to"],
        area_code=data["card_area_code"],
        five_years_from=data["card_five_years_from"],
        issued_on=data["card_issued_on"],
        source=data["source"] or Source.TYPED,
    )


def visit_input(data: Mapping[str, Any], card: InsuranceCard | None) -> desk.VisitInput:
    """The visit of a valid form; a route left open follows from where the card is registered."""
    room: Room = data["room"]
    registered = data["card_registered_facility_code"] or (card.registered_facility_code if card else "")
    by_card = "registered" if registered == room.facility.code else "self"
    return desk.VisitInput(
        room=room,
        card=card,
        visit_type=data["visit_type"],
        route=data["route"] or by_card,
        referral_facility_code=data["referral_facility_code"],
        referral_number=data["referral_number"],
        reason=data["reason"],
        priority=data["priority"],
        injury_code=data["injury_code"],
        identified_by=data["source"] or Source.TYPED,
        confirm_second=data["confirm_second"],
    )


def card_choices(patient: Patient, on: date) -> list[tuple[str, str]]:
    """The cards of the person, those valid on the day first."""
    rows = sorted(patient.cards.all(), key=lambda card: not queries.is_valid(card, on))
    return [(str(card.pk), f"{card.number} · {card.registered_facility_code} · {_period(card, on)}") for card in rows]


def _period(card: InsuranceCard, on: date) -> str:
    until = f"đến {day_text(card.valid_to)}" if card.valid_to else "không ghi hạn"
    if queries.is_valid(card, on):
        return until
    return f"chưa có giá trị, từ {day_text(card.valid_from)}" if card.valid_from > on else f"HẾT HẠN {until}"


def scanned_card(patient: Patient, read: scan.Scan, on: date) -> dict[str, Any]:
    """The stored card that was scanned, or the fields of a new one."""
    initial: dict[str, Any] = {"source": read.source}
    if not read.card_number:
        return initial
    stored = [card for card in patient.cards.all() if card.number == read.card_number]
    if read.valid_from:
        stored = [card for card in stored if card.valid_from == read.valid_from]
    if stored:
        return {**initial, "card": str(stored[0].pk)}
    return {**initial, **forms.card_initial(read)}


def differences(patient: Patient, read: scan.Scan) -> list[str]:
    """Where the scanned paper and the stored person disagree: never merged silently."""
    if not read.has_person:
        return []
    found = []
    if read.full_name and fold(read.full_name) != patient.search_name:
        found.append(f"Họ tên trên thẻ là {read.full_name}, hồ sơ ghi {patient.full_name}: kiểm tra đúng người chưa")
    if read.birth and not _same_birth(read.birth, patient.birth):
        found.append(f"Ngày sinh trên thẻ là {read.birth.text()}, hồ sơ ghi {patient.birth.text()}")
    return found


def _same_birth(one: dates.BirthDate, other: dates.BirthDate) -> bool:
    if one.precision == other.precision == "day":
        return one.value == other.value
    return one.value.year == other.value.year


def has_number(patient: Patient, read: scan.Scan) -> bool:
    """Whether the person was found by a number of the paper, not by name alone."""
    numbers = {
        (patient.citizen_id, read.citizen_id),
        (patient.old_id_number, read.old_id_number),
        (patient.social_insurance_no, read.social_insurance_no),
        *((card.number, read.card_number) for card in patient.cards.all()),
    }
    return any(stored and stored == scanned for stored, scanned in numbers)

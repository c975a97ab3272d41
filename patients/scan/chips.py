"""The answers of chip readers: the JSON of two products."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from his.core.codes import CITIZEN_ID, OLD_ID
from his.core.text import nfc
from patients.scan.facts import Scan, unsupported
from patients.scan.parts import birth_of, check_citizen_id, check_future, day, sex_of

_READERS: tuple[Mapping[str, str], ...] = (
    {
        "citizen_id": "idCode",
        "old_id_number": "oldIdCode",
        "full_name": "personName",
        "birth": "dateOfBirth",
        "sex": "gender",
        "nationality": "nationality",
        "ethnicity": "race",
        "address": "residencePlace",
        "issued_on": "issueDate",
    },
    {
        "citizen_id": "id_card",
        "old_id_number": "old_id_card",
        "full_name": "full_name",
        "birth": "date_of_birth",
        "sex": "gender",
        "nationality": "nationality",
        "ethnicity": "race",
        "address": "place_of_residence",
        "issued_on": "date_of_issue",
    },
)


def chip(text: str, on: date | None) -> Scan:
    """The card that the reader read."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return unsupported("Nội dung từ đầu đọc chip bị hỏng, hãy đọc lại thẻ")
    for facts in _objects(answer):
        for keys in _READERS:
            if facts.get(keys["citizen_id"]):
                return _chip_scan({name: _string(facts.get(key)) for name, key in keys.items()}, on)
    return unsupported("Không thấy số định danh trong nội dung từ đầu đọc chip")


def _objects(answer: Any) -> list[dict[str, Any]]:
    """The answer and the objects directly inside it: readers wrap the card in an event."""
    if not isinstance(answer, dict):
        return []
    return [answer, *(value for value in answer.values() if isinstance(value, dict))]


def _string(value: Any) -> str:
    return nfc(value) if isinstance(value, str) else ""


def _chip_scan(facts: Mapping[str, str], on: date | None) -> Scan:
    birth, warnings = birth_of(facts["birth"])
    number = facts["citizen_id"]
    if not CITIZEN_ID.match(number):
        return unsupported("Số định danh từ đầu đọc chip không đủ 12 chữ số, hãy đọc lại thẻ")
    old = facts["old_id_number"]
    scan = Scan(
        "chip",
        citizen_id=number,
        old_id_number=old if OLD_ID.match(old) or CITIZEN_ID.match(old) else "",
        full_name=facts["full_name"],
        birth=birth,
        sex=sex_of(facts["sex"], warnings),
        address=facts["address"],
        issued_on=day(facts["issued_on"], "Ngày cấp thẻ", warnings),
        nationality=facts["nationality"],
        ethnicity=facts["ethnicity"],
    )
    check_citizen_id(scan, warnings)
    check_future(scan, on, warnings)
    return replace(scan, warnings=tuple(warnings))

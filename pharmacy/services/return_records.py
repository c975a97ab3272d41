"""Keeping the record of controlled drugs that came back (TT 18/2026/TT-BYT annex XVIII), a part of taking them back."""

from collections.abc import Sequence
from datetime import datetime

from his.accounts.models import Facility
from his.core.dates import local
from his.core.errors import Refusal
from his.ui.text import day_text
from patients.services.counters import next_number
from pharmacy.controlled import circular_since
from pharmacy.handout import Bringer, ReturnedLine
from pharmacy.models import DispenseLine, PatientReturn, ReturnRecord
from pharmacy.naming import drug_text
from pharmacy.services.dispensing import TWO_PERSONS
from pharmacy.services.stock_checks import short

Back = Sequence[tuple[DispenseLine, ReturnedLine]]


def controlled_of(back: Back) -> Back:
    """What of it is under special control."""
    return [(given, line) for given, line in back if given.lot.drug.control_class in TWO_PERSONS]


def checked_bringer(back: Back, bringer: Bringer) -> Bringer:
    """The bringer as stored; refuses none, and drugs whose condition nobody told, where controlled drugs come back."""
    name, controlled = short(bringer.name, 255, "handed_by"), controlled_of(back)
    for given, line in controlled:
        where = f"return-{given.pk}-condition"
        if not short(line.condition, 255, where):
            raise Refusal("no_condition", f"{given.lot.drug.name}: hãy ghi tình trạng thuốc nhận lại", field=where)
    if controlled and not name:
        raise Refusal("no_bringer", "Thuốc kiểm soát đặc biệt: hãy ghi người giao lại", field="handed_by")
    return Bringer(name, short(bringer.id_number, 20, "handed_by_id_number"))


def record_number(facility: Facility, back: Back, at: datetime) -> str:
    """The number of the record that is due, taken before any balance is locked (docs/locking.md); empty when nothing
    under special control came back, and before the circular."""
    day = local(at).date()
    if not controlled_of(back) or day < circular_since():
        return ""
    number = next_number(facility=facility, series=f"return-record-{day.year}")
    return f"NL{day.year % 100:02d}-{number:06d}"


def keep_record(made: PatientReturn, back: Back, bringer: Bringer, number: str) -> ReturnRecord:
    """Store the record of the controlled drugs among what came back, under its number."""
    patient = made.dispense.prescription.visit.patient
    record: ReturnRecord = ReturnRecord.objects.create(
        facility=made.facility,
        patient_return=made,
        number=number,
        handed_by=bringer.name,
        handed_by_id_number=bringer.id_number,
        patient_text=f"{patient.full_name}, sinh {patient.birth.text()}, mã {patient.code}",
        received_by=made.returned_by,
        received_by_name=made.returned_by.display_name,
        at=made.returned_at,
        rows=[_row(given, line, made.reason) for given, line in controlled_of(back)],
    )
    return record


def _row(given: DispenseLine, line: ReturnedLine, reason: str) -> dict[str, str]:
    drug, lot = given.lot.drug, given.lot
    return {
        "name": drug_text(drug),
        "unit": drug.unit,
        "quantity": str(line.quantity),
        "expires_on": day_text(lot.expires_on),
        "condition": short(line.condition, 255, f"return-{given.pk}-condition"),
        "reason": reason,
        "note": f"Lô {lot.number}",
    }

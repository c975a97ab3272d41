"""The rows of people and their cards, and the maker that all rows of a chunk come from."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from his.accounts.models import Facility
from his.core.text import fold, given_name_key, initials, nfc
from his.demo.volume.copying import Ids
from his.demo.volume.plan import Draft, Visitor
from patients.models import InsuranceCard, Patient

Rows = defaultdict[type[Model], list[Any]]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes rows of a facility under their own ids and keeps them to be copied into the tables."""

    facility: Facility
    ids: Ids
    rows: Rows

    def make(self, model: type[Model], **values: Any) -> Any:
        """One row, kept."""
        row = model(pk=self.ids.next(model), facility_id=self.facility.pk, **values)
        self.rows[model].append(row)
        return row


class PeopleRows:
    """People that are new get their rows the first time they come; `numbers` are those of their codes."""

    def __init__(self, maker: Maker, numbers: Iterator[int]) -> None:
        self.maker, self.numbers = maker, numbers

    def of(self, draft: Draft) -> tuple[Patient, InsuranceCard | None]:
        """The person of a visit and the card, as far as the rows of the visit need them; new ones get their rows."""
        visitor = draft.visitor
        if visitor.patient_id:
            return self._again(visitor)
        person = visitor.person
        name, card = nfc(person.full_name), visitor.card
        patient: Patient = self.maker.make(
            Patient,
            code=f"{self.maker.facility.code}.{next(self.numbers):06d}",
            full_name=name,
            search_name=fold(name)[:300],
            initials=initials(name)[:20],
            sort_name=given_name_key(name)[:300],
            born_on=person.birth.value,
            birth_precision=person.birth.precision,
            sex=person.sex,
            citizen_id=person.citizen_id,
            social_insurance_no=card.number[5:] if card else "",
            phone=person.phone,
            address=nfc(person.address),
            province_code=self.maker.facility.province_code,
            commune_code=person.commune_code,
            ethnicity_code=person.ethnicity_code,
            occupation_code=person.occupation_code,
            blood_group=person.blood_group,
            guardian_name=nfc(person.guardian_name),
            guardian_phone=person.guardian_phone,
            allergies=nfc(person.allergies),
            registered_at=draft.arrived_at,
            registered_by_id=draft.reception.user.pk,
        )
        row = self._card(draft, patient) if card else None
        visitor.patient_id, visitor.code, visitor.card_id = patient.pk, patient.code, row.pk if row else 0
        return patient, row

    def _again(self, visitor: Visitor) -> tuple[Patient, InsuranceCard | None]:
        """A stored person, as far as the rows of a visit need one."""
        person, card = visitor.person, visitor.card
        patient = Patient(
            pk=visitor.patient_id,
            facility_id=self.maker.facility.pk,
            code=visitor.code,
            full_name=nfc(person.full_name),
            born_on=person.birth.value,
            birth_precision=person.birth.precision,
            sex=person.sex,
            allergies=nfc(person.allergies),
        )
        return patient, self._card_row(visitor.card_id, patient) if card else None

    def _card(self, draft: Draft, patient: Patient) -> InsuranceCard:
        row = self._card_row(self.maker.ids.next(InsuranceCard), patient)
        plan = draft.visitor.card
        assert plan is not None
        row.number, row.registered_facility_code = plan.number, plan.registered_facility_code
        row.valid_from, row.valid_to, row.area_code = plan.valid_from, plan.valid_to, plan.area_code
        row.five_years_from, row.copay_exempt_from = plan.five_years_from, plan.copay_exempt_from
        row.recorded_at, row.recorded_by_id = draft.arrived_at, draft.reception.user.pk
        self.maker.rows[InsuranceCard].append(row)
        return row

    def _card_row(self, pk: int, patient: Patient) -> InsuranceCard:
        return InsuranceCard(pk=pk, facility_id=self.maker.facility.pk, patient_id=patient.pk)

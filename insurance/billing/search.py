"""Finding the visit of the person who stands at the cashier's desk: by paper, card, number or name."""

import re
from datetime import date

from django.db.models import QuerySet

from his.accounts.models import Facility
from insurance.billing.effects import EFFECTS
from insurance.billing.queries import visits_to_settle
from patients import scan
from patients.models import QueueTicket, Visit
from patients.queries import people_of

FOUND_MAX = 20
_TICKET = re.compile(r"^(a?)(\d{1,4})$", re.IGNORECASE | re.ASCII)
_PAPER = re.compile(rf"^({'|'.join(effect.prefix for effect in EFFECTS.values())})\d{{2}}\.\d{{6,}}$", re.ASCII)


def find_visits(facility: Facility, text: str, *, on: date) -> list[Visit]:
    """Visits that a scan or typed text means, best first, at most 20, cancelled ones left out.

    Understood: a claim code, the number of a receipt, deposit or refund, a queue number of the day (`12`, `A12`), and
    whatever names people (cards, numbers, phone, name): their visits that wait for the cashier, else the latest one of
    each.
    """
    text = text.strip()
    rows = _rows(facility)
    if ticket := _TICKET.match(text):
        return _of_ticket(facility, rows, on, number=int(ticket[2]), is_priority=bool(ticket[1]))
    if _PAPER.match(text.upper()):
        return list(rows.filter(cash_entries__number=text.upper()))
    read = scan.read(text, on=on)
    if read.claim_code:
        return list(rows.filter(claim_code=read.claim_code))
    people = [patient.pk for patient in people_of(facility, read)]
    if not people:
        return []
    waiting = [row.visit for row in visits_to_settle(facility) if row.visit.patient_id in people]
    if waiting:
        return waiting[:FOUND_MAX]
    latest = rows.filter(patient_id__in=people).order_by("patient_id", "-arrived_at", "-pk").distinct("patient_id")
    return sorted(latest, key=lambda visit: people.index(visit.patient_id))


def _of_ticket(facility: Facility, rows: QuerySet[Visit], on: date, *, number: int, is_priority: bool) -> list[Visit]:
    tickets = QueueTicket.objects.for_facility(facility).filter(day=on, number=number, is_priority=is_priority)
    return list(rows.filter(pk__in=tickets.values("visit_id")).order_by("arrived_at")[:FOUND_MAX])


def _rows(facility: Facility) -> QuerySet[Visit]:
    return (
        Visit.objects.for_facility(facility)
        .exclude(state=Visit.State.CANCELLED)
        .select_related("patient", "card", "room")
    )

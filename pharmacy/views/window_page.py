"""What the page of the dispensing window shows: the list, one prescription with its parts, the chosen store and day."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from his.access import DeskRequest
from his.accounts.models import Facility
from his.core.dates import age_text, day_range, local, parse_day
from his.core.errors import NotFound
from patients.models import Prescription, Visit
from patients.queries_safety import allergies_of, allergy_words, is_none_known, signed_safety
from patients.series import is_series, next_paper, paper_on
from patients.sheets import law_on
from pharmacy import queries_window as window
from pharmacy.forms_window import CounselForm, HandOverForm, LeaveOutForm, LineForm, SendBackForm
from pharmacy.models import Counselling, Dispense, NotGiven, PatientReturn, Store
from pharmacy.queries import dispensed_on, dispensing_stores, kept_for, waiting_prescriptions
from pharmacy.queries_given import collected_until, dispenses_of, parts_on, returns_of, standing_refusal
from pharmacy.services.dispensing import TWO_PERSONS
from pharmacy.views.clock import NAME

PAGE = "pharmacy/window.html"
STORE_KEY, AUTO_KEY = "dispensing_store", "dispensing_auto_next"
DONE_SHOWN = 30
_COUNSELLING = Path(__file__).parents[1] / "data" / "counselling.csv"


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One line of the list on the left; `state` is waiting, called, absent, part or done."""

    prescription: Prescription
    label: str
    at: Any
    state: str

    @property
    def is_done(self) -> bool:
        return self.state == "done"


@dataclass(frozen=True, slots=True)
class Part:
    """One handing out with its lots, what came back of it, and what was told."""

    dispense: Dispense
    lines: Sequence[window.GivenLine]
    returns: Sequence[PatientReturn]
    notes: Sequence[Counselling]

    @property
    def can_return(self) -> bool:
        return any(line.left > 0 for line in self.lines)


@dataclass(frozen=True, slots=True)
class Strip:
    """The patient as the strip above the work shows them."""

    full_name: str
    code: str
    birth_text: str
    age_text: str
    sex_text: str
    card_text: str
    rate_text: str
    allergy_text: str
    visit_text: str
    none_known: bool


def strip_of(visit: Visit) -> Strip:
    """The strip of a visit's patient, with the card of the visit."""
    patient, coded = visit.patient, allergies_of(visit.patient)
    return Strip(
        full_name=patient.full_name,
        code=patient.code,
        birth_text=patient.birth.text(),
        age_text=age_text(patient.born_on, local(visit.arrived_at).date(), patient.birth.precision),
        sex_text=patient.get_sex_display(),
        card_text=visit.card.number if visit.card else "",
        rate_text="",
        allergy_text=allergy_words(patient, coded),
        visit_text=visit.claim_code,
        none_known=is_none_known(coded),
    )


def page(request: DeskRequest, prescription: Prescription | None = None, **more: Any) -> dict[str, Any]:
    """The context of the page; `more` are forms with what was typed."""
    facility, day = request.actor.facility, chosen_day(request)
    rows = queue_rows(facility, day)
    context: dict[str, Any] = {
        "day": day,
        "today": timezone.localdate(),
        "rows": rows,
        "seen": fingerprint(rows),
        "waiting_count": sum(row.state == "waiting" for row in rows),
        "stores": list(dispensing_stores(facility)),
        "store": chosen_store(request),
        "is_auto": bool(request.session.get(AUTO_KEY)),
        "may_reverse": request.actor.may("pharmacy.reverse"),
        "confirmed_clock": request.POST.get(NAME, ""),
    }
    if prescription is not None:
        context |= _opened(prescription, context["store"], **more)
    return context


def hand_out_forms(
    prescription: Prescription, store: Store | None, data: Mapping[str, str] | None = None
) -> tuple[list[LineForm], HandOverForm]:
    """The forms of what is open, and of who takes it."""
    lines = window.proposal(prescription, store, timezone.localdate()) if store is not None else []
    name = prescription.visit.patient.full_name
    return [LineForm(line, name, data) for line in lines], HandOverForm(data)


def _opened(
    prescription: Prescription,
    store: Store | None,
    *,
    lines: list[LineForm] | None = None,
    hand_over: HandOverForm | None = None,
    **more: Any,
) -> dict[str, Any]:
    parts = parts_on(prescription, timezone.localdate())
    open_parts = [part for part in parts if part.open > 0]
    visit, today = prescription.visit, timezone.localdate()
    if lines is None and store is not None:
        name = visit.patient.full_name
        lines = [
            LineForm(line, name) for line in window.proposal_for(open_parts, store, today, kept=kept_for(prescription))
        ]
    forms = lines or []
    signed_on = local(prescription.signed_at).date() if prescription.signed_at else today
    last = collected_until(prescription, timezone.now())
    papers = [sheet for sheet in prescription.sheets.all() if is_series(sheet)]
    later = next_paper(papers, today)
    return {
        "prescription": prescription,
        "current_pk": prescription.pk,
        "strip": strip_of(visit),
        "line_forms": forms,
        "lines": [form.line for form in forms],
        "hand_over": hand_over or HandOverForm(),
        "is_controlled": any(_is_controlled(form) for form in forms),
        "parts": parts,
        "given": _parts(prescription),
        "left_out": _left_out(prescription),
        "is_open": bool(open_parts),
        "has_rest": any(part.has_rest for part in parts),
        "is_short": any(form.line.is_short for form in forms),
        "is_closed": visit.state in {Visit.State.CLOSED, Visit.State.CANCELLED},
        "refusal_back": standing_refusal(prescription),
        "lapsed_on": last if last is not None and today > last and later is None else None,
        "lapse_source": law_on(signed_on),
        "last_day": last,
        "paper": paper_on(papers, today),
        "papers": len(papers),
        "next_paper": later,
        "diagnoses": list(visit.diagnoses.all()),
        "safety": signed_safety(prescription.exam),
        "before": list(window.given_before(visit.patient, local(visit.arrived_at).date())),
        "told_before": window.counselling_before(visit.patient, prescription),
        "told_texts": counselling_texts(),
        "ticket": window.ticket_labels([visit.pk]).get(visit.pk, ""),
        "call": window.calls_of(prescription.facility, [prescription.pk]).get(prescription.pk),
        "back_form": SendBackForm(),
        "leave_form": LeaveOutForm(),
        "counsel_form": CounselForm(),
        "idempotency_key": uuid4().hex,
        **more,
    }


def _is_controlled(form: LineForm) -> bool:
    drugs = [form.line.line.drug, *(one.drug for one in form.line.substitutes)]
    return any(drug.control_class in TWO_PERSONS for drug in drugs)


def _parts(prescription: Prescription) -> list[Part]:
    dispenses = dispenses_of(prescription)
    if not dispenses:
        return []
    returns = returns_of(prescription.facility, dispenses)
    notes = list(Counselling.objects.filter(dispense__in=dispenses).select_related("by").order_by("at", "pk"))
    return [
        Part(
            one,
            window.given(one),
            [row for row in returns if row.dispense_id == one.pk],
            [row for row in notes if row.dispense_id == one.pk],
        )
        for one in dispenses
    ]


def _left_out(prescription: Prescription) -> list[NotGiven]:
    rows = NotGiven.objects.for_facility(prescription.facility).filter(
        prescription_line__prescription=prescription, withdrawn_at__isnull=True
    )
    return list(rows.select_related("prescription_line__drug", "by").order_by("prescription_line__position", "pk"))


@cache
def counselling_texts() -> tuple[str, ...]:
    """Short things that are often told, to pick from."""
    with _COUNSELLING.open(encoding="utf-8", newline="") as file:
        return tuple(row["text"] for row in csv.DictReader(file))


def queue_rows(facility: Facility, day: date) -> list[QueueRow]:
    """The prescriptions of the day: those that wait, called ones among them, then what was handed out."""
    waiting = list(waiting_prescriptions(facility, day))
    waiting_ids = {row.pk for row in waiting}
    done: dict[int, Dispense] = {}
    begun = set()
    for row in dispensed_on(facility, day).filter(is_reversed=False)[: DONE_SHOWN * 2]:
        if row.prescription_id in waiting_ids:
            begun.add(row.prescription_id)
        elif len(done) < DONE_SHOWN:
            done.setdefault(row.prescription_id, row)
    visits = [row.visit_id for row in waiting] + [row.prescription.visit_id for row in done.values()]
    labels, calls = window.ticket_labels(visits), window.calls_of(facility, waiting_ids)

    def state(row: Prescription) -> str:
        if row.pk in begun:
            return "part"
        call = calls.get(row.pk)
        return "waiting" if call is None else "absent" if call.is_absent else "called"

    return [QueueRow(row, labels.get(row.visit_id, "–"), row.signed_at, state(row)) for row in waiting] + [
        QueueRow(row.prescription, labels.get(row.prescription.visit_id, "–"), row.dispensed_at, "done")
        for row in done.values()
    ]


def fingerprint(rows: Sequence[QueueRow]) -> str:
    """A short text that differs when the list does."""
    text = ",".join(f"{row.prescription.pk}{row.state}" for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def chosen_day(request: HttpRequest) -> date:
    """The day of the list, today unless another was typed."""
    raw = request.POST.get("day") or request.GET.get("day") or ""
    try:
        day = parse_day(raw)
        day_range(day)
    except (ValueError, OverflowError):
        return timezone.localdate()
    return day


def chosen_store(request: DeskRequest) -> Store | None:
    """The store of this window: chosen now, chosen before, or the first that hands out."""
    stores = list(dispensing_stores(request.actor.facility))
    chosen = request.POST.get("store") or request.GET.get("store") or ""
    if chosen:
        picked = next((store for store in stores if str(store.pk) == chosen), None)
        if picked is None:
            raise NotFound("Không tìm thấy kho cấp phát này tại cơ sở")
        request.session[STORE_KEY] = picked.pk
        return picked
    known = request.session.get(STORE_KEY)
    return next((store for store in stores if store.pk == known), stores[0] if stores else None)


def dispense_of(facility: Facility, pk: int) -> Dispense:
    """One handing out of the facility, or NotFound."""
    rows = Dispense.objects.for_facility(facility).select_related(
        "prescription__visit__patient",
        "prescription__visit__card",
        "prescription__prescribed_by",
        "prescription__exam__room",
        "prescription__facility",
        "document",
        "store",
    )
    found: Dispense | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy phiếu cấp phát tại cơ sở này")
    return found


def url_of(prescription: Prescription, day: date) -> str:
    """The page of a prescription, with the day of the list when it is not today."""
    address = reverse("dispensing-open", args=[prescription.pk])
    return address if day == timezone.localdate() else f"{address}?day={day:%d%m%Y}"

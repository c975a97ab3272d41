"""What must be known before prescribing, at triage and at the doctor's desk: allergies, pregnancy, kidneys."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from his.access import DeskRequest, requires
from his.accounts.models import Staff
from his.core.codes import row_id
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.text import nfc
from his.ui.forms import add_refusal
from his.ui.typeahead import Option, answer
from patients.allergens import NONE_KNOWN
from patients.forms_safety import SafetyForm, with_reasons
from patients.hooks import prescribing_checks
from patients.models import Exam, PatientAllergy, SafetyOverride, Visit
from patients.queries import get_visit
from patients.queries_clinical import prescription_of
from patients.queries_safety import allergies_of, health_state, is_asked, is_none_known, overrides_of, search_allergens
from patients.services.safety import Reason, end_allergy, record_allergy, record_health_facts
from patients.views.desk import now, today
from patients.views.strip import strip_of_visit

CARD = "patients/safety_card.html"


def card_context(visit: Visit) -> dict[str, Any]:
    """What the card shows when it is closed."""
    coded = allergies_of(visit.patient)
    return {
        "visit": visit,
        "coded": coded,
        "none_known": is_none_known(coded),
        "health": health_state(visit),
        "is_asked": is_asked(visit.patient, local(visit.arrived_at).date()),
        "is_finished": visit.state in {Visit.State.CLOSED, Visit.State.CANCELLED},
    }


@require_http_methods(["GET", "POST"])
@requires("patients.triage")
def card(request: DeskRequest, visit_id: int) -> HttpResponse:
    """GET the card (`edit`: with its form); POST keeps what was said, one thing at a time or all at once."""
    visit = get_visit(request.actor.facility, visit_id)
    if request.method == "GET":
        context = card_context(visit)
        if "edit" in request.GET:
            context["safety_form"] = SafetyForm.of(context["health"])
        return render(request, CARD, context)
    form = SafetyForm(request.POST)
    if form.is_valid():
        try:
            _keep(request, visit, form)
        except NotFound:
            raise
        except Refusal as refusal:
            add_refusal(form, refusal)
    context = {**card_context(visit), "is_new": True}
    context["strip"] = strip_of_visit(visit, context["coded"])
    if form.errors:
        return render(request, CARD, {**context, "safety_form": form}, status=422)
    if request.POST.get("more") or request.POST.get("end"):
        context["safety_form"] = SafetyForm.of(context["health"])
    return render(request, CARD, context)


def _keep(request: DeskRequest, visit: Visit, form: SafetyForm) -> None:
    actor, at, data = request.actor, now(), form.cleaned_data
    if ended := row_id(request.POST.get("end", "")):
        end_allergy(allergy=_allergy(visit, ended), actor=actor, at=at)
        return
    if item := data["item"] or nfc(data["item_text"]):
        reaction = data["reaction"] or PatientAllergy.Reaction.UNKNOWN
        record_allergy(patient=visit.patient, item=item, reaction=reaction, actor=actor, at=at)
    elif data["none_known"] and not is_none_known(allergies_of(visit.patient)):
        record_allergy(patient=visit.patient, item=NONE_KNOWN, actor=actor, at=at)
    if changed := form.changed_answers(health_state(visit)):
        record_health_facts(visit=visit, actor=actor, at=at, **changed)


def _allergy(visit: Visit, pk: int) -> PatientAllergy:
    rows = PatientAllergy.objects.for_facility(visit.facility).filter(patient=visit.patient_id, pk=pk)
    found: PatientAllergy | None = rows.first()
    if found is None:
        raise NotFound
    return found


@require_GET
@requires("patients.triage")
def allergen_search(request: HttpRequest) -> HttpResponse:
    """Rows of the allergen box."""
    found = search_allergens(nfc(request.GET.get("q", ""))[:100], today())
    return answer(request, [Option(one.code, one.name) for one in found], show_code=False)


def reasons_context(
    visit: Visit, exam: Exam | None, prescriber: Staff | None, typed: Mapping[str, Reason] | None = None
) -> dict[str, Any]:
    """The warnings of the stored prescription that want a reason before signing, with those typed or stored, and what
    could not be checked; nothing for a signed exam and for one without a prescription."""
    context: dict[str, Any] = {"wanting": [], "not_checked": [], "reason_choices": SafetyOverride.Reason.choices}
    if exam is None or exam.is_signed or prescription_of(exam) is None:
        return context
    report = prescribing_checks(visit, prescriber, now(), None)
    wanted = [notice for notice in report.notices if notice.needs_reason]
    wanting = with_reasons(wanted, typed or {}, overrides_of(exam))
    return context | {"wanting": wanting, "not_checked": report.not_checked}

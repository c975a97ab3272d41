"""The register of managed patients: by disease who is overdue, who is proposed, one person's course."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from his.access import DeskRequest, requires
from his.core.codes import row_id
from his.core.errors import Refusal
from his.core.text import nfc
from his.ui.forms import add_refusal, saved, status_of
from patients.chronic import ManagedDisease, diseases_on
from patients.forms_care import DeclineForm, EndForm, EnrolForm
from patients.models import Patient
from patients.queries import card_for, find_patients, get_patient
from patients.queries_care import Followed, Proposal, course_of, followed, get_managed, managed_on, proposals
from patients.services.care import decline, end_management, enrol
from patients.views.desk import now, sent, today
from patients.views.strip import strip_for

PAGE = 50


def _disease(request: DeskRequest) -> tuple[ManagedDisease, dict[str, ManagedDisease]]:
    known = diseases_on(today())
    asked = request.GET.get("disease", "") or request.POST.get("disease", "")
    return known.get(asked) or next(iter(known.values())), known


@require_GET
@requires("care.view")
def care(request: DeskRequest) -> HttpResponse:
    """The register of one disease: who is lost or most overdue first."""
    disease, known = _disease(request)
    rows = list(managed_on(request.actor.facility, today(), disease.code))
    people = followed(request.actor.facility, rows, today())
    people.sort(key=lambda one: (one.expected_on, one.row.patient.sort_name))
    page = Paginator(people, PAGE).get_page(request.GET.get("page"))
    context = {
        **_tabs(request, disease, known),
        "page": page,
        "counts": _counts(people),
        "q": f"disease={disease.code}&",
    }
    return render(request, "patients/care/list.html", context)


def _tabs(request: DeskRequest, disease: ManagedDisease, known: dict[str, ManagedDisease]) -> dict[str, Any]:
    return {"disease": disease, "diseases": known.values(), "may_manage": request.actor.may("care.manage")}


def _counts(people: list[Followed]) -> dict[str, int]:
    return {
        "all": len(people),
        "overdue": sum(1 for one in people if one.overdue_days and not one.is_lost),
        "lost": sum(1 for one in people if one.is_lost),
        "target": sum(1 for one in people if one.is_on_target),
        "unknown": sum(1 for one in people if one.is_on_target is None),
    }


@require_http_methods(["GET", "POST"])
@requires("care.manage")
def care_proposals(request: DeskRequest) -> HttpResponse:
    """Who has a diagnosis of the disease and is not in its register; POST enrols or declines one."""
    disease, known = _disease(request)
    if request.method == "POST":
        patient = get_patient(request.actor.facility, row_id(request.POST.get("patient", "")))
        return _answer(request, disease, known, patient)
    page = Paginator(proposals(request.actor.facility, disease, today()), PAGE).get_page(request.GET.get("page"))
    context = {**_tabs(request, disease, known), "page": page, "q": f"disease={disease.code}&", "is_proposals": True}
    return render(request, "patients/care/proposals.html", context)


def _answer(
    request: DeskRequest, disease: ManagedDisease, known: dict[str, ManagedDisease], patient: Patient
) -> HttpResponse:
    """Enrol or decline a proposed person, by the diagnosis that proposes them."""
    found = proposals(request.actor.facility, disease, today(), patient)
    if not found:
        raise Refusal("already_answered", f"{patient.full_name}: không còn được đề nghị quản lý {disease.name.lower()}")
    (one,) = found
    if request.POST.get("answer") == "decline":
        return _decline(request, one, known)
    is_new = request.POST.get("answer") == "new"
    enrol(**_named(one), enrolled_on=one.first_on, is_newly_found=is_new, actor=request.actor, at=now())
    saved(request, f"Đã đưa {patient.full_name} vào quản lý {disease.name.lower()} từ {one.first_on:%d/%m/%Y}")
    return _back(request, disease)


def _decline(request: DeskRequest, one: Proposal, known: dict[str, ManagedDisease]) -> HttpResponse:
    """Ask why a proposed person is not to be managed, and decline with that reason."""
    form = DeclineForm(sent(request) if "reason" in request.POST else None)
    if form.is_valid():
        try:
            decline(**_named(one), reason=form.cleaned_data["reason"], actor=request.actor, at=now())
            saved(request, f"{one.patient.full_name}: không quản lý {one.disease.name.lower()}")
            return _back(request, one.disease)
        except Refusal as refusal:
            if status_of(refusal) in {403, 404}:
                raise
            add_refusal(form, refusal)
    context = {
        **_tabs(request, one.disease, known),
        "one": one,
        "form": form,
        "visit": row_id(request.POST.get("visit", "")),
        "is_proposals": True,
    }
    return render(request, "patients/care/decline.html", context, status=422 if form.errors else 200)


def _named(one: Proposal) -> dict[str, Any]:
    return {"patient": one.patient, "disease": one.disease.code, "diagnosis_code": one.seen.code}


def _back(request: DeskRequest, disease: ManagedDisease) -> HttpResponse:
    """To where the proposal was answered: the exam, or the list."""
    if visit := row_id(request.POST.get("visit", "")):
        return redirect("doctor-visit", visit_id=visit)
    return redirect(f"{request.path}?disease={disease.code}")


@require_http_methods(["GET", "POST"])
@requires("care.manage")
def care_new(request: DeskRequest) -> HttpResponse:
    """Enrol somebody by hand."""
    disease, known = _disease(request)
    form = EnrolForm(sent(request) or None, on=today(), initial={"disease": disease.code})
    people: list[Patient] = []
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        people = find_patients(request.actor.facility, nfc(data.pop("who")), on=today())
        if len(people) != 1:
            message = "Không tìm thấy người bệnh" if not people else "Có nhiều người trùng, hãy gõ mã người bệnh"
            form.add_error("who", message)
        else:
            try:
                row = enrol(patient=people[0], actor=request.actor, at=now(), **data)
                saved(request, f"Đã đưa {people[0].full_name} vào quản lý")
                return redirect("care-one", pk=row.pk)
            except Refusal as refusal:
                add_refusal(form, refusal)
    context = {**_tabs(request, disease, known), "form": form, "people": people if len(people) > 1 else []}
    return render(request, "patients/care/new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires("care.view")
def care_one(request: DeskRequest, pk: int) -> HttpResponse:
    """One person of the register: the course, the last visits; POST ends the management."""
    row = get_managed(request.actor.facility, pk)
    form = EndForm(sent(request) or None)
    if request.method == "POST" and form.is_valid():
        try:
            end_management(managed=row, actor=request.actor, at=now(), **form.cleaned_data)
            saved(request, f"{row.patient.full_name}: đã ghi")
            return redirect("care-one", pk=row.pk)
        except Refusal as refusal:
            if status_of(refusal) in {403, 404}:
                raise
            add_refusal(form, refusal)
    (one,) = followed(request.actor.facility, [row], row.ended_on or today())
    context = {
        **_tabs(request, one.disease, diseases_on(today())),
        "one": one,
        "strip": strip_for(row.patient, on=today(), card=card_for(row.patient, today())),
        "may_examine": request.actor.may("patients.examine"),
        "course": course_of(row.patient),
        "form": form,
    }
    return render(request, "patients/care/one.html", context, status=422 if form.errors else 200)

"""The claims screen (hồ sơ BHYT): the funnel of a month, causes and lists behind its numbers, one claim beside."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.core.codes import row_id
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.ui.forms import render_refusal, saved
from insurance.billing.queries import get_visit
from insurance.claims import causes, jobs, queries
from insurance.claims.inclusion import reason_left_out_of
from insurance.claims.services import build_claim
from insurance.claims.shown import findings_of, shown_findings, shown_tables
from insurance.claims.stored import content_of
from insurance.forms import WaiverForm
from insurance.models import Claim, MonthCheck
from insurance.rules.words import lacking_vi
from insurance.views.claims_state import ScreenState
from patients.models import Visit

PAGE = 50
TEMPLATE = "insurance/claims.html"


@require_GET
@requires("claims.view")
def screen(request: DeskRequest) -> HttpResponse:
    """The month's funnel, one of its lists, and with `?visit=` one claim."""
    return render(request, TEMPLATE, screen_context(request, request.GET))


@require_POST
@requires("claims.build")
def build_one(request: DeskRequest, pk: int) -> HttpResponse:
    """Build the claim of one visit again."""
    visit = get_visit(request.actor.facility, pk)
    try:
        claim = build_claim(visit=visit, actor=request.actor, at=timezone.now())
    except (NotFound, PermissionRefused):
        raise
    except Refusal as refusal:
        return render_refusal(request, refusal, TEMPLATE, screen_context(request, request.POST, visit))
    saved(request, f"Đã lập hồ sơ {claim.claim_code}, bản {claim.version}: {_said(claim)}")
    return redirect(ScreenState.of(request).address(visit=visit.pk))


def _said(claim: Claim) -> str:
    """What was found, in words."""
    open_ones = [one.severity for one in findings_of(claim) if one.waiver_id is None]
    faults = open_ones.count("blocking")
    said = f"còn {faults} lỗi" if faults else "không có lỗi"
    return f"{said}, {len(open_ones) - faults} cảnh báo" if len(open_ones) > faults else said


@require_GET
@requires("claims.view")
def download(request: DeskRequest, pk: int) -> HttpResponse:
    """The stored bytes of a claim as a file named by its claim code."""
    claim = queries.current_claim(get_visit(request.actor.facility, pk))
    if claim is None:
        raise NotFound("Lượt khám chưa có hồ sơ BHYT")
    response = HttpResponse(content_of(claim), content_type="application/xml")
    response.headers["Content-Disposition"] = f'attachment; filename="{claim.claim_code}.xml"'
    return response


# What the page shows


def screen_context(request: DeskRequest, sent: QueryDict, visit: Visit | None = None) -> dict[str, Any]:
    """Everything that the screen shows for what an address or a form says."""
    facility, actor = request.actor.facility, request.actor
    state = ScreenState.of(request, sent)
    view = queries.view_of(state.view)
    rows = queries.listed(facility, state.month, view.code, cause=state.cause, reason=state.reason)
    page = Paginator(rows, PAGE).get_page(sent.get("page"))
    counts = queries.funnel(facility, state.month)
    return {
        "form": state.form,
        "state": state,
        "month": state.month,
        "view": view,
        "steps": [(step, counts[step.code]) for step in queries.VIEWS],
        "sides": [(step, counts[step.code]) for step in queries.SIDE_VIEWS],
        "counts": counts,
        "page": page,
        "q": f"{state.query()}&",
        "job": jobs.running(facility, state.month),
        "lacking": list(queries.without_split(facility, state.month)[:PAGE]),
        "reasons": queries.reasons_left_out(facility, state.month) if view.code == "left_out" else [],
        **_causes(request, state, view),
        **_check(queries.month_check(facility, state.month)),
        **{f"may_{what}": actor.may(f"claims.{what}") for what in ("build", "export", "waive")},
        "may_bill": actor.may("billing.view"),
        **_opened(request, state, sent, visit),
    }


def _causes(request: DeskRequest, state: ScreenState, view: queries.View) -> dict[str, Any]:
    """The causes of a view of findings; of the one that is open, also its values and how many could be waived."""
    facility = request.actor.facility
    rows = causes.causes(facility, state.month, view)
    if state.cause is None:
        return {"causes": rows}
    whole = queries.Cause(state.cause.rule, state.cause.table, state.cause.field)
    number = causes.open_findings(facility, state.month, state.cause).count()
    return {
        "cause": next((row for row in rows if row.cause == whole), None),
        "cause_title": causes.title_of(state.cause.rule),
        "values": causes.values(facility, state.month, view, state.cause),
        "open_findings": number,
        "waiver_form": WaiverForm(initial={"expected": number}, is_open=False),
    }


def _check(check: MonthCheck | None) -> dict[str, Any]:
    """When the claims were compared last, and the rules that could not be asked, by the list that they lack."""
    rules = check.cannot_run if check else []
    lacking = lacking_vi((one["need"], one["title"]) for one in rules)
    return {"check": check, "cannot_run": lacking, "cannot_count": len(rules)}


def _opened(request: DeskRequest, state: ScreenState, sent: QueryDict, visit: Visit | None) -> dict[str, Any]:
    if visit is None:
        asked = row_id(sent.get("visit", ""))
        if not asked:
            return {"current_pk": None}
        visit = get_visit(request.actor.facility, asked)
    claim = queries.current_claim(visit)
    found = findings_of(claim) if claim else []
    result = visit.benefit_results.filter(is_current=True).first()
    exam = visit.exams.select_related("doctor").order_by("started_at").last()
    return {
        "visit": visit,
        "current_pk": visit.pk,
        "claim": claim,
        "result": result,
        "left_out": reason_left_out_of(visit, result) if result else "Lượt khám chưa chốt chi phí",
        "failure": getattr(visit, "build_failure", None),
        "tables": shown_tables(claim, found) if claim else [],
        "found": shown_findings(claim, found) if claim else [],
        "found_open": sum(1 for one in found if one.waiver_id is None),
        "desks": _desks(request, visit, exam.doctor.full_name if exam and exam.doctor else ""),
        "waive_pk": row_id(sent.get("waive", "")),
        "panel_form": WaiverForm(),
        "versions": claim.version if claim else 0,
    }


def _desks(request: DeskRequest, visit: Visit, doctor: str) -> dict[str, tuple[str, str]]:
    """The desks that mend a claim: how they are said here, and the address for those who may open it."""
    lists = ("catalogs.import", reverse("admin-catalogs"))
    places = {
        "Tiếp đón": ("Tiếp đón", "patients.register", reverse("reception-known", args=[visit.patient_id])),
        "Điều dưỡng": ("Điều dưỡng", "patients.triage", reverse("triage-visit", args=[visit.pk])),
        "Bác sĩ": (
            f"Bàn khám ({doctor})" if doctor else "Bàn khám",
            "patients.examine",
            reverse("doctor-visit", args=[visit.pk]),
        ),
        "Người trả kết quả": ("Người trả kết quả", "patients.result", reverse("results")),
        "Viện phí": ("Viện phí", "billing.view", reverse("cashier-visit", args=[visit.pk])),
        "Dược": ("Dược, danh mục thuốc", *lists),
        "Quản trị": ("Quản trị, danh mục của cơ sở", *lists),
    }
    return {
        desk: (words, address if request.actor.may(permission) else "")
        for desk, (words, permission, address) in places.items()
    }

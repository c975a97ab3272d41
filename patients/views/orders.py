"""The orders panel of the doctor's desk (F6)."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.catalogs import queries as catalogs
from his.catalogs.models import PricedService
from his.core.errors import NotFound, Refusal
from his.core.text import nfc
from his.ui.forms import add_refusal, say
from his.ui.text import money_text
from his.ui.typeahead import Option, answer
from patients.forms_clinical import OrderForm
from patients.hooks import visit_checks
from patients.models import ServiceOrder, Visit
from patients.notices import Line, LineKind, Stage, by_line
from patients.queries import get_visit
from patients.queries_clinical import desk_order, orders_of
from patients.services.orders import cancel_order, order_service
from patients.views.desk import begin_exam, now, sent, today


@require_http_methods(["GET", "POST"])
@requires("patients.examine")
def orders(request: DeskRequest, visit_id: int) -> HttpResponse:
    """GET the panel; POST one order. Choosing a service orders it at once."""
    row = get_visit(request.actor.facility, visit_id)
    if request.method == "GET":
        return _panel(request, row, _empty(row))
    form = OrderForm(sent(request))
    ready = form.is_valid()
    if form.read_service(request.actor.facility, today()) and ready:
        try:
            exam = begin_exam(request, row)
            order = order_service(
                exam=exam,
                service=form.chosen,
                actor=request.actor,
                at=now(),
                quantity=form.cleaned_data["quantity"],
                note=form.cleaned_data["note"],
                is_insured=form.cleaned_data["is_insured"],
                is_on_demand=form.cleaned_data["is_on_demand"],
                extra_told=form.cleaned_data["extra_told"],
            )
            return say(_panel(request, row, _empty(row)), f"Đã chỉ định {order.service.name}")
        except Refusal as refusal:
            add_refusal(form, refusal)
    return _panel(request, row, form, status=422)


def _empty(row: Visit) -> OrderForm:
    return OrderForm(initial={"quantity": 1, "is_insured": row.is_insured})


def _panel(request: DeskRequest, row: Visit, form: OrderForm, status: int = 200, **more: object) -> HttpResponse:
    found = by_line(visit_checks(row, Stage.ORDER, now(), None))
    lines = [(order, found.get(Line(LineKind.ORDER, order.pk))) for order in orders_of(row)]
    context = {"visit": row, "lines": lines, "order_form": form, **more}
    context["focus_service"] = "extra_told" not in form.errors
    context["has_on_demand"] = catalogs.has_on_demand_prices(request.actor.facility, today())
    context["search_url"] = reverse("search-services")
    return render(request, "patients/doctor/orders.html", context, status=status)


@require_POST
@requires("patients.examine")
def cancel(request: DeskRequest, order_id: int) -> HttpResponse:
    """Cancel an order that waits; the reason stands beside it when it is missing."""
    order: ServiceOrder | None = desk_order(request.actor.facility, order_id)
    if order is None:
        raise NotFound
    try:
        cancel_order(order=order, reason=request.POST.get("reason", ""), actor=request.actor, at=now())
    except Refusal as refusal:
        wrong = {"refused_order": order.pk, "refused_message": refusal.message_vi}
        return _panel(request, order.visit, _empty(order.visit), status=422, **wrong)
    return say(_panel(request, order.visit, _empty(order.visit)), f"Đã hủy {order.service.name}")


@require_GET
@requires("patients.examine")
def service_search(request: DeskRequest) -> HttpResponse:
    """Rows of the service box, with their price."""
    found = catalogs.search_services(request.actor.facility, nfc(request.GET.get("q", ""))[:100], on=today())
    return answer(request, [Option(row.code, row.name, note=_prices(row)) for row in found])


def _prices(row: PricedService) -> str:
    """The price, and what differs from it: the fund's, and that on demand."""
    parts = [f"{money_text(row.price)} đ"]
    if row.extra_amount(is_insured=True) > 0:
        parts.append(f"BHYT {money_text(row.insured_price)}")
    if row.on_demand_price is not None:
        parts.append(f"yêu cầu {money_text(row.on_demand_price)}")
    return " · ".join(parts)

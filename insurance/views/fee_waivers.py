"""Waivers as the cashier's desk shows them (miễn giảm): the form, those of a visit, and those of a month."""

from typing import Any
from uuid import uuid4

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.money import ZERO
from insurance.billing.ledger import payable_amount
from insurance.billing.queries import current_result, lines_of, waived_by_reason, waivers_in, waivers_of
from insurance.forms import MonthForm
from insurance.forms_charges import CancelWaiverForm, FeeWaiverForm
from patients.models import Visit

PAGE = 100


@require_GET
@requires("billing.view")
def month_list(request: DeskRequest) -> HttpResponse:
    """The waivers of a month with their sums by reason, for whoever keeps the books."""
    form = MonthForm(request.GET or None)
    asked = form.is_valid() and form.cleaned_data["month"]
    month = asked or timezone.localdate().replace(day=1)
    rows = waivers_in(request.actor.facility, month)
    sums = waived_by_reason(rows)
    context = {
        "form": form,
        "month": month,
        "month_q": f"{month:%m%Y}",
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "sums": sums,
        "total": sum((amount for _, _, amount in sums), ZERO),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "insurance/fee_waivers.html", context, status=status)


def waiver_form(visit: Visit, data: Any = None) -> FeeWaiverForm | None:
    """The form for a closed visit; None while no split is in force."""
    result = current_result(visit)
    if result is None:
        return None
    key = {"idempotency_key": uuid4().hex}
    return FeeWaiverForm(data, result=result, lines=lines_of(result), initial=key)


def waiver_context(visit: Visit, actor: Actor, *, is_open: bool) -> dict[str, Any]:
    """The waivers of a visit; the form for whoever may waive while something is left, unfolded with `is_open`."""
    result, rows = current_result(visit), waivers_of(visit)
    for row in rows:
        row.is_standing = (  # type: ignore[attr-defined]
            row.kind == row.Kind.GRANT and row.result == result and not hasattr(row, "cancelled_by")
        )
    may = actor.may("billing.waive")
    something_left = result is not None and payable_amount(result) > 0
    form = waiver_form(visit) if may and something_left else None
    if form is not None and is_open:
        form.fields["amount"].widget.attrs["data-focus"] = ""
    return {
        "fee_waivers": rows,
        "waived": result.waived_amount if result else ZERO,
        "may_waive": may,
        "fee_waiver_form": form,
        "cancel_waiver_form": CancelWaiverForm(),
        "waiving": is_open,
    }

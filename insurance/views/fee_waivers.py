"""Waivers as the cashier's desk shows them (miễn giảm): what was waived, the form, and taking one back."""

from typing import Any
from uuid import uuid4

from his.accounts.actor import Actor
from his.core.money import ZERO
from insurance.billing.queries import current_result, lines_of, payable_amount, waivers_of
from insurance.forms_charges import CancelWaiverForm, FeeWaiverForm
from patients.models import Visit


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

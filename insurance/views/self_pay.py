"""What the patient pays alone, as the cashier's desk shows it while the visit is open."""

from typing import Any

from insurance.billing.charges import find_sources, self_pay_choices
from insurance.billing.self_pay import choosable
from insurance.forms_charges import SelfPayForm
from insurance.views.split_view import Shown
from patients.models import Visit


def self_pay_form(visit: Visit, data: Any = None) -> SelfPayForm:
    """The form over what the fund would pay a part of."""
    return SelfPayForm(data, sources=choosable(visit, find_sources(visit)[0]))


def self_pay_context(visit: Visit, split: Shown, *, is_open: bool) -> dict[str, Any]:
    """The choices that stand, and the form while something may be chosen, unfolded with `is_open`."""
    sources = choosable(visit, list(split.sources))
    form = SelfPayForm(sources=sources) if sources else None
    if form is not None and is_open:
        form.fields["source"].widget.attrs["data-focus"] = ""
    return {
        "self_pay_choices": self_pay_choices(visit) if visit.is_insured else [],
        "self_pay_form": form,
        "choosing": is_open,
    }

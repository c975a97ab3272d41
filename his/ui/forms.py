"""Between services and screens: a `Refusal` becomes an error beside the field, in the summary and in the answer.

Also the form fields that read numbers and days as Vietnamese desks type them.
"""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from his.core import dates
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.ui import text


def status_of(refusal: Refusal) -> int:
    """The HTTP status: 404 what is not there, 403 what is not allowed, 409 what another did first, else 422."""
    if isinstance(refusal, NotFound):
        return 404
    if isinstance(refusal, PermissionRefused) or refusal.code == "not_member":
        return 403
    return 409 if refusal.code == "busy" or refusal.code.startswith("already_") else 422


def add_refusal(form: forms.BaseForm, refusal: Refusal) -> None:
    """Put the message beside the field it names; on the whole form when it names none that the form has."""
    form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message_vi)


def render_refusal(
    request: HttpRequest,
    refusal: Refusal,
    template: str | None = None,
    context: Mapping[str, Any] | None = None,
    *,
    form: forms.BaseForm | None = None,
) -> HttpResponse:
    """Answer a refused request with the status of `status_of`.

    With a template: the screen again, `refusal` in its context and the form's errors filled in. Without:
    for htmx the error summary, which the script puts into `#messages` so that what was typed stays; else a page.
    """
    if form is not None:
        add_refusal(form, refusal)
    full = {**(context or {}), "refusal": refusal}
    if form is not None:
        full.setdefault("form", form)
    return render(request, template or "his/refusal.html", full, status=status_of(refusal))


def say(response: HttpResponse, message_vi: str, *, urgent: bool = False) -> HttpResponse:
    """Let the page announce a message after an htmx answer: politely, or at once when urgent."""
    event = {"his:alert" if urgent else "his:say": {"text": message_vi}}
    known = json.loads(response["HX-Trigger"]) if "HX-Trigger" in response else {}
    response["HX-Trigger"] = json.dumps({**known, **event})
    return response


def saved(request: HttpRequest, message_vi: str) -> None:
    """Show what was stored on the next page, in the line under the top bar."""
    messages.success(request, message_vi)


_MOST_DIGITS = 40


def _number(raw: object) -> Decimal | None:
    """Read `1.250.500`, `1250500`, `0,5` or `0.5`; dots are thousands when three digits follow each."""
    if raw is None or isinstance(raw, Decimal | int):
        return None if raw is None else Decimal(raw)
    typed = str(raw).replace("đ", "").replace("\u00a0", "").replace("\u202f", "").replace(" ", "")
    if not typed:
        return None
    if len(typed) > _MOST_DIGITS:
        raise forms.ValidationError("Số quá dài", code="invalid")
    whole, comma, fraction = typed.partition(",")
    groups = whole.lstrip("-").split(".")
    if comma or (len(groups) > 1 and all(len(group) == 3 for group in groups[1:]) and groups[0] != "0"):
        whole = whole.replace(".", "")
    try:
        number = Decimal(whole + ("." + fraction if comma else ""))
    except InvalidOperation:
        raise forms.ValidationError("Hãy gõ một số", code="invalid") from None
    if not number.is_finite():
        raise forms.ValidationError("Hãy gõ một số", code="invalid")
    return number


class NumberField(forms.DecimalField):
    """A quantity: comma or dot for decimals. Text input, because number inputs change value on scroll."""

    widget = forms.TextInput
    default_error_messages = {
        "invalid": "Hãy gõ một số",
        "max_digits": "Số quá lớn",
        "max_whole_digits": "Số quá lớn",
        "max_decimal_places": "Tối đa %(max)s chữ số lẻ",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget.attrs.setdefault("inputmode", "decimal")
        self.widget.attrs.setdefault("autocomplete", "off")
        self.widget.attrs["class"] = f"{self.widget.attrs.get('class', '')} num".strip()

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # the stubs inherit from int
        return _number(value)

    def prepare_value(self, value: Any) -> Any:
        return text.decimal_text(value) if isinstance(value, Decimal | int) else value


class MoneyField(NumberField):
    """An amount in đồng, typed with or without dots."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 15, "decimal_places": 2, **kwargs})
        self.widget.attrs.setdefault("data-money", "")

    def prepare_value(self, value: Any) -> Any:
        return text.money_text(value) if isinstance(value, Decimal | int) else value


class DayField(forms.DateField):
    """A full day typed as `22112026` or `22/11/2026`."""

    widget = forms.TextInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget.attrs.setdefault("inputmode", "numeric")
        self.widget.attrs.setdefault("autocomplete", "off")
        self.widget.attrs.setdefault("data-day", "")

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.strip():
            return super().to_python(value)
        try:
            return dates.parse_day(value)
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong), code="invalid") from None

    def prepare_value(self, value: Any) -> Any:
        return text.day_text(value) if hasattr(value, "year") else value


class MomentField(forms.DateTimeField):
    """A minute of Vietnamese wall time typed as `22112026 0805` or `22/11/2026 08:05`."""

    widget = forms.TextInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget.attrs.setdefault("autocomplete", "off")

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.strip():
            return super().to_python(value)
        try:
            return dates.parse_moment(value)
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong), code="invalid") from None

    def prepare_value(self, value: Any) -> Any:
        return text.minute_text(value) if hasattr(value, "tzinfo") else value

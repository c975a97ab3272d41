"""What all pages of the administrator's desk share."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render

from his.access import DeskRequest
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.ui.forms import render_refusal


def carry_out(
    request: DeskRequest,
    form: forms.Form,
    act: Callable[[dict[str, Any]], HttpResponse],
    template: str,
    context: Mapping[str, Any],
) -> HttpResponse:
    """Do what a form asks; when it is wrong or refused, the page again with messages beside the fields."""
    if not form.is_valid():
        return render(request, template, {**context, "wrong": form}, status=422)
    try:
        return act(form.cleaned_data)
    except (NotFound, PermissionRefused):
        raise
    except Refusal as refusal:
        return render_refusal(request, refusal, template, {**context, "wrong": form}, form=form)


def words_of(request: DeskRequest) -> str:
    """What was typed into the search box of a list; sent by POST, so that no name stands in an address."""
    return request.POST.get("words", "").strip()[:100] if request.method == "POST" else ""


def fix(form: forms.Form, *names: str, focus: str) -> None:
    """Show fields that cannot be changed any more; the page opens with the focus on another."""
    for name in names:
        form.fields[name].disabled = True
        form.fields[name].widget.attrs.pop("data-focus", None)
    form.fields[focus].widget.attrs["data-focus"] = ""

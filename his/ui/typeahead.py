"""Answers of the search-as-you-type boxes: at most ten rows, each with a code and a text.

The page's script asks `?q=...` of the address in `data-typeahead` and shows the list; a chosen row puts its
code into the hidden input and its `data` into the fields of the same row that carry `data-fill`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

LIMIT = 10


@dataclass(frozen=True, slots=True)
class Option:
    """One row: `code` is stored, `label` is shown in the box, `note` is a short help (unit, stock, price)."""

    code: str
    label: str
    note: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    warn: str = ""


def answer(request: HttpRequest, options: Iterable[Option], *, show_code: bool = True) -> HttpResponse:
    """The list of options for the query of this request."""
    rows = list(islice(options, LIMIT))
    context = {"options": rows, "q": request.GET.get("q", ""), "show_code": show_code}
    response = render(request, "his/components/typeahead_options.html", context)
    response["Cache-Control"] = "no-store"
    return response

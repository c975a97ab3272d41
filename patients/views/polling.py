"""Answers to parts of a page that ask again and again: 304 when nothing changed, so nothing is drawn again."""

import hashlib
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string


def part(request: HttpRequest, template: str, context: Mapping[str, Any]) -> dict[str, str]:
    """A part of a page and its tag; the page sends the tag back with `hx-headers` when it asks again."""
    html = render_to_string(template, dict(context), request)
    return {"html": html, "etag": hashlib.sha256(html.encode()).hexdigest()[:20]}


def answer(request: HttpRequest, wrapper: str, drawn: Mapping[str, str], context: Mapping[str, Any]) -> HttpResponse:
    """The part in its wrapper, or 304 when the page already shows it."""
    tag = f'"{drawn["etag"]}"'
    if tag in request.headers.get("If-None-Match", ""):
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(render_to_string(wrapper, {**context, "part": drawn}, request))
    response["ETag"] = tag
    return response

"""A PDF as an answer to the browser."""

from django.http import HttpResponse


def pdf_response(pdf: bytes, filename: str) -> HttpResponse:
    """The paper shown in the browser, where it can be printed; kept by no cache. `filename` is plain ASCII."""
    response = HttpResponse(pdf, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{filename}"'
    return response

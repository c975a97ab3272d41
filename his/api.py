"""The programming interface: one NinjaAPI, a router for each package, the same services as the screens."""

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.security import SessionAuth

from his.core.errors import Refusal
from his.ui.forms import status_of

api = NinjaAPI(title="HIS", version="1", auth=SessionAuth(), urls_namespace="api", docs_url=None)


@api.exception_handler(Refusal)
def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal as problem+json (RFC 9457)."""
    status = status_of(refusal)
    body = {
        "type": f"urn:his:refusal:{refusal.code}",
        "title": refusal.message_vi,
        "status": status,
        "code": refusal.code,
        "field": refusal.field,
    }
    response = api.create_response(request, body, status=status)
    response.headers["Content-Type"] = "application/problem+json"
    return response


api.add_router("/patients", "patients.api.router")
api.add_router("/pharmacy", "pharmacy.api.router")
api.add_router("/reports", "reports.api.router")
api.add_router("/insurance", "insurance.api.router")

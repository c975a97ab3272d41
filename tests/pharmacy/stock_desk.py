"""What is typed and read at the store keeper's desk."""

import re

from django.urls import reverse

from pharmacy.models import StockDraft
from tests.pharmacy.shelf import PARACETAMOL


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def begin(desk, kind="receipt", **ids) -> int:
    """A new draft, as the button begins it: its id."""
    answer = desk.post(reverse("stock-draft-start"), {"kind": kind, **ids})
    assert answer.status_code == 302
    return StockDraft.objects.latest("pk").pk


def typed(store, *rows: dict[str, str], **head: str) -> dict[str, str]:
    """What the browser sends for a receipt."""
    data = {
        "store": str(store.pk),
        "lines-TOTAL_FORMS": str(len(rows)),
        "lines-INITIAL_FORMS": "0",
        **head,
    }
    usual = {
        "drug": PARACETAMOL,
        "lot_number": "L1",
        "expires_on": "31122027",
        "quantity": "1.000",
        "unit_cost": "150",
    }
    for index, row in enumerate(rows):
        data |= {f"lines-{index}-{name}": value for name, value in {**usual, **row}.items()}
    return data


def post(desk, pk, data, **more):
    return desk.post(reverse("stock-draft-post", args=[pk]), data, **more)

"""A user of one facility finds nothing of the other, whatever number is put into an address."""

import pytest
from django.urls import reverse

from his.accounts.models import Membership
from pharmacy.models import StockDocument
from pharmacy.printing.urls import urlpatterns as papers
from pharmacy.services.dispensing import dispense
from pharmacy.urls import urlpatterns
from tests.cast import at
from tests.pharmacy import board, shelf
from tests.pharmacy.shelf import PARACETAMOL

_COUNT_ACTS = ("-reasons", "-approve", "-return", "-post", "-abandon", "-upload")


@pytest.fixture
def theirs(world) -> dict[str, object]:
    """Everything that the station has, by the name of the address that shows it (a list: all its parameters)."""
    place, store = world.station, shelf.dispensary(world.station)
    document = shelf.receive(place, store, shelf.goods(world, place))
    waiting = shelf.lan_prescription(world, place)
    done = dispense(
        prescription=shelf.hung_prescription(world, place), store=store, actor=place.actor("pharmacist"), at=at(10)
    )
    lot, drug = shelf.lot("L1").pk, world.drug(place, PARACETAMOL).pk
    count = board.opened(place, store)
    line = board.line(count, "L1").pk
    return {
        **{f"stock-count{name}": count.pk for name in ("", *_COUNT_ACTS)},
        "stock-count-entry": [count.pk, 3, 1],
        "stock-count-found": [count.pk, 3],
        "stock-count-line": line,
        "stock-count-entry-line": [line, 3, 1],
        "stock-count-sheet-pdf": [count.pk, 3, 1],
        "stock-count-sheet-xlsx": [count.pk, 3, 1],
        "stock-count-record-pdf": [count.pk, "11d"],
        "stock-count-record-xlsx": [count.pk, "11d"],
        "dispensing-open": waiting.pk,
        "dispensing-hand-out": waiting.pk,
        "dispensing-take-back": done.pk,
        "stock-card": drug,
        "stock-lot": lot,
        "stock-lot-loss": lot,
        "stock-lot-transfer": lot,
        "stock-lot-block": lot,
        "stock-document": document.pk,
        "stock-document-reverse": document.pk,
        "store": store.pk,
        "claim": waiting.visit.claim_code,
    }


def addresses_with_ids() -> list[str]:
    return [pattern.name for pattern in (*urlpatterns, *papers) if "<" in str(pattern.pattern)]


@pytest.mark.parametrize("name", addresses_with_ids())
def test_every_address_with_an_id_is_not_found(client, world, theirs, name):
    user = world.hospital.users["pharmacist"]
    Membership.objects.create(facility=world.hospital.facility, user=user, role="pharmacy_head")
    client.force_login(user)
    before = StockDocument.objects.count()
    form = {"reason": "Thử", "quantity": "1", "store": theirs["store"], "idempotency_key": "k"}
    known = theirs[name]
    url = reverse(name, args=known if isinstance(known, list) else [known])
    answers = {client.get(url).status_code, client.post(url, form).status_code}
    assert answers <= {404, 405}
    assert 404 in answers
    assert StockDocument.objects.count() == before


def test_their_store_and_claim_code_are_unknown_here(client, world, theirs):
    client.force_login(world.hospital.users["pharmacist"])
    assert client.get(reverse("stock"), {"store": theirs["store"]}).status_code == 404
    assert client.get(reverse("dispensing"), {"store": theirs["store"]}).status_code == 404
    assert client.post(reverse("dispensing-find"), {"text": theirs["claim"]}).status_code == 422
    for name in ("dispensing", "stock", "stock-drugs", "stock-documents", "stock-stores"):
        page = client.get(reverse(name)).content.decode()
        assert "PN26" not in page
        assert "Nguyễn Thị Lan" not in page
        assert "Kho cấp phát CP" not in page

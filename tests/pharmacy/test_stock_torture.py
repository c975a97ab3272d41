"""Many processes at the same lots, killed in the middle: nothing is lost, doubled or negative.

A few seconds with 8 clients here; by hand `TORTURE_SECONDS=60 TORTURE_CLIENTS=32 pytest -s` with this file.
"""

import os
from collections import Counter
from decimal import Decimal
from time import monotonic

import pytest
from django.db.models import F, Sum

from his.audit.models import AuditEntry, IdempotencyKey
from his.audit.record import broken_positions
from pharmacy.models import Dispense, LotBalance, Reservation, StockDocument
from pharmacy.queries import balance_differences
from tests.cast import at
from tests.pharmacy import shelf, torture
from tests.pharmacy.shelf import PARACETAMOL
from tests.pharmacy.torture import Arena

SECONDS = float(os.environ.get("TORTURE_SECONDS", "5"))
CLIENTS = int(os.environ.get("TORTURE_CLIENTS", "8"))
LOTS = ("L'1", "L2", "L3")
NAMES = ("Lý Thị Một", "Đào Văn Hai", "Trịnh Thị Ba", "Hồ Văn Bốn", "Dương Thị Năm", "Tô Văn Sáu")


@pytest.fixture
def arena(world, tmp_path) -> Arena:
    place = world.station
    stores = (shelf.dispensary(place), shelf.dispensary(place, "CQ"))
    for store in stores:
        shelf.receive(place, store, *(shelf.goods(world, place, lot=number, quantity=40) for number in LOTS))
    prescriptions = tuple(shelf.someone_prescription(world, place, name, (PARACETAMOL, 20)) for name in NAMES)
    lots = tuple(shelf.lot(number) for number in LOTS)
    return Arena(place.actor("pharmacist"), stores, lots, prescriptions, tmp_path, at(12), monotonic())


@pytest.mark.django_db(transaction=True)
def test_killed_clients_lose_and_double_nothing(arena):
    facility, before = arena.actor.facility, StockDocument.objects.count()
    first = StockDocument.objects.latest("pk").pk
    kills = torture.run(arena, clients=CLIENTS, seconds=SECONDS)
    answers = [entry for file in arena.folder.iterdir() for entry in torture.entries(file) if "what" not in entry]
    done = [entry for entry in answers if "done" in entry]
    refused = Counter(entry["refused"] for entry in answers if "refused" in entry)
    print(f"{kills} killed, {len(done)} done {Counter(e['asked'] for e in done)}, refused {refused}")
    assert kills
    assert len(done) > CLIENTS

    assert not LotBalance.objects.filter(on_hand__lt=0).exists()
    assert balance_differences(facility) == []

    # Every answered request is in the ledger once, and nothing is there that was not answered.
    keyed = [entry for entry in done if entry["asked"] not in {"take_back", "undo"}]
    results = dict(IdempotencyKey.objects.filter(key__in=[e["key"] for e in keyed]).values_list("key", "result_id"))
    documents = dict(Dispense.objects.values_list("pk", "document_id"))
    assert len(results) == len(keyed)
    for entry in keyed:
        result = results[entry["key"]]
        assert entry["done"] == (documents[result] if entry["asked"] == "give" else result)
    posted = StockDocument.objects.filter(pk__gt=first)
    forward = set(posted.exclude(kind="reversal").values_list("pk", flat=True))
    assert sorted(entry["done"] for entry in keyed) == sorted(forward)

    # Numbers have no gap although requests were killed on the way.
    numbers = list(StockDocument.objects.values_list("number", flat=True))
    assert len(numbers) == len(set(numbers)) == before + posted.count()
    for prefix, size in Counter(number[:5] for number in numbers).items():
        assert {number for number in numbers if number.startswith(prefix)} == {
            f"{prefix}{n:06d}" for n in range(1, size + 1)
        }

    # A prescription is handed out once, in full, and then nothing is kept for it.
    current = Dispense.objects.filter(is_reversed=False)
    assert max(Counter(current.values_list("prescription_id", flat=True)).values(), default=0) <= 1
    for row in current.annotate(total=Sum("lines__quantity")):
        assert row.total == Decimal(20)
    held = Reservation.objects.filter(state="held")
    assert not held.filter(prescription_line__prescription__in=current.values("prescription")).exists()
    assert not LotBalance.objects.filter(reserved__gt=F("on_hand")).exists()

    for month in AuditEntry.objects.values_list("month", flat=True).distinct():
        assert broken_positions(facility, month) == []

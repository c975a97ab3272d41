"""Only the ledger writes balances, movements and reservations; the clinical desks' question has its one answer."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from patients import hooks
from pharmacy.models import LotBalance, StockDocument, StockDocumentLine, StockMovement
from tests.cast import DAY
from tests.pharmacy import shelf
from tests.pharmacy.shelf import PARACETAMOL

WRITES = re.compile(
    r"(LotBalance|StockMovement|Reservation)(\.objects)?\.\w*(create|update|delete|save)"
    r"|(UPDATE|INTO|FROM) pharmacy_(lotbalance|stockmovement|reservation)|pharmacy_post\("
)
LEDGER = {Path("pharmacy/services/ledger.py"), Path("pharmacy/services/holds.py")}


def test_no_other_module_writes_balances_or_movements():
    """The loader of volumes for benchmarks fills whole tables by COPY; it is no part of the work at a facility."""
    root = Path(settings.BASE_DIR)
    writers = {
        path.relative_to(root)
        for package in ("his", "patients", "pharmacy", "insurance", "reports")
        for path in (root / package).rglob("*.py")
        if not {"migrations", "volume"} & set(path.parts) and WRITES.search(path.read_text(encoding="utf-8"))
    }
    assert writers == LEDGER


@pytest.mark.django_db
def test_the_posting_function_stores_every_column_of_its_tables():
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'pharmacy_post'")
        (source,) = cursor.fetchone()
    for model in (StockDocument, StockDocumentLine, StockMovement, LotBalance):
        found = re.search(rf"INSERT INTO {model._meta.db_table}\b[^(]*\(([^)]*)\)", source)
        columns = {column.strip() for column in found[1].split(",")}
        assert columns == {field.column for field in model._meta.concrete_fields if not field.primary_key}


def test_documents_and_movements_are_neither_changed_nor_deleted(world):
    shelf.receive(world.station, shelf.dispensary(world.station), shelf.goods(world, world.station))
    attempts = [
        lambda: StockMovement.objects.update(quantity=1),
        lambda: StockMovement.objects.all().delete(),
        lambda: StockDocument.objects.update(reason="khác"),
        lambda: LotBalance.objects.all().delete(),
        lambda: LotBalance.objects.update(on_hand=-1),
    ]
    for attempt in attempts:
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()


def test_the_clinical_desks_read_the_usable_stock(world):
    place = world.station
    shelf.receive(place, shelf.dispensary(place), shelf.goods(world, place))
    drug = world.drug(place, PARACETAMOL)
    assert hooks.usable_stock(place.facility, [drug.pk], DAY) == {drug.pk: 100}

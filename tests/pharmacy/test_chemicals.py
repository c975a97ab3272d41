"""Chemicals are stocked, counted (12D) and reported (08D) like other items, and neither prescribed nor controlled."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from his.catalogs.item_services import set_control_class
from his.catalogs.models import Drug
from his.catalogs.queries import search_drugs, search_items
from his.catalogs.services import import_facility_catalog
from his.core.errors import Refusal
from pharmacy.printing.count_record import forms_of, record_of
from pharmacy.queries_stocktake import counted_lines
from reports.engine import run
from reports.period import Period
from tests.cast import DAY, World, at
from tests.his.catalog_files import write_xlsx
from tests.pharmacy import board, shelf

COLUMNS = ["MA_HOA_CHAT", "TEN_HOA_CHAT", "NONG_DO", "DON_VI_TINH", "DON_GIA", "HANG_SX", "NUOC_SX"]


@pytest.fixture
def ethanol(world: World, tmp_path: Path) -> Drug:
    """A chemical of the hospital, brought by its list."""
    rows = [COLUMNS, ["HC001", "Cồn ethanol", "70%", "lít", 45000, "Hãng Thử", "Việt Nam"]]
    path = write_xlsx(tmp_path / "hc.xlsx", {"HC": rows})
    import_facility_catalog(
        actor=world.hospital.actor("admin"), kind="chemical_list", path=path, effective_on=date(2026, 1, 1)
    )
    return world.drug(world.hospital, "HC001")


def test_the_list_brings_chemicals_that_nobody_prescribes(world: World, ethanol: Drug) -> None:
    assert (ethanol.kind, ethanol.strength, ethanol.unit, ethanol.price) == ("chemical", "70%", "Lít", 45000)
    facility = world.hospital.facility
    assert [row.code for row in search_items(facility, "con ethanol", on=DAY)] == ["HC001"]
    assert search_drugs(facility, "con ethanol", on=DAY) == []
    pharmacist = world.hospital.actor("pharmacist")
    with pytest.raises(Refusal, match="không thuộc diện kiểm soát"):
        set_control_class(actor=pharmacist, item=ethanol, control_class="precursor", on=DAY)
    with pytest.raises(IntegrityError, match="drug_supply_ordinary"), transaction.atomic():
        Drug.objects.filter(pk=ethanol.pk).update(control_class="precursor")


def test_a_new_whole_list_ends_chemicals_only(world: World, ethanol: Drug, tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "moi.xlsx", {"HC": [COLUMNS, ["HC002", "Javel", "", "lít", 9000, "", ""]]})
    import_facility_catalog(
        actor=world.hospital.actor("admin"),
        kind="chemical_list",
        path=path,
        effective_on=date(2026, 11, 1),
        replaces=True,
    )
    ended = Drug.objects.for_facility(world.hospital.facility).filter(valid_to=date(2026, 10, 31))
    assert [row.code for row in ended] == ["HC001"]


def test_what_a_count_finds_missing_stands_in_12d_and_08d(world: World, ethanol: Drug) -> None:
    place = world.hospital
    store = shelf.main_store(place)
    shelf.receive(
        place,
        store,
        shelf.goods(world, place, code="HC001", lot="HC'1", quantity=20, unit_cost=45000),
        shelf.goods(world, place),
    )
    count = board.opened(place, store)
    board.seen(place, count, "L1", 100, when=at(9))
    board.twice(place, count, "HC'1", 15, when=at(9))
    assert forms_of(counted_lines(count)) == ["11d", "12d"]
    (row,) = record_of(count, "12d").rows
    assert (row.name, row.lot) == ("Cồn ethanol 70%", "HC'1")
    board.approve(place, count)
    board.post(place, count)
    month = Period.parse_month("2026-10")
    given = {"facility": place.facility, "period": month, "actor": place.actor("claims"), "at": at(18)}
    report = run(form="08D", **given)
    (used,) = (dict(zip(report.values["columns"], one, strict=True)) for one in report.values["rows"])
    assert (used["MA"], Decimal(used["TONG_SL"]), Decimal(used["TONG_TT"])) == ("HC001", 5, 225000)
    assert all(check["passed"] for check in report.checks)
    assert not run(form="05D", **given).values["rows"], "a chemical is no drug"

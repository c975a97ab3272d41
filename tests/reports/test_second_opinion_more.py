"""Fifteen further forms and the bin card against a program that shares no code with the product, cell by cell."""

import csv
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from openpyxl import load_workbook

from his.catalogs.models import Diagnosis, Drug
from insurance.models import Charge
from patients.services.beds import leave_ward
from pharmacy.models import Lot, Store
from pharmacy.printing.card import card_data
from pharmacy.queries import stock_card
from pharmacy.services.returning import ReturnedLine, return_drugs
from pharmacy.services.stock import LotLine, record_loss
from reports.datasets import antibiotics
from reports.engine import run
from reports.period import Period
from tests.cast import World, at
from tests.insurance import walk
from tests.reports import second_opinion as other
from tests.reports import second_opinion_more as more
from tests.reports import second_opinion_wards as wards
from tests.reports.month import OCTOBER, person_visit
from tests.wards import admitted

MONTH, CODE = "2026-10", "99002"
FORMS = {
    "80A": "AA",
    "C79HD": "J",
    "19BHYT": "K",
    "B9": "D",
    "B11": "D",
    "HDNOITRU": "D",
    "BENH10N": "F",
    "BENH10T": "F",
    "THUNGAN": "C",
    "SOQUY": "C",
    "DTKHOA": "D",
    "DTNGUON": "C",
    "05D": "H",
    "06D": "H",
}
"""The forms, and a column of each that is damaged to see that a wrong cell is found."""


def stems() -> list[str]:
    with Path(antibiotics.__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        return [row["stem"] for row in csv.DictReader(file)]


def compared(folder: Path, period: Period = OCTOBER) -> list[str]:
    """What the second program finds in the files of a folder."""
    claims = other.claims_in(folder / "xml")
    at_ = {form: folder / f"{form}_{CODE}_{period.key()}.xlsx" for form in (*FORMS, "09D")}
    told = timezone.localtime().replace(tzinfo=None)  # the command made the files a moment ago
    with connection.cursor() as cursor:
        who = (cursor, CODE, period.key())
        now, before = more.ended(*who), more.ended(cursor, CODE, Period.before(period).key())

        def inside(people: list[dict[str, Any]], wanted: bool) -> list[dict[str, Any]]:
            return [one for one in people if (one["visit_type"] in other.INPATIENT) is wanted]

        return [
            *other.form_79a(at_["80A"], claims, of_inpatients=True),
            *more.form_c79(at_["C79HD"], claims),
            *more.form_19(at_["19BHYT"], claims),
            *more.form_9(at_["B9"], *who, told),
            *wards.by_ward(
                at_["HDNOITRU"], wards.stretches(cursor, CODE, more.VISIT, told), wards.window_of(who[2], told)
            ),
            *more.form_11(at_["B11"], *who),
            *more.ten_causes(at_["BENH10N"], inside(now, wanted=False), inside(before, wanted=False)),
            *more.ten_causes(at_["BENH10T"], inside(now, wanted=True), inside(before, wanted=True)),
            *more.cash(at_["THUNGAN"], *who, by="cashier"),
            *more.cash(at_["SOQUY"], *who, by="day"),
            *more.revenue_by_department(at_["DTKHOA"], *who),
            *more.revenue_by_payer(at_["DTNGUON"], *who),
            *more.usage(at_["05D"], *who, ("drug", "herbal", "herb"), ()),
            *more.usage(at_["06D"], *who, ("drug",), stems()),
            *more.usage(at_["09D"], *who, ("supply",), ()),
        ]


@pytest.fixture
def full_month(world: World, list_month: list[walk.Walk]) -> list[walk.Walk]:
    """The month of the lists, with an infectious disease, drugs for an inpatient and brought back, a supply, a loss."""
    hospital, pharmacist = world.hospital, world.hospital.actor("pharmacist")
    Diagnosis.objects.get_or_create(
        code="B05.9",
        defaults={"name": "Sởi", "search_name": "soi", "valid_from": date(2020, 1, 1), "source": "test"},
    )
    Drug.objects.for_facility(hospital.facility).filter(code=walk.AMLODIPIN).update(ingredient="Cefalexin")
    measles = person_visit(world, hospital, "Lò Thị Sởi", "TE1999912345641", hour=12)
    measles.examine("B05.9").prescribe((walk.AMLODIPIN, 4)).sign().dispense().settled()
    stay = person_visit(world, hospital, "Vũ Thuốc Nội Trú", "GD4999912345642", visit_type="03", hour=9)
    bed = admitted(stay.examine("J20.9"), "K02", "H002", "K02.1911", at(9, 40))
    stay.prescribe((walk.AMLODIPIN, 6), (walk.PARACETAMOL, 10)).sign().dispense()
    line = stay.given.lines.get(lot__drug__code=walk.AMLODIPIN)  # type: ignore[union-attr]
    back = [ReturnedLine(line.pk, Decimal(2), is_intact=True)]
    return_drugs(dispense=stay.given, lines=back, reason="Đổi thuốc", actor=pharmacist, at=at(13, 30))  # type: ignore[arg-type]
    leave_ward(stay=bed, actor=hospital.actor("nurse"), at=at(14, 10))
    stay.now = at(14, 15)
    stay.settled()
    lot = Lot.objects.get(number=f"L'{walk.PARACETAMOL}", facility=hospital.facility)
    store = Store.objects.get(facility=hospital.facility, code="CP")
    record_loss(store=store, lines=[LotLine(lot, Decimal(3))], reason="Vỡ", actor=pharmacist, at=at(15))
    Charge.objects.filter(visit=list_month[-1].visit, group_code="2").update(group_code="10")  # an X as a supply
    return [*list_month, measles, stay]


def test_fifteen_forms_are_what_another_program_computes(
    world: World, tmp_path: Path, full_month: list[walk.Walk]
) -> None:
    """Damaging one figure of each form is found."""
    call_command("export_claims", "--facility", CODE, "--month", MONTH, "--out", str(tmp_path / "xml"))
    for form in (*FORMS, "09D"):
        with suppress(CommandError):  # a check may block the signature: the files are written all the same
            call_command(
                *("run_report", form, "--facility", CODE, "--month", MONTH, "--out", str(tmp_path)),
                *("--format", "xlsx"),
            )
    assert compared(tmp_path) == []
    for form, column in FORMS.items():
        path = tmp_path / f"{form}_{CODE}_{MONTH}.xlsx"
        whole = path.read_bytes()
        book = load_workbook(path)
        cell = book.worksheets[0][f"{column}2"]
        assert cell.value is None or isinstance(cell.value, int | float), (form, cell.value)
        cell.value = (cell.value or 0) + 1
        book.save(path)
        assert compared(tmp_path), f"a wrong cell of {form} is found"
        path.write_bytes(whole)


def test_the_use_of_drugs_tells_wards_from_consulting_rooms(world: World, full_month: list[walk.Walk]) -> None:
    """6 tablets given on the ward and 2 of them brought back; 3 broken; the rest is of outpatients."""
    place = world.hospital
    report = run(form="05D", facility=place.facility, period=OCTOBER, actor=place.actor("claims"), at=at(18))
    rows = {
        row["MA"]: row
        for row in (dict(zip(report.values["columns"], row, strict=True)) for row in report.values["rows"])
    }
    assert (rows[walk.AMLODIPIN]["NOI_SL"], rows[walk.PARACETAMOL]["NOI_SL"]) == ("4", "10")
    assert (rows[walk.PARACETAMOL]["HUY_SL"], rows[walk.HALF_PAID]["NOI_SL"]) == ("3", "0")
    claimed = run(form="20BHYT", facility=place.facility, period=OCTOBER, actor=place.actor("claims"), at=at(18))
    columns = claimed.values["columns"]
    given = {row[columns.index("TEN_THUOC")]: row[columns.index("SL_NOI_TRU")] for row in claimed.values["rows"]}
    assert sorted(given.values(), key=Decimal) == ["0", "4", "10"], "what 20/BHYT says of inpatients"


def test_the_bin_card_is_what_another_program_reads_in_the_ledger(world: World, full_month: list[walk.Walk]) -> None:
    first, last = OCTOBER.start, OCTOBER.end
    for code in (walk.AMLODIPIN, walk.PARACETAMOL):
        drug = Drug.objects.for_facility(world.hospital.facility).get(code=code)
        data = card_data(drug, stock_card(drug, first, last), first, last, None, at(18))
        opening, *lines = data["sheets"][0]["rows"]
        found = [("", "", "", "", plain(opening[9]))]
        found += [(row[0], row[3], plain(row[7]), plain(row[8]), plain(row[9])) for row in lines]
        with connection.cursor() as cursor:
            assert found == more.bin_card(cursor, CODE, code, "2026-10-01", "2026-11-01")
        assert len(found) > 4


def plain(text: str) -> str:
    """A quantity as people write it, as a program does: 9.982,5."""
    return text.replace(".", "").replace(",", ".")

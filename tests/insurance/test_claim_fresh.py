"""A stored claim is built again exactly when something that it was built from has changed."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pgtrigger
import pytest
from django.db import connection
from django.db.models import F, Model, QuerySet
from django.test.utils import CaptureQueriesContext

from his.accounts.models import Department, Facility, Staff
from his.catalogs.models import Drug, PricedService, ProcedureCode
from insurance.claims import fresh, services
from insurance.claims.gather import gather
from insurance.claims.services import build_claim, build_month
from insurance.models import BenefitLine, BenefitResult, CashEntry, Charge, Claim
from insurance.rules.books import RuleBooks
from insurance.rules.engine import NoCatalogs
from patients.models import (
    BedStay,
    ClinicalNote,
    Exam,
    InsuranceCard,
    Patient,
    Prescription,
    PrescriptionLine,
    ServiceOrder,
    ServiceResult,
    Visit,
    VisitDiagnosis,
    VitalSigns,
)
from pharmacy.models import Dispense, DispenseLine, Substitution
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import CBC, MONTH
from tests.scenes import scene

pytestmark = pytest.mark.django_db

OF_THE_VISIT = (
    Visit,
    Patient,
    InsuranceCard,
    BenefitResult,
    BenefitLine,
    Charge,
    Exam,
    VisitDiagnosis,
    ServiceOrder,
    ServiceResult,
    ClinicalNote,
    VitalSigns,
    BedStay,
    Prescription,
    PrescriptionLine,
    Dispense,
    DispenseLine,
    Substitution,
    CashEntry,
)
NAMED = (Facility, Staff, Department, PricedService, Drug, ProcedureCode)


def settled(world: World) -> walk.Walk:
    """One closed and paid visit with a row in every table that a claim is built from, and its claim."""
    ProcedureCode.objects.create(service_code=CBC, icd9_code="90.59", valid_from=MONTH)
    made = walk.hostile(world, world.hospital, "Đau & sốt")
    line = made.prescription.lines.first()
    by = made.place.users["pharmacist"]
    Substitution.objects.create(
        facility=made.place.facility, prescription_line=line, drug=line.drug, agreed_by="Lan", at=made.now, by=by
    )
    bed = {"department": made.place.departments["K02"], "bed_code": "H001", "service_code": CBC, "started_by": by}
    BedStay.objects.create(
        facility=made.place.facility, visit=made.visit, **bed, started_at=at(8, 30), ended_at=at(8, 45)
    )
    made.close()
    made.pay()
    Charge.objects.filter(code=CBC).update(group_code="8")
    build(made)
    return made


@scene
def step(world: World) -> walk.Walk:
    """The visit whose claim most of these tests look at."""
    return settled(world)


def build(step: walk.Walk) -> Claim:
    build_month(month=MONTH, actor=step.place.actor("claims"), at=at(18))
    return Claim.objects.get(visit=step.visit, is_current=True)


def is_fresh(step: walk.Walk) -> bool:
    return step.visit.pk in fresh.states(step.place.facility, [step.visit.pk])


def touch(rows: QuerySet[Model]) -> None:
    """Write rows again without a change, which only the row version shows."""
    with pgtrigger.ignore():
        assert rows.update(id=F("id")), rows.model


@pytest.mark.parametrize("model", [*OF_THE_VISIT, *NAMED], ids=lambda model: model.__name__)
def test_whatever_was_written_again_makes_the_claim_stale(world: World, model: type[Model], step: walk.Walk) -> None:
    before = build(step)
    assert is_fresh(step)
    touch(model._default_manager.all())
    assert not is_fresh(step)
    after = build(step)
    assert is_fresh(step)
    assert (after.pk, after.version, after.sha256) == (before.pk, 1, before.sha256)


def test_all_tables_that_building_reads_have_a_source(world: World, step: walk.Walk) -> None:
    with CaptureQueriesContext(connection) as captured:
        (record,) = gather(step.place.facility, [Visit.objects.get(pk=step.visit.pk)])
        services.build(record, RuleBooks(NoCatalogs()))
    read = {name for query in captured for name in re.findall(r'(?:FROM|JOIN) "(\w+)"', query["sql"])}
    known = set(
        re.findall(r"(?:his|patients|pharmacy|insurance)_\w+", str((fresh.FOLLOWED, fresh.SHARED, fresh.NAMED)))
    )
    assert read - known == set()
    catalogs = {name for name in known if name.startswith("his_")}
    assert catalogs == set(re.findall(r"his_\w+", str(fresh.CATALOGS)))
    assert {model._meta.db_table for model in (*OF_THE_VISIT, *NAMED)} >= known


def test_a_row_more_and_a_row_less_make_it_stale(world: World, step: walk.Walk) -> None:
    note = ClinicalNote.objects.create(
        facility=step.place.facility, visit=step.visit, at=step.now, text="x", written_by=Staff.objects.first()
    )
    assert not is_fresh(step)
    build(step)
    with pgtrigger.ignore():
        note.delete()
    assert not is_fresh(step)
    assert build(step).version == 3


def test_what_the_claim_does_not_name_leaves_it_fresh(
    world: World, monkeypatch: pytest.MonkeyPatch, step: walk.Walk
) -> None:
    """A change elsewhere in the catalogues is looked into, and the claim stays as it is."""
    other = walk.lan_full(world, world.station)
    other.settled()
    touch(Drug.objects.filter(facility=step.place.facility, code=walk.AMLODIPIN))
    touch(PricedService.objects.filter(facility=other.place.facility))
    monkeypatch.setattr(services, "build", partial(pytest.fail, "nothing is to be built"))
    claim = build(step)
    assert is_fresh(step)
    assert claim.catalogs_print != fresh.catalogs_print(step.place.facility)


@pytest.mark.parametrize(
    "change",
    [
        lambda claim: Claim.objects.update(data_version="old"),
        lambda claim: Claim.objects.update(is_current=False),
        lambda claim: build_claim(visit=claim.visit, actor=claim.actor, at=at(18), standard="qd4750"),
    ],
    ids=["data", "withdrawn", "another standard was forced"],
)
def test_other_data_no_claim_and_a_forced_standard_are_stale(
    world: World, change: Callable[[Claim], object], step: walk.Walk
) -> None:
    claim = Claim.objects.get()
    claim.actor = step.place.actor("claims")
    change(claim)
    assert not is_fresh(step)
    assert build(step).standard == "qd1931"
    assert is_fresh(step)


def test_a_real_change_gives_a_new_version(world: World, step: walk.Walk) -> None:
    Patient.objects.filter(pk=step.visit.patient_id).update(phone="0912 000 111")
    claim = build(step)
    assert (claim.version, "0912 000 111" in claim.body) == (2, True)
    step.now += timedelta(hours=1)
    Drug.objects.filter(code=walk.PARACETAMOL).update(strength="500 mg")
    assert build(step).version == 3
    assert Decimal(claim.result.fund_amount) > 0

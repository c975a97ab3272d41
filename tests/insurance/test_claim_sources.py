"""No change of a source is missed, however it comes and however it overlaps with building; nothing else is noticed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pgtrigger
import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Model

from insurance.claims import fresh, services
from insurance.claims.export import export_month
from insurance.claims.services import build_month
from insurance.models import BenefitResult, Claim, SourceChange
from patients.models import Patient, Prescription, PrescriptionLine, ServiceOrder, Visit, VitalSigns
from pharmacy.models import Dispense
from tests.cast import World, at
from tests.insurance import money_audit, walk
from tests.insurance.test_claim_fresh import NAMED, OF_THE_VISIT, build, is_fresh, settled, touch
from tests.insurance.walk import MONTH
from tests.scenes import scene

FOLLOWED = [model for model in OF_THE_VISIT if model._meta.db_table in fresh.FOLLOWED]
in_one_transaction, over_two_connections = pytest.mark.django_db, pytest.mark.django_db(transaction=True)


@scene
def step(world: World) -> walk.Walk:
    """A visit with its claim."""
    return settled(world)


def sql(statement: str, *values: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


# What is noted


@in_one_transaction
def test_every_followed_table_has_its_triggers_and_no_other() -> None:
    found = sql(
        "SELECT tgrelid::regclass::text, count(*), bool_and(tgenabled = 'A') FROM pg_trigger"
        " WHERE tgname LIKE 'claim\\_source\\_%%' GROUP BY 1"
    )
    assert sorted(found) == sorted((table, 4, True) for table in fresh.FOLLOWED)


@in_one_transaction
def test_rows_that_go_and_come_are_noted(world: World, step: walk.Walk) -> None:
    for model in FOLLOWED:
        rows = list(model._default_manager.all())
        with pgtrigger.ignore(), transaction.atomic():
            sql(f'DELETE FROM "{model._meta.db_table}"')
            assert noted() == {step.visit.pk}, model
            SourceChange.objects.all()._raw_delete(using="default")
            model._default_manager.bulk_create(rows)
            assert noted() == {step.visit.pk}, model
            transaction.set_rollback(True)
        assert is_fresh(step)


@in_one_transaction
def test_only_the_visit_of_the_row_is_noted(world: World, step: walk.Walk) -> None:
    other = walk.lan_full(world, world.hospital)
    other.settled()
    build(step)
    assert noted() == set()
    for model in FOLLOWED:
        with transaction.atomic():
            visit = of_visit(model)
            touch(model._default_manager.filter(**{visit: step.visit.pk}))
            assert (noted(), is_fresh(step), is_fresh(other)) == ({step.visit.pk}, False, True), model
            transaction.set_rollback(True)


def of_visit(model: type[Model]) -> str:
    """The path from a followed model to the id of its visit."""
    names = {field.name for field in model._meta.get_fields()}
    if model is Visit:
        return "pk"
    if "visit" in names:
        return "visit_id"
    parent = next(
        name for name in ("dispense", "order", "prescription_line", "prescription", "result") if name in names
    )
    return f"{parent}__{of_visit(model._meta.get_field(parent).related_model)}"


def noted() -> set[int]:
    return set(SourceChange.objects.values_list("visit_id", flat=True))


@in_one_transaction
def test_an_emptied_table_makes_every_claim_stale(world: World, step: walk.Walk) -> None:
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("TRUNCATE patients_vitalsigns")
    assert not is_fresh(step)


@in_one_transaction
@pytest.mark.parametrize(
    ("model", "link"),
    [
        (BenefitResult, "visit"),
        (ServiceOrder, "visit"),
        (Prescription, "visit"),
        (PrescriptionLine, "prescription"),
        (Dispense, "prescription"),
    ],
)
def test_what_other_rows_find_their_visit_by_never_changes(
    world: World, model: type[Model], link: str, step: walk.Walk
) -> None:
    with pgtrigger.ignore(), transaction.atomic(), pytest.raises(DatabaseError, match="stays with it"):
        model._default_manager.update(**{f"{link}_id": 0})


@in_one_transaction
def test_a_row_before_the_row_it_belongs_to_is_refused(world: World, step: walk.Walk) -> None:
    (result,) = step.visit.benefit_results.all()
    line = result.lines.first()
    line.pk, line.result_id = None, result.pk + 1
    with transaction.atomic(), pytest.raises(DatabaseError, match="visit_id"):
        line.save()


@in_one_transaction
def test_what_could_not_be_built_stays_stale(world: World, step: walk.Walk) -> None:
    walk.lose_diagnoses(step.visit)
    for _ in range(2):
        progress = build_month(month=MONTH, actor=step.place.actor("claims"), at=at(18))
        assert (progress.built, len(progress.errors)) == (0, 1)
        assert Claim.objects.filter(visit=step.visit, is_current=True).exists()
        assert not is_fresh(step)


# Changes that overlap with building


class Elsewhere:
    """Another connection, whose transaction is ended by the test."""

    def __init__(self) -> None:
        self._thread, self._open = ThreadPoolExecutor(max_workers=1), ExitStack()

    def write(self, change: Callable[[], object]) -> None:
        """Change something in a transaction that stays open."""
        self._thread.submit(lambda: (self._open.enter_context(transaction.atomic()), change())).result(timeout=60)

    def commit(self) -> None:
        self._thread.submit(self._open.close).result(timeout=60)

    def end(self) -> None:
        self._thread.submit(lambda: (self._open.close(), connection.close())).result(timeout=60)
        self._thread.shutdown()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    other = Elsewhere()
    yield other
    other.end()


@over_two_connections
def test_a_change_begun_before_the_claim_was_built_and_committed_after_it_is_seen(
    world: World, elsewhere: Elsewhere, step: walk.Walk
) -> None:
    """The transaction of the change knows no claim, and building does not know the change."""
    for model in (*OF_THE_VISIT, *NAMED):
        Claim.objects.update(data_version="")
        elsewhere.write(lambda model=model: touch(model._default_manager.all()))  # type: ignore[misc]
        build(step)
        assert is_fresh(step), model
        elsewhere.commit()
        assert not is_fresh(step), model
        build(step)
        assert is_fresh(step), model


@over_two_connections
def test_the_export_after_such_a_change_has_the_new_value(world: World, elsewhere: Elsewhere, tmp_path: Path) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()

    def weight(folder: str) -> str:
        export_month(month=MONTH, out_dir=tmp_path / folder, actor=world.hospital.actor("claims"), at=at(18))
        file = tmp_path / folder / f"{step.visit.claim_code}.xml"
        return money_audit.tables_of(file.read_bytes())["XML1"][0]["CAN_NANG"]

    elsewhere.write(lambda: VitalSigns.objects.update(weight_kg="61.50"))
    before = weight("before")
    elsewhere.commit()
    assert (weight("after"), before != "61.50") == ("61.50", True)


@over_two_connections
@pytest.mark.parametrize(
    ("moment", "read"), [("begin", (True, True)), ("gather", (False, True)), ("store", (False, False))]
)
def test_a_change_committed_in_the_middle_of_building_is_read_or_noted(
    world: World,
    elsewhere: Elsewhere,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    read: tuple[bool, bool],
    step: walk.Walk,
) -> None:
    """`read` tells of the patient's phone, which is read before `gather`, and of the weight, which is read in it."""
    visit = step.visit.pk
    elsewhere.write(
        lambda: (Patient.objects.update(phone="0912 000 222"), VitalSigns.objects.update(weight_kg="61.50"))
    )
    Claim.objects.update(data_version="")
    owner = fresh if moment == "begin" else services
    real = getattr(owner, moment)
    monkeypatch.setattr(owner, moment, lambda *args: (elsewhere.commit(), real(*args))[1])
    build(step)
    claim = Claim.objects.get(visit=visit, is_current=True)
    assert ("0912 000 222" in claim.body, "61.50" in claim.body) == read
    assert is_fresh(step) == all(read)
    monkeypatch.undo()
    claim = build(step)
    assert is_fresh(step)
    assert "0912 000 222" in claim.body
    assert "61.50" in claim.body


@over_two_connections
def test_a_build_that_was_undone_leaves_the_claim_stale(world: World, step: walk.Walk) -> None:
    touch(VitalSigns.objects.all())
    with transaction.atomic():
        build(step)
        assert is_fresh(step)
        transaction.set_rollback(True)
    assert not is_fresh(step)

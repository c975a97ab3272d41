"""What every service guarantees: permission, isolation, one transaction, one audit entry, once for a repeated key."""

from datetime import UTC, datetime, timedelta

import pgtrigger
import pytest
from django.db import connection, transaction
from django.db.utils import InternalError

from his.accounts.actor import Actor
from his.accounts.models import Department
from his.audit.models import AuditEntry
from his.audit.record import Entry, append_entries, broken_positions, digest_of
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.service import audit_facts, service
from tests.cast import World


@service(action="tests.rename", permission="accounts.manage")
def rename(*, department: Department, name: str, actor: Actor, idempotency_key: str = "") -> Department:
    """Rename a department; refuses an empty name after it has written."""
    department.name = name
    department.save()
    audit_facts(length=len(name))
    if not name:
        raise Refusal("empty", "Tên trống", field="name")
    return department


@service(action="tests.append", permission="accounts.manage")
def append(*, department: Department, text: str, actor: Actor, idempotency_key: str = "") -> Department:
    """Add text to the name."""
    department.refresh_from_db()
    return rename(department=department, name=department.name + text, actor=actor)


@service(action="tests.step", permission=None)
def step(*, actor: Actor) -> None:
    """Only inside another service."""


def test_a_service_asks_for_its_permission(world: World) -> None:
    department = world.hospital.departments["K01"]
    with pytest.raises(PermissionRefused):
        rename(department=department, name="Khác", actor=world.hospital.actor("cashier"))


def test_an_object_of_another_facility_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        rename(department=world.station.departments["K01"], name="Khác", actor=world.hospital.actor("admin"))


def test_a_refusal_takes_everything_back(world: World) -> None:
    department = world.hospital.departments["K01"]
    before = AuditEntry.objects.count()
    with pytest.raises(Refusal):
        rename(department=department, name="", actor=world.hospital.actor("admin"))
    department.refresh_from_db()
    assert department.name == "Khám bệnh"
    assert AuditEntry.objects.count() == before


def test_one_entry_for_each_service_of_a_call_in_one_chain(world: World) -> None:
    department = world.hospital.departments["K01"]
    append(department=department, text=" A", actor=world.hospital.actor("admin"))
    entries = list(AuditEntry.objects.for_facility(world.hospital.facility).order_by("-position")[:2])
    assert [entry.action for entry in entries] == ["tests.append", "tests.rename"]
    assert entries[1].facts["length"] == len("Khám bệnh A")
    assert broken_positions(world.hospital.facility, entries[0].month) == []


def test_the_database_computes_the_digest_that_python_checks(world: World) -> None:
    """Also after entries that were written before, for every kind of fact, and over the end of a month."""
    facility, at = world.hospital.facility, datetime(2031, 3, 31, 16, 59, 59, 123456, tzinfo=UTC)
    odd = {
        "lô": "L'1",
        "x": 'a"b\\c',
        "percent": "100% %s %(n)s",
        "none": None,
        "yes": True,
        "n": 7,
        "dòng": "a\nb\t;--",
    }
    first = AuditEntry(
        facility=facility, month="2031-03", position=1, at=at, user_id=None, action="cũ", object_type="", facts=odd
    )
    first.digest = digest_of(first)
    first.save()
    user = world.hospital.users["admin"].pk
    append_entries(facility, [Entry(user, "a", "his.user", 5, odd), Entry(None, "b", "", None, {})], at=at)
    append_entries(facility, [Entry(user, "c", "", None, odd)], at=at + timedelta(seconds=1))
    rows = AuditEntry.objects.for_facility(facility).filter(at__gte=at).order_by("pk")
    assert [(row.month, row.position) for row in rows] == [("2031-03", n) for n in (1, 2, 3)] + [("2031-04", 1)]
    assert [row.digest for row in rows] == [digest_of(row) for row in rows]
    assert rows[1].facts == rows[3].facts == odd
    assert broken_positions(facility, "2031-03") == broken_positions(facility, "2031-04") == []


def test_a_changed_entry_breaks_the_chain(world: World) -> None:
    append(department=world.hospital.departments["K01"], text=" A", actor=world.hospital.actor("admin"))
    entry = AuditEntry.objects.for_facility(world.hospital.facility).order_by("-position")[0]
    with pgtrigger.ignore("his.AuditEntry:append_only"):
        AuditEntry.objects.filter(pk=entry.pk).update(action="khác")
    assert broken_positions(world.hospital.facility, entry.month) == [entry.position]


def test_audit_entries_cannot_be_changed_or_deleted(world: World) -> None:
    append(department=world.hospital.departments["K01"], text=" A", actor=world.hospital.actor("admin"))
    entry = AuditEntry.objects.order_by("-id")[0]
    with pytest.raises(InternalError), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).update(action="khác")
    with pytest.raises(InternalError), transaction.atomic():
        entry.delete()


def test_a_repeated_key_acts_once(world: World) -> None:
    department = world.hospital.departments["K01"]
    for _ in range(2):
        answer = append(department=department, text="!", actor=world.hospital.actor("admin"), idempotency_key="bấm-đúp")
        assert answer.pk == department.pk
    department.refresh_from_db()
    assert department.name == "Khám bệnh!"


def test_a_step_runs_only_inside_a_service(world: World) -> None:
    with pytest.raises(RuntimeError):
        step(actor=world.hospital.actor("admin"))


@pytest.mark.django_db(transaction=True)
def test_a_service_is_answered_when_it_is_on_the_disk_though_its_locks_ended_before(world: World) -> None:
    """The commit itself does not wait; without the wait after it, the log would not be written that far yet."""

    @service(action="tests.place_in_log", permission="accounts.manage")
    def place_in_log(*, department: Department, actor: Actor) -> tuple[str, str]:
        Department.objects.filter(pk=department.pk).update(name="Khám")
        return ask("SELECT current_setting('synchronous_commit'), pg_current_wal_insert_lsn()")

    def ask(question: str, *values: object) -> tuple:
        with connection.cursor() as cursor:
            cursor.execute(question, values)
            return tuple(cursor.fetchone())

    ask("SELECT set_config('synchronous_commit', 'on', false)")  # the cluster of the tests does not wait by itself
    for _ in range(10):
        waits, place = place_in_log(department=world.hospital.departments["K01"], actor=world.hospital.actor("admin"))
        assert waits == "off"
        assert ask("SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn, current_setting('synchronous_commit')", place) == (
            True,
            "on",
        )

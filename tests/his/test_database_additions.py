"""Tables made in one step are those that Django makes one operation after another, and what is stored stays right."""

import pytest
from django.db import connection, models, transaction
from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    CreateModel,
    Migration,
    RemoveField,
    RunPython,
)
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.state import ProjectState
from django.db.models.deletion import PROTECT
from pgtrigger import Delete, Protect
from pgtrigger.migrations import AddTrigger

from his.database.additions import Additions, join_additions

_TABLES = "('trial_ward', 'trial_bed', 'trial_stay', 'trial_stay_wards')"
_CATALOG = f"""
    SELECT 'column', table_name::text, lpad(ordinal_position::text, 2), concat_ws(' ', column_name, data_type,
           is_nullable, column_default, is_identity)
    FROM information_schema.columns WHERE table_name IN {_TABLES}
    UNION ALL SELECT 'constraint', relname, conname, pg_get_constraintdef(r.oid)
    FROM pg_constraint r JOIN pg_class c ON c.oid = conrelid WHERE relname IN {_TABLES}
    UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE tablename IN {_TABLES}
    UNION ALL SELECT 'trigger', relname, tgname, pg_get_triggerdef(t.oid)
    FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE relname IN {_TABLES} AND NOT tgisinternal
    ORDER BY 1, 2, 3, 4"""


def _key() -> tuple[str, models.Field]:
    return "id", models.BigAutoField(primary_key=True)


def _put_rows(apps, _schema_editor) -> None:
    apps.get_model("trial", "Bed").objects.create(code="G1", ward=apps.get_model("trial", "Ward").objects.create())


class _Trial(Migration):
    """A table, rows in it, then a run that adds tables and also changes those that have rows."""

    operations = [
        CreateModel("Ward", [_key(), ("floor", models.IntegerField(default=1))]),
        CreateModel("Bed", [_key(), ("code", models.CharField(max_length=10))]),
        AddField("bed", "ward", models.ForeignKey("trial.ward", PROTECT, null=True)),
        AddConstraint("bed", models.UniqueConstraint(fields=["ward", "code"], name="bed_code_once")),
        AlterField("ward", "floor", models.SmallIntegerField(default=1)),
        RunPython(_put_rows),
        CreateModel("Stay", [_key(), ("days", models.IntegerField())]),
        AddField("ward", "name", models.CharField(max_length=20, default="Nội"), preserve_default=False),
        AddField("ward", "last_stay", models.ForeignKey("trial.stay", PROTECT, null=True)),
        AddField("stay", "bed", models.ForeignKey("trial.bed", PROTECT)),
        AddField("stay", "wards", models.ManyToManyField("trial.ward", related_name="+")),
        AddIndex("stay", models.Index(fields=["bed", "days"], name="stay_bed")),
        AddConstraint("stay", models.CheckConstraint(condition=models.Q(days__gt=0), name="stay_has_days")),
        AddConstraint(
            "stay", models.UniqueConstraint(fields=["bed"], condition=models.Q(days=1), name="stay_short_once")
        ),
        AddConstraint("ward", models.CheckConstraint(condition=~models.Q(name=""), name="ward_has_name")),
        AddTrigger("stay", Protect(name="kept", operation=Delete)),
        AddTrigger("ward", Protect(name="kept", operation=Delete)),
        RemoveField("bed", "code"),
    ]


def _apply(migration: Migration) -> list[tuple[str, ...]]:
    """Apply it, answer what the database then says of its tables and rows, and take it back."""
    with transaction.atomic():
        with connection.schema_editor() as editor:
            migration.apply(ProjectState(), editor)
        with connection.cursor() as cursor:
            cursor.execute(_CATALOG)
            found = cursor.fetchall()
            cursor.execute("SELECT 'row', name, floor::text, ward_id::text FROM trial_ward, trial_bed")
            found += cursor.fetchall()
        transaction.set_rollback(True)
    return found


@pytest.mark.django_db(transaction=True)
def test_joined_additions_leave_the_same_tables_and_rows():
    one_by_one, joined = _Trial("0001_trial", "trial"), _Trial("0001_trial", "trial")
    join_additions(plan=[(joined, False)])
    runs = [type(operation).__name__ for operation in joined.operations]
    assert runs == ["Additions", "AlterField", "RunPython", "Additions", "RemoveField"]
    expected = _apply(one_by_one)
    assert {row[0] for row in expected} == {"column", "constraint", "index", "trigger", "row"}
    assert _apply(joined) == expected


def test_a_migration_that_is_taken_back_stays_as_it_is_written():
    migration = _Trial("0001_trial", "trial")
    join_additions(plan=[(migration, True)])
    assert migration.operations == _Trial.operations
    migration.operations = [Additions(_Trial.operations[:2])]
    with pytest.raises(IrreversibleError):
        migration.unapply(ProjectState(), None)

"""Make tables quickly: what a migration only adds is added in one step.

After every single operation Django makes all models that are related to the changed one again in memory. Here nearly
all models are related, so that an empty database took a minute, of which PostgreSQL used three seconds. A run of
operations that only add needs their models once, as they are after the last one. Migration files stay as
`makemigrations` writes them, and the tables come out the same.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddConstraint, AddField, AddIndex, CreateModel, Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger

_WITH_ITS_TABLE = (AddField, AddIndex, AddConstraint)
"""What `CREATE TABLE` and what goes with it bring along when the model has it already."""
_ADDING = {CreateModel, AddTrigger, *_WITH_ITS_TABLE}


class Additions(Operation):
    """A run of operations that only add, done with the models as they are after the last one. Forwards only."""

    reversible = False

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Bring the state forward; its models are made when they are next asked for, and not in between."""
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Add everything in the order of the migration; a new table comes with all its columns and constraints."""
        new = {operation.name_lower for operation in self.operations if isinstance(operation, CreateModel)}
        for operation in self.operations:
            if not (isinstance(operation, _WITH_ITS_TABLE) and operation.model_name_lower in new):
                operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return "; ".join(operation.describe() for operation in self.operations)


def join_additions(*, plan: list[tuple[Migration, bool]], **_: Any) -> None:
    """Receiver of `pre_migrate`: join the runs of additions of every migration that is about to be applied."""
    for migration, is_backwards in plan:
        if not is_backwards:
            vars(migration)["operations"] = _joined(migration.operations)  # its own, not those of its class


def _joined(operations: Sequence[Operation]) -> list[Operation]:
    joined: list[Operation] = []
    for adds, run in groupby(operations, lambda operation: type(operation) in _ADDING):
        found = list(run)
        joined += [Additions(found)] if adds and len(found) > 1 else found
    return joined

"""One migrated, empty database for all workers and runs, which PostgreSQL copies in a fraction of a second."""

import hashlib
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper

from his.database import additions

_PREFIX, _UNFINISHED = "test_template_", "test_template_unfinished"
_LOCK = 20_261_006  # any number that nothing else takes


def migrated_template(connection: BaseDatabaseWrapper) -> str:
    """The name of the migrated database to copy; it is made, and older ones removed, when the migrations changed."""
    creation: Any = connection.creation
    name = _PREFIX + _print_of_migrations()
    with creation._nodb_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])  # the second worker waits for what the first one makes
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_PREFIX])
        found = {row[0] for row in cursor.fetchall()}
        if name not in found:
            for old in found:
                cursor.execute(f'DROP DATABASE "{old}"')
            _make(connection, _UNFINISHED)
            cursor.execute(f'ALTER DATABASE "{_UNFINISHED}" RENAME TO "{name}"')
    return name


def _make(connection: Any, name: str) -> None:
    """Create and migrate a database; the connection's settings stay as they were."""
    settings = connection.settings_dict
    kept, kept_test = settings["NAME"], settings["TEST"]["NAME"]
    settings["TEST"]["NAME"] = name
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        settings["NAME"], settings["TEST"]["NAME"] = kept, kept_test


def _print_of_migrations() -> str:
    folders = sorted(Path(app.path) / "migrations" for app in apps.get_app_configs())
    digest = hashlib.sha256(Path(additions.__file__).read_bytes())
    for path in (path for folder in folders for path in sorted(folder.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]

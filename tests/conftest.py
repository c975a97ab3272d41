"""What all tests share: a PostgreSQL of their own, which never touches the data of the demo."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from hypothesis import HealthCheck
from hypothesis import settings as examples
from pytest_django import DjangoDbBlocker, Settings

from his.database.config import cluster_settings, clusters
from his.database.launcher import ensure_running
from tests.browser import chromium
from tests.cast import world
from tests.template import migrated_template

examples.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("busy")  # a busy machine is no defect of the code


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Use the throw-away cluster, or the server of DATABASE_URL; the databases are copies of one migrated template."""
    database = connections.settings["default"]
    if database["ENGINE"] == "his.database.backend":
        _, throw_away = clusters(Path(settings.VAR_DIR))
        ensure_running(throw_away)  # also replaces one that another version of PostgreSQL made
        database.update(cluster_settings(throw_away))
    with django_db_blocker.unblock():
        database["TEST"]["TEMPLATE"] = migrated_template(connections["default"])


@pytest.fixture(autouse=True)
def quick_password_hash(settings: Settings) -> None:
    """Hash passwords quickly: the tests make accounts by the dozen."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


__all__ = ["chromium", "django_db_modify_db_settings", "quick_password_hash", "world"]

"""What all tests share: a PostgreSQL of their own, which never touches the data of the demo."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from pytest_django import Settings

from his.database.config import cluster_settings, clusters
from his.database.launcher import ensure_running
from tests.browser import chromium
from tests.cast import world


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Point the embedded backend at the throw-away cluster; with DATABASE_URL, use that server."""
    database = connections.settings["default"]
    if database["ENGINE"] == "his.database.backend":
        _, throw_away = clusters(Path(settings.VAR_DIR))
        ensure_running(throw_away)  # also replaces one that another version of PostgreSQL made
        database.update(cluster_settings(throw_away))


@pytest.fixture(autouse=True)
def quick_password_hash(settings: Settings) -> None:
    """Hash passwords quickly: the tests make accounts by the dozen."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


__all__ = ["chromium", "django_db_modify_db_settings", "quick_password_hash", "world"]

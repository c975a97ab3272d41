"""What all tests share: a PostgreSQL of their own, which never touches the data of the demo."""

import gc
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings
from hypothesis import HealthCheck
from hypothesis import settings as examples
from pytest_django import DjangoDbBlocker

from his.database.config import cluster_settings, clusters
from his.database.launcher import ensure_running
from tests.browser import chromium, pytest_runtest_makereport
from tests.cast import world
from tests.reports.month import claimed_month, hospital_month, list_month, station_month, ward_month
from tests.scenes import all_scenes, scenes, scenes_come_first
from tests.template import migrated_template

examples.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.register_profile("gate", examples.get_profile("busy"), derandomize=True)
examples.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "busy"))  # a busy machine is no defect of the code


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


@pytest.fixture(scope="session", autouse=True)
def quick_password_hash() -> Iterator[None]:
    """Hash passwords quickly: the tests make accounts by the dozen."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


def pytest_collection_finish(session: pytest.Session) -> None:
    """Load every page now: a module first imported under a test's stopped clock would keep that clock for good.

    Modules and tests live as long as the run: the collector of garbage need not look at them again and again.
    """
    import_module(settings.ROOT_URLCONF)
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The scenes that tests share lie below the transactions of the tests."""
    scenes_come_first(items)


__all__ = [
    "all_scenes",
    "chromium",
    "claimed_month",
    "django_db_modify_db_settings",
    "hospital_month",
    "list_month",
    "pytest_runtest_makereport",
    "quick_password_hash",
    "scenes",
    "station_month",
    "ward_month",
    "world",
]

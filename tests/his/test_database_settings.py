"""Where the database is: the embedded cluster, or the server that DATABASE_URL names."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from his.database.config import database_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("url", ["mysql://his@localhost/his", "sqlite:///his.db", "his", "localhost:5432/his"])
def test_a_url_of_another_database_is_refused_by_name(monkeypatch, tmp_path, url):
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        database_settings(tmp_path)


def test_a_wrong_port_is_refused_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgresql://his@db:99999/his")
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        database_settings(tmp_path)


def test_every_part_of_the_url_counts(monkeypatch, tmp_path):
    monkeypatch.setenv(
        "DATABASE_URL", "postgresql://b%40s:p%2Fw@db.example:6432/ho_so?sslmode=require&application_name=x"
    )
    found = database_settings(tmp_path)
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("b@s", "p/w", "db.example", "6432")
    assert found["NAME"] == "ho_so"
    assert found["OPTIONS"] == {"sslmode": "require", "application_name": "x"}


def test_a_socket_folder_may_be_given_as_host(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgresql:///his?host=/run/postgresql")
    assert database_settings(tmp_path)["HOST"] == "/run/postgresql"


def test_without_a_url_the_cluster_lies_in_the_var_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    found = database_settings(tmp_path)
    assert found["CLUSTER"] == str(tmp_path / "pg")
    assert found["DURABLE"] is True


@pytest.mark.django_db
def test_the_tests_use_a_server_that_fits_and_data_of_their_own():
    assert connection.get_database_version() >= (15,)
    assert connection.settings_dict["NAME"].startswith("test_")
    if connection.settings_dict["ENGINE"] == "his.database.backend":
        assert connection.settings_dict["CLUSTER"] == str(settings.VAR_DIR / "test-pg")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('fsync'), rolsuper FROM pg_roles WHERE rolname = current_user")
            assert cursor.fetchone() == ("off", False)


@pytest.mark.django_db
def test_the_database_folds_vietnamese_and_has_the_extensions():
    with connection.cursor() as cursor:
        cursor.execute("SELECT lower('ĐẶNG THỊ ỄN')")
        assert cursor.fetchone() == ("đặng thị ễn",)
        cursor.execute("SELECT name FROM pg_available_extensions")
        assert {"pg_trgm", "btree_gist", "unaccent"} <= {name for (name,) in cursor.fetchall()}


def test_psycopg_3_is_not_installed():
    """With it Django would quietly drop psycopg2, and the streams of COPY that the export needs would be gone."""
    assert find_spec("psycopg") is None


def test_every_variable_that_is_read_is_documented():
    read = {"DATABASE_URL"}
    for path in (ROOT / "his").rglob("*.py"):
        read |= set(re.findall(r"""["'](HIS_[A-Z0-9_]+)["']""", path.read_text(encoding="utf-8")))
    table = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)`", table, re.MULTILINE))
    assert documented == read

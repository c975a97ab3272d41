"""Where the database is: DATABASE_URL when set, else the private embedded cluster."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from his.database.launcher import DATABASE, Cluster


def clusters(var_dir: Path) -> tuple[Cluster, Cluster]:
    """The cluster with the data, and the one of the tests, which may be thrown away."""
    return Cluster(var_dir / "pg"), Cluster(var_dir / "test-pg", durable=False)


def cluster_settings(cluster: Cluster) -> dict[str, Any]:
    """The part of Django's settings that names the cluster for `his.database.backend`."""
    return {"CLUSTER": str(cluster.folder), "DURABLE": cluster.durable}


def database_settings(var_dir: Path) -> dict[str, Any]:
    """Django's settings for the one database. Raises ImproperlyConfigured when DATABASE_URL is not PostgreSQL."""
    url = os.environ.get("DATABASE_URL")
    return _from_url(url) if url else _embedded(var_dir)


def _from_url(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    try:
        port = str(parts.port or "")
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: {error}") from error
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must start with postgresql://")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "his",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": port,
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def _embedded(var_dir: Path) -> dict[str, Any]:
    return {
        "ENGINE": "his.database.backend",
        "NAME": DATABASE,
        **cluster_settings(clusters(var_dir)[0]),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {},
    }

"""Where the database is: DATABASE_URL when set, else the private embedded cluster."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SOCKET_DATABASE = "his"


def database_settings(var_dir: Path) -> dict[str, Any]:
    """Django's settings for the one database. Raises ImproperlyConfigured when DATABASE_URL is not PostgreSQL."""
    url = os.environ.get("DATABASE_URL")
    return _from_url(url) if url else _embedded(var_dir)


def _from_url(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must start with postgresql://")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "his",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def _embedded(var_dir: Path) -> dict[str, Any]:
    return {
        "ENGINE": "his.database.backend",
        "NAME": SOCKET_DATABASE,
        "VAR_DIR": str(var_dir),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {},
    }

"""Typed settings from the environment. A wrong value stops the start and names the variable."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str | None = None) -> str:
    """The variable as text. Without a default the variable must be set."""
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} must be set")
    return value


def flag(name: str, default: bool) -> bool:
    """The variable as yes or no."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.casefold() in _TRUE:
        return True
    if value.casefold() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be one of {sorted(_TRUE | _FALSE)}, not {value!r}")


def number(name: str, default: int, *, least: int = 0) -> int:
    """The variable as a whole number of at least `least`."""
    value = os.environ.get(name)
    if value is None:
        return default
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {least}, not {value!r}")
    return int(value)


def words(name: str, default: list[str]) -> list[str]:
    """The variable as a list separated by commas."""
    value = os.environ.get(name)
    return default if value is None else [word.strip() for word in value.split(",") if word.strip()]


def folders(name: str) -> list[Path]:
    """The variable as folders that exist, separated as in PATH; none when it is not set."""
    paths = [Path(part).expanduser().resolve() for part in os.environ.get(name, "").split(os.pathsep) if part.strip()]
    for path in paths:
        if not path.is_dir():
            raise ImproperlyConfigured(f"{name}: {path} is no folder")
    return paths


def folder(name: str, default: Path) -> Path:
    """The variable as an absolute folder."""
    return Path(os.environ.get(name, default)).expanduser().resolve()

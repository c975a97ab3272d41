"""Static files that come from installed packages: the interface font.

The font is not a file of this repository. The finder shows the few cuts that the stylesheet uses as
`fonts/<file>.ttf`, for the server in development, for whitenoise and for `collectstatic` alike.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import fontpkg
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

FAMILY = "Be Vietnam Pro"
CUTS = ((400, "normal"), (400, "italic"), (500, "normal"), (600, "normal"), (700, "normal"))


def font_files() -> dict[str, Path]:
    """Path under the static root -> file in the installed package."""
    paths = [fontpkg.path(FAMILY, weight, style) for weight, style in CUTS]
    return {f"fonts/{path.name}": path for path in paths}


class FontFinder(BaseFinder):
    """Finds the interface font in its package."""

    def __init__(self, app_names: object = None, *args: Any, **kwargs: Any) -> None:
        self.files = font_files()
        folder = next(iter(self.files.values())).parent
        self.storage = FileSystemStorage(location=str(folder))
        self.storage.prefix = "fonts"  # type: ignore[attr-defined]

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        found = self.files.get(Path(path).as_posix())
        if found is None:
            return []
        return [str(found)] if find_all else str(found)

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        for path in self.files.values():
            yield path.name, self.storage

"""Files that a facility handed in, kept between the preview and the import; each under a name nobody can guess.

A folder holds the file under its own name, what was asked (`ask.json`) and the findings (`findings.csv`). It is
removed by the import, and a day later at the latest.
"""

import json
import re
import shutil
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import get_valid_filename

from his.accounts.models import Facility
from his.catalogs.report import ImportReport, write_errors
from his.core.errors import NotFound

KEPT_SECONDS = 24 * 3600
SHOWN = 50
_OWN = ("ask.json", "findings.csv")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file waiting for its import: what it is to be, from which day, and what the preview found."""

    token: UUID
    folder: Path
    file: Path
    kind: str
    effective_on: date | None
    open_ended: bool
    seen: dict[str, Any]

    @property
    def findings(self) -> Path:
        """The errors and warnings of the preview as CSV."""
        return self.folder / "findings.csv"


def keep(facility: Facility, file: UploadedFile, *, kind: str, effective_on: date | None, open_ended: bool) -> Upload:
    """Store a file for the facility; files of earlier days go."""
    home = _home(facility)
    _sweep(home)
    token = uuid4()
    folder = home / str(token)
    folder.mkdir(parents=True, mode=0o700)
    path = folder / _safe_name(file.name or "")
    with path.open("wb") as target:
        for chunk in file.chunks():
            target.write(chunk)
    return Upload(token, folder, path, kind, effective_on, open_ended, {})


def remember(upload: Upload, report: ImportReport, refused_vi: str) -> None:
    """Write down what the preview found; `refused_vi` is empty when the file can be imported."""
    write_errors(report.findings, upload.findings)
    names = ("read", "added", "changed", "unchanged", "closed")
    seen = {
        **{name: getattr(report, name) for name in names},
        "errors": len(report.errors),
        "warnings": len(report.warnings),
        "refused": refused_vi,
        "findings": [
            {"row": one.row, "column": one.column, "message": one.message_vi, "value": one.value, "kind": one.severity}
            for one in report.findings[:SHOWN]
        ],
    }
    ask = {
        "file": upload.file.name,
        "kind": upload.kind,
        "effective_on": upload.effective_on.isoformat() if upload.effective_on else None,
        "open_ended": upload.open_ended,
        "seen": seen,
    }
    (upload.folder / "ask.json").write_text(json.dumps(ask, ensure_ascii=False), encoding="utf-8")


def find(facility: Facility, token: UUID) -> Upload:
    """The upload of this facility; one of another facility, or one that was imported, is not found."""
    folder = _home(facility) / str(token)
    try:
        ask = json.loads((folder / "ask.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound("Tệp này không còn, hãy nộp lại") from None
    day = date.fromisoformat(ask["effective_on"]) if ask["effective_on"] else None
    return Upload(token, folder, folder / ask["file"], ask["kind"], day, ask["open_ended"], ask["seen"])


def discard(upload: Upload) -> None:
    """Remove the file and what was found in it."""
    shutil.rmtree(upload.folder, ignore_errors=True)


def _home(facility: Facility) -> Path:
    return Path(settings.VAR_DIR) / "uploads" / facility.code


def _safe_name(name: str) -> str:
    """The file's own name without folders and odd signs: the import's audit entry carries it."""
    safe = get_valid_filename(re.sub(r"^.*[/\\]", "", name) or "tep")
    return f"tep-{safe}" if safe in _OWN else safe


def _sweep(home: Path) -> None:
    oldest = time.time() - KEPT_SECONDS
    for folder in home.glob("*") if home.is_dir() else ():
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)

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
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import get_valid_filename

from his.accounts.models import Facility
from his.catalogs.item_models import ItemKind
from his.catalogs.report import FIELDS_VI, WHAT_VI, Change, ImportReport, write_changes, write_errors
from his.core.errors import NotFound
from his.ui.text import day_text, decimal_text

KEPT_SECONDS = 24 * 3600
SHOWN = 50
_AMOUNTS = frozenset({"price", "insured_price", "on_demand_price", "payment_rate", "bid_quantity", "use_norm"})
_OWN = ("ask.json", "findings.csv", "changes.csv")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file waiting for its import: what it is to be, from which day, and what the preview found."""

    token: UUID
    folder: Path
    file: Path
    kind: str
    effective_on: date | None
    open_ended: bool
    replaces: bool
    seen: dict[str, Any]

    @property
    def findings(self) -> Path:
        """The errors and warnings of the preview as CSV."""
        return self.folder / "findings.csv"

    @property
    def changes(self) -> Path:
        """What the import would do to each row as CSV."""
        return self.folder / "changes.csv"


def keep(
    facility: Facility,
    file: UploadedFile,
    *,
    kind: str,
    effective_on: date | None,
    open_ended: bool,
    replaces: bool = False,
) -> Upload:
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
    return Upload(token, folder, path, kind, effective_on, open_ended, replaces, {})


def remember(upload: Upload, report: ImportReport, refused_vi: str) -> None:
    """Write down what the preview found; `refused_vi` is empty when the file can be imported."""
    write_errors(report.findings, upload.findings)
    write_changes(report.changes, upload.changes)
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
        "differences": len(report.changes),
        "changes": [_shown(one) for one in report.changes[:SHOWN]],
    }
    ask = {
        "file": upload.file.name,
        "kind": upload.kind,
        "effective_on": upload.effective_on.isoformat() if upload.effective_on else None,
        "open_ended": upload.open_ended,
        "replaces": upload.replaces,
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
    how = (ask["kind"], day, ask["open_ended"], ask["replaces"])
    return Upload(token, folder, folder / ask["file"], *how, ask["seen"])


def discard(upload: Upload) -> None:
    """Remove the file and what was found in it."""
    shutil.rmtree(upload.folder, ignore_errors=True)


def _shown(one: Change) -> dict[str, Any]:
    order = list(FIELDS_VI)
    fields = sorted((f for f in one.fields if f[0] in FIELDS_VI), key=lambda f: order.index(f[0]))
    named = [(FIELDS_VI[f], _amount(f, before), _amount(f, after)) for f, before, after in fields]
    return {
        "what": one.what,
        "what_vi": WHAT_VI[one.what],
        "row": one.row,
        "code": one.code,
        "name": one.name,
        "from": day_text(one.starts_on),
        "to": day_text(one.ends_on) if one.ends_on else "",
        "fields": named,
        "others": len(one.fields) - len(named),
    }


def _amount(field: str, value: str) -> str:
    if field == "kind":
        return dict(ItemKind.choices).get(value, value)
    return decimal_text(Decimal(value)) if value and field in _AMOUNTS else value


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

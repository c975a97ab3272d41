"""Claim files that a user handed in to be checked, with what was found, until a day later at the latest.

They may hold patients of another hospital: they lie only in a folder of the user under a name nobody can guess, never
in the database and never in a log. Every read asks for the user and the facility at which they handed them in.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import get_valid_filename

from his.accounts.actor import Actor
from his.core.errors import NotFound, Refusal
from insurance.rules.files import AUTO

KEPT_SECONDS = 24 * 3600
STALE_SECONDS = 300
"""A check that wrote nothing for so long has died."""
MOST_FILES = 2000

RUNNING, DONE, FAILED = "running", "done", "failed"


@dataclass(slots=True)
class Progress:
    """How far a check came, and at its end the figures of the whole."""

    state: str = RUNNING
    total_bytes: int = 0
    bytes_read: int = 0
    files: int = 0
    claims: int = 0
    claims_blocked: int = 0
    severities: dict[str, int] = field(default_factory=dict)
    standards: dict[str, int] = field(default_factory=dict)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    cannot_run: list[tuple[str, str, str]] = field(default_factory=list)
    passed_over: int = 0
    others: list[str] = field(default_factory=list)

    @property
    def percent(self) -> int:
        """Whole percent of the bytes."""
        return min(100, self.bytes_read * 100 // self.total_bytes) if self.total_bytes else 0


@dataclass(frozen=True, slots=True)
class FileCheckJob:
    """One check of one user. `own` says that the lists of the user's facility are asked as well."""

    token: UUID
    folder: Path
    facility: str
    names: tuple[str, ...]
    standard: str
    own: bool
    made_at: float

    @property
    def files(self) -> list[Path]:
        """The files that were handed in, each in a folder of its own; none once they were read."""
        return sorted(path for path in (self.folder / "in").glob("*/*") if path.is_file())

    @property
    def results(self) -> Path:
        """The findings and the claims they lie in."""
        return self.folder / "found.sqlite"

    @property
    def json_file(self) -> Path:
        """The list of findings as check_claims writes it."""
        return self.folder / "findings.json"

    @property
    def workbook(self) -> Path:
        """The list of findings as a spreadsheet."""
        return self.folder / "findings.xlsx"

    def progress(self) -> Progress:
        """How far the check came; one that has written nothing for long has failed."""
        path = self.folder / "progress.json"
        try:
            told = Progress(**json.loads(path.read_text("utf-8")))
            written = path.stat().st_mtime
        except FileNotFoundError:
            return Progress(FAILED)
        if told.state == RUNNING and time.time() - written > STALE_SECONDS:
            told.state = FAILED
        return told

    def tell(self, progress: Progress) -> None:
        """Write down how far the check came. Raises FileNotFoundError when the user took the check away."""
        fresh = self.folder / "progress.new"
        fresh.write_text(json.dumps(asdict(progress), ensure_ascii=False), "utf-8")
        os.replace(fresh, self.folder / "progress.json")


def keep(actor: Actor, files: Sequence[UploadedFile], *, standard: str = AUTO, own: bool = True) -> FileCheckJob:
    """Store files for a check by the actor. Earlier checks of the actor and those older than a day go.

    Refuses when there is no file, and more files or bytes than one check takes.
    """
    _refuse_too_much(files)
    sweep()
    home = _home(actor)
    shutil.rmtree(home, ignore_errors=True)
    token = uuid4()
    folder = home / str(token)
    folder.mkdir(parents=True, mode=0o700)
    for number, file in enumerate(files, 1):
        place = folder / "in" / f"{number:04}"
        place.mkdir(parents=True)
        with (place / _safe_name(file.name or "")).open("wb") as target:
            for chunk in file.chunks():
                target.write(chunk)
    names = tuple(_safe_name(file.name or "") for file in files)
    job = FileCheckJob(token, folder, actor.facility.code, names, standard, own, time.time())
    ask = {"facility": job.facility, "names": names, "standard": standard, "own": own, "made_at": job.made_at}
    (folder / "ask.json").write_text(json.dumps(ask, ensure_ascii=False), "utf-8")
    job.tell(Progress(total_bytes=sum(file.size or 0 for file in files)))
    return job


def find(actor: Actor, token: UUID) -> FileCheckJob:
    """The actor's own check at the facility where they work; any other is not found."""
    job = read(_home(actor) / str(token))
    if job is None or job.facility != actor.facility.code:
        raise NotFound("Lần kiểm tra này không còn, hãy nộp lại tệp")
    return job


def latest(actor: Actor) -> FileCheckJob | None:
    """The check that the actor may go back to."""
    sweep()
    jobs = (read(folder) for folder in _home(actor).glob("*"))
    return next((job for job in jobs if job is not None and job.facility == actor.facility.code), None)


def read(folder: Path) -> FileCheckJob | None:
    """The check in a folder, None when there is none."""
    try:
        ask: dict[str, Any] = json.loads((folder / "ask.json").read_text("utf-8"))
        token = UUID(folder.name)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return FileCheckJob(
        token, folder, ask["facility"], tuple(ask["names"]), ask["standard"], ask["own"], ask["made_at"]
    )


def discard(job: FileCheckJob) -> None:
    """Remove the files and everything found in them; a check that still runs ends by itself."""
    shutil.rmtree(job.folder, ignore_errors=True)


def forget_files(job: FileCheckJob) -> None:
    """Remove what was handed in; the findings stay."""
    shutil.rmtree(job.folder / "in", ignore_errors=True)


def sweep() -> None:
    """Remove every check that is older than a day, of all users."""
    oldest = time.time() - KEPT_SECONDS
    for folder in _root().glob("*/*"):
        job = read(folder)
        if job is None or job.made_at < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def _refuse_too_much(files: Iterable[UploadedFile]) -> None:
    sizes = [file.size or 0 for file in files]
    if not sizes:
        raise Refusal("no_file", "Hãy chọn ít nhất một tệp", field="files")
    if len(sizes) > MOST_FILES:
        raise Refusal("too_many", f"Tối đa {MOST_FILES} tệp một lần; hãy nén thành một tệp zip", field="files")
    if sum(sizes) > settings.CHECK_UPLOAD_MB << 20:
        said = (
            f"Các tệp nặng {sum(sizes) >> 20} MB, mỗi lần tối đa {settings.CHECK_UPLOAD_MB} MB; hãy nén zip, chia nhỏ, "
            "hoặc dùng lệnh check_claims"
        )
        raise Refusal("too_large", said, field="files")


def _root() -> Path:
    return Path(settings.VAR_DIR) / "checks"


def _home(actor: Actor) -> Path:
    return _root() / str(actor.user.pk)


def _safe_name(name: str) -> str:
    """The file's own name without folders and odd signs, as the list shows it."""
    return get_valid_filename(re.sub(r"^.*[/\\]", "", name).lstrip(".") or "tep.xml")[-120:]

"""Checking uploaded files, in a process beside the server, so that no desk waits for it.

`start` begins the process; `carry_out` does the work and writes down how far it came.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseFailure

from his.accounts.models import Facility
from his.database.errors import ClusterError
from insurance.checking.results import ResultsWriter
from insurance.checking.store import DONE, FAILED, RUNNING, FileCheckJob, Progress, forget_files, read
from insurance.rules.books import RuleBooks
from insurance.rules.catalogs import DatabaseCatalogs
from insurance.rules.engine import Catalogs, NoCatalogs
from insurance.rules.files import FileCheck, Summary
from insurance.rules.listing import Causes, Record, json_list, record_of
from insurance.rules.sources import Source, bytes_of, find_sources
from insurance.rules.workbook import FindingsBook

TELL_SECONDS = 0.5
MOST_UNREADABLE = 200
"""How many places that could not be read the screen names; the list has them all."""


def start(job: FileCheckJob) -> None:
    """Begin to check the files; answers at once."""
    subprocess.Popen(
        [sys.executable, "-m", "insurance.checking", str(job.folder)],
        cwd=settings.BASE_DIR,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def carry_out(folder: Path) -> None:
    """Check the files of a folder of the store: results, the list as JSON and as a workbook; the files go at the end.

    Ends when the user takes the check away meanwhile. What breaks leaves a failed check, without words of the files.
    """
    job = read(folder)
    if job is None:
        return
    try:
        _Work(job).carry_out()
    except FileNotFoundError:
        if read(folder) is not None:
            _fail(job)
    except Exception:
        _fail(job)
        raise


def _fail(job: FileCheckJob) -> None:
    forget_files(job)
    job.tell(Progress(FAILED))


class _Work:
    def __init__(self, job: FileCheckJob) -> None:
        self._job = job
        self._total = bytes_of(job.files)
        self._told_at = 0.0

    def carry_out(self) -> None:
        books = RuleBooks(_catalogs(self._job))
        results, book = ResultsWriter(self._job.results), FindingsBook(self._job.workbook)
        causes = Causes(books.rules)
        has_own = self._job.own and isinstance(books.catalogs, DatabaseCatalogs)
        check = FileCheck(
            books,
            self._job.standard,
            facility=self._job.facility if has_own else "",
            elsewhere=RuleBooks(DatabaseCatalogs(None)) if has_own else None,
            on_claim=results.claim,
            on_progress=self._tell,
        )

        def records() -> Iterator[Record]:
            for found in check.run(source for path in self._job.files for source in _named(path)):
                record = record_of(found)
                results.finding(found, causes.add(found, record))
                book.add(record)
                yield record

        with self._job.json_file.open("w", encoding="utf-8") as file:
            file.writelines(json_list(records()))
        results.close(causes.sorted())
        book.close(causes.sorted(), check.summary)
        forget_files(self._job)
        self._job.tell(self._progress(check.summary, DONE))

    def _tell(self, summary: Summary) -> None:
        now = time.monotonic()
        if now - self._told_at > TELL_SECONDS:
            self._told_at = now
            self._job.tell(self._progress(summary))

    def _progress(self, summary: Summary, state: str = RUNNING) -> Progress:
        return Progress(
            state=state,
            total_bytes=self._total,
            bytes_read=summary.bytes_read,
            files=summary.files,
            claims=summary.claims,
            claims_blocked=summary.claims_blocked,
            severities=dict(summary.severities),
            standards=dict(summary.standards),
            unreadable=summary.unreadable[:MOST_UNREADABLE],
            passed_over=summary.passed_over,
            others=summary.others,
            cannot_run=[(one.rule, one.title, one.need) for one in summary.cannot_run],
        )


def _named(path: Path) -> Iterator[Source]:
    """The files of an upload under the names that the user knows."""
    within = f"{path.parent}{os.sep}"
    for source in find_sources([path]):
        yield replace(source, name=source.name.removeprefix(within))


def _catalogs(job: FileCheckJob) -> Catalogs:
    """The lists to ask; none when there is no database to ask them from."""
    try:
        catalogs = DatabaseCatalogs(Facility.objects.filter(code=job.facility).first() if job.own else None)
        catalogs.has("icd10")
    except (DatabaseFailure, ClusterError):
        return NoCatalogs()
    return catalogs

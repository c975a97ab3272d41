"""`manage.py bench claims`: the export of a month against the least that the machine needs and against plain ways.

Every timed step runs in a process of its own (`steps`), on the same stored month. Seconds differ from machine to
machine and from minute to minute; the ratios are of steps that ran in turn.
"""

import json
import os
import re
import subprocess
import sys
from array import array
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, mkdtemp
from time import perf_counter
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from his.accounts.actor import system_actor
from his.accounts.models import Facility
from his.core.errors import Refusal
from his.demo.volume.widening import widen
from insurance.claims import fresh
from insurance.claims.queries import results_of_month
from insurance.claims.services import build_month

ROUNDS = 3
SLOW_CLAIMS = 4000
"""The plain ways are measured on at most this many claims, and their seconds scaled to the month."""
BUILD_STEP = 500
_CONTENT = re.compile(rb"<NOIDUNGFILE>([^<]*)")


def claim_figures(
    facility: Facility, month: date, say: Callable[[str], None] = lambda _text: None, times: int = 1
) -> dict[str, Any]:
    """Build the claims of the month, copy them to be there `times` times, then time the steps. Refuses figures of an
    export with errors."""
    started = perf_counter()
    built = build(facility, month, say)
    build_s = perf_counter() - started
    if times > 1:
        say(f"  đã chép thêm {widen(facility, month, times)} lượt khám")
    settle()
    started = perf_counter()
    fresh_claims = _fresh(facility, month)
    fresh_s = perf_counter() - started
    with TemporaryDirectory() as folder:
        steps = _Steps(facility, month, Path(folder), min(built, SLOW_CLAIMS), say)
        first = steps.run("export", keep_sizes=True)
        if first["errors"] or first["claims"] != fresh_claims:
            raise Refusal("bench", f"Số đo vô nghĩa: {first} với {fresh_claims} hồ sơ đúng")
        rounds = [(steps.run("floor"), steps.run("export")) for _ in range(ROUNDS)]
        slow = {name: steps.run(name) for name in ("reference", "prefetch")}
    floor_s = median(floor["seconds"] for floor, _ in rounds)
    export_s = median(export["seconds"] for _, export in rounds)
    scaled = {name: row["seconds"] * fresh_claims / row["claims"] for name, row in slow.items()}
    return {
        "claims": fresh_claims,
        "claims_copied": fresh_claims - built,
        "floor_s": round(floor_s, 3),
        "export_s": round(export_s, 3),
        "reference_s": round(scaled["reference"], 2),
        "prefetch_s": round(scaled["prefetch"], 2),
        "export_over_floor": round(export_s / floor_s, 3),
        "export_over_prefetch": round(scaled["prefetch"] / export_s, 1),
        "export_rss_mb": round(max(export["rss_mb"] for _, export in rounds), 1),
        "export_over_reference": round(scaled["reference"] / export_s, 1),
        "export_claims_per_second": round(fresh_claims / export_s, 1),
        "floor_cpu_s": round(median(floor["cpu_s"] for floor, _ in rounds), 3),
        "export_cpu_s": round(median(export["cpu_s"] for _, export in rounds), 3),
        "first_export_s": round(first["seconds"], 3),
        "slow_measured_on": slow["reference"]["claims"],
        "same_bytes_as_reference": slow["reference"]["digest"] == first["digest"],
        "claims_with_findings": first["with_findings"],
        "export_errors": first["errors"],
        "megabytes": round(steps.megabytes, 1),
        "build_s": round(build_s, 1),
        "build_claims_per_second": round(built / build_s, 1),
        "fresh_s": round(fresh_s, 3),
        "floor_all_s": [round(floor["seconds"], 3) for floor, _ in rounds],
        "export_all_s": [round(export["seconds"], 3) for _, export in rounds],
    }


def build(facility: Facility, month: date, say: Callable[[str], None]) -> int:
    """Build the claims of a month that are not true to their record; how many there are."""
    actor, cursor, built = system_actor(facility), "", 0
    while True:
        step = build_month(month=month, actor=actor, at=timezone.now(), after=cursor, limit=BUILD_STEP)
        built += step.built
        say(f"  đã lập {built} hồ sơ")
        if not step.cursor:
            return built
        cursor = step.cursor


def settle() -> None:
    """What autovacuum does within minutes at a working facility."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _fresh(facility: Facility, month: date) -> int:
    rows = results_of_month(facility, month).filter(fresh.is_fresh(facility))
    return rows.filter(Q(claim__isnull=False)).count()


class _Steps:
    """Runs steps, each in a new process and an empty folder.

    The folders stay until all is measured: where thousands of files were just deleted, new ones are made slowly.
    """

    def __init__(self, facility: Facility, month: date, folder: Path, limit: int, say: Callable[[str], None]) -> None:
        self._facility, self._month, self._folder, self._limit, self._say = facility, month, folder, limit, say
        self._sizes = folder / "sizes"
        self._sizes.touch()
        self.megabytes = 0.0

    def run(self, name: str, *, keep_sizes: bool = False) -> dict[str, Any]:
        out = mkdtemp(dir=self._folder)
        arguments = [name, self._facility.code, self._month.isoformat(), out, str(self._sizes), str(self._limit)]
        done = subprocess.run(
            [sys.executable, "-m", "his.demo.volume.steps", *arguments],
            env=os.environ | {"DATABASE_URL": address(), "DJANGO_SETTINGS_MODULE": "his.settings"},
            cwd=settings.BASE_DIR,
            stdout=subprocess.PIPE,
            check=True,
        )
        if keep_sizes:
            self._keep_sizes(Path(out))
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        self._say(f"  {name}: {figures['seconds']:.2f} giây, {figures['claims']} hồ sơ, {figures['rss_mb']:.0f} MB")
        return figures

    def _keep_sizes(self, out: Path) -> None:
        numbers = array("q")
        for path in sorted(out.glob("*.xml")):
            content = path.read_bytes()
            numbers.append(sum(len(text) * 3 // 4 for text in _CONTENT.findall(content)))
            numbers.append(len(content))
        self._sizes.write_bytes(numbers.tobytes())
        self.megabytes = sum(numbers[1::2]) / 1e6


def address() -> str:
    """The database of this process, for another one."""
    connection.ensure_connection()
    info = connection.connection.info
    user = quote(info.user or "", safe="")
    if info.password:
        user += ":" + quote(info.password, safe="")
    return f"postgresql://{user}@:{info.port}/{quote(info.dbname)}?{urlencode({'host': info.host})}"

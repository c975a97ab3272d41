"""`manage.py demo`: a month at two invented facilities, through the services of the desks, to claims and reports."""

import os
from argparse import ArgumentParser
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from his.core.errors import Refusal
from his.demo import ground
from his.demo.catalogs import FULL, STARTER, import_folder, import_starter
from his.demo.filed import file_reports
from his.demo.menu import set_exam_services
from his.demo.month import MONTH, VISITS, Loaded, load_facility
from his.demo.outcome import Outcome, export_all
from his.demo.places import SINCE, load_places
from his.demo.show import gaps, tables, where_next
from insurance.billing.cash_rules import set_bank_account

URL = "http://127.0.0.1:8000/"


class Command(BaseCommand):
    """Ends by itself; run again it writes the same files. Exit code 1 when the totals do not agree."""

    help = "Nạp một tháng mẫu tại hai cơ sở giả định của tỉnh 99, xuất hồ sơ BHYT và mẫu 01/BH, so các tổng"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--catalogs", type=Path, metavar="DIR", help="dùng danh mục thật trong thư mục này")
        parser.add_argument("--fresh", action="store_true", help="xóa sạch cơ sở dữ liệu mẫu và nạp lại từ đầu")
        parser.add_argument("--yes", action="store_true", help="cùng --fresh: xóa cả cơ sở dữ liệu của DATABASE_URL")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcomes = self._run(options)
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal
        claims_dir, reports_dir = _folders()
        for line in (*tables(outcomes), *where_next(claims_dir, reports_dir, URL)):
            self.stdout.write(line)
        if not all(outcome.agrees for outcome in outcomes):
            raise CommandError("Các tổng không khớp hoặc còn hồ sơ có lỗi", returncode=1)

    def _run(self, options: dict[str, Any]) -> list[Outcome]:
        ground.migrate()
        wanted = FULL if options["catalogs"] else STARTER
        found = ground.survey()
        if options["fresh"] or found.is_broken_off:
            self._say("Xóa dữ liệu mẫu cũ ...")
            ground.clear(is_confirmed=options["yes"])
            found = ground.survey()
        if found.is_empty:
            self._prepare(options["catalogs"])
            return self._work(wanted, with_names=options["verbosity"] > 1)
        if not found.catalogs:
            raise Refusal("unknown_data", "Cơ sở dữ liệu đã có dữ liệu khác; thêm --fresh để xóa sạch và nạp lại")
        if options["catalogs"] and found.catalogs != wanted:
            raise Refusal("other_catalogs", "Dữ liệu mẫu đã nạp với danh mục khác; thêm --fresh để nạp lại")
        self._say("Dữ liệu mẫu đã có, chỉ xuất lại tệp.")
        return self._work("")

    def _prepare(self, folder: Path | None) -> None:
        places = ground.found()
        facilities = [place.facility for place in places.values()]
        reports = import_folder(folder, facilities) if folder else import_starter(facilities)
        for report in reports:
            self._say(report.summary_vi())
        for facility in facilities:
            for change in set_exam_services(facility, MONTH):
                self._say(f"Công khám {facility.code} {change}")
        for place in places.values():  # an invented bank: no code of the demo leads to anybody's account
            bank = {"bank_bin": "999999", "bank_name": "Ngân hàng Ví Dụ", "number": f"99000{place.facility.code}"}
            set_bank_account(since=SINCE, holder=place.facility.name, actor=place.actor("manager"), **bank)

    def _work(self, catalogs: str, *, with_names: bool = False) -> list[Outcome]:
        """Each facility in a process of its own: no transaction crosses facilities. `catalogs` empty: export only."""
        started = monotonic()
        connections.close_all()
        with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
            jobs = [pool.submit(_facility, code, count, catalogs, os.getpid()) for code, count in VISITS.items()]
            done = [job.result() for job in jobs]
        for loaded, _ in done:
            if loaded is not None:
                for line in gaps(loaded, with_names=with_names):
                    self._say(line)
        self._say(f"Xong sau {monotonic() - started:.0f} giây.")
        return [outcome for _, outcome in done]

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _folders() -> tuple[Path, Path]:
    folder = Path(settings.VAR_DIR) / "demo"
    return folder / "claims", folder / "reports"


def _facility(code: str, visits: int, catalogs: str, parent: int) -> tuple[Loaded | None, Outcome]:
    """The work for one facility, in its own process with its own connection."""
    place = load_places()[code]
    loaded = None
    if catalogs:
        loaded = load_facility(place, visits=visits, progress=lambda day: _progress(code, day, parent))
        ground.mark_loaded(place.facility, catalogs, loaded.visits)
    outcome = export_all(place, MONTH, *_folders())
    if catalogs:
        file_reports(place, MONTH)
    return loaded, outcome


def _progress(code: str, day: date, parent: int) -> None:
    """Say how far it is; stop when the command was killed, so that nothing loads on behind the next one."""
    if os.getppid() != parent:
        os._exit(1)  # a pool worker would swallow SystemExit and wait for ever
    if day.day % 7 == 0:
        print(f"{code}: đã qua ngày {day:%d/%m/%Y}", flush=True)

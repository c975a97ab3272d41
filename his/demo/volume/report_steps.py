"""One timed step of `manage.py bench reports`, alone in its process: `python -m his.demo.volume.report_steps`.

It answers in JSON: seconds from the first statement to the finished file or stored report, and by how much the most
memory that the process held (VmHWM) grew over what it held before, in MB. Nothing traces its allocations meanwhile.
"""

import json
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from his.demo.volume.steps import peak_megabytes

ROWS = "bench_list_rows"
"""A table of a list's cells, made before the floor is measured."""


def floor(facility: Any, period: Any, form: str, out: Path) -> int:
    """The least that a list in a spreadsheet costs: its finished cells through a cursor of the server, bare."""
    import xlsxwriter
    from django.db import connection, transaction

    book = xlsxwriter.Workbook(str(out / "floor.xlsx"), {"constant_memory": True})
    sheet, y = book.add_worksheet(), 0
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT * FROM {ROWS} ORDER BY number")  # noqa: S608 - a fixed name
        for y, (_, *cells) in enumerate(cursor, 1):
            for x, value in enumerate(cells):
                if value is None:
                    continue
                (sheet.write_number if isinstance(value, (Decimal, int)) else sheet.write_string)(y, x, value)
    book.close()
    return y


def listed(facility: Any, period: Any, form: str, out: Path) -> int:
    """A list of the product with both of its sheets, from the audit of the service to the closed file."""
    from django.utils import timezone

    from his.accounts.actor import system_actor
    from reports.lists.services import export_list

    actor, target = system_actor(facility), out / "list.xlsx"
    return export_list(form=form, period=period, target=target, actor=actor, at=timezone.now()).written.rows


def screen(facility: Any, period: Any, form: str, out: Path) -> int:
    """What the screen of a list asks: sums, checks, and its first page."""
    from django.db import transaction

    from reports.lists.rows import rows
    from reports.lists.services import list_query
    from reports.lists.totals import checks, totals

    query = list_query(form, facility, period)
    with transaction.atomic():
        totals(query)
        checks(query)
        return len(list(rows(query, start=0, stop=100)))


def stored(facility: Any, period: Any, form: str, out: Path) -> int:
    """A stored report: read, frozen, checked, kept."""
    from django.utils import timezone

    from his.accounts.actor import system_actor
    from reports.definition import load_form
    from reports.engine import run

    fitting = period.fitting(load_form(form, period.start).periods)
    made = run(form=form, facility=facility, period=fitting, actor=system_actor(facility), at=timezone.now())
    return len(made.values["rows"])


def spreadsheet(facility: Any, period: Any, form: str, out: Path) -> int:
    """The spreadsheet of the stored report."""
    from reports.definition import load_form
    from reports.export import export
    from reports.queries import newest_run

    made = newest_run(facility, form, period.fitting(load_form(form, period.start).periods))
    if made is None:
        raise LookupError(form)
    (out / "report.xlsx").write_bytes(export(made, "xlsx"))
    return len(made.values["rows"])


STEPS: dict[str, Callable[[Any, Any, str, Path], int]] = {
    step.__name__: step for step in (floor, listed, screen, stored, spreadsheet)
}


def main(arguments: list[str]) -> None:
    import django

    django.setup()
    import reports.lists.services
    import reports.queries  # noqa: F401 - what the steps import is there before the time is taken
    from his.accounts.models import Facility
    from reports.definition import form_codes
    from reports.period import Period

    name, form, code, month, out = arguments
    facility = Facility.objects.get(code=code)  # also connects, which is not timed
    form_codes()
    before = _held_megabytes()
    started, cpu = perf_counter(), process_time()
    rows = STEPS[name](facility, Period.month(date.fromisoformat(month)), form, Path(out))
    figures = {
        "rows": rows,
        "seconds": round(perf_counter() - started, 3),
        "cpu_s": round(process_time() - cpu, 3),
        "peak_mb": round(max(0.0, peak_megabytes() - before), 1),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def _held_megabytes() -> float:
    """What the process holds now; from here on its peak is counted anew, where the system lets it."""
    status = Path("/proc/self/status")
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else peak_megabytes()


if __name__ == "__main__":
    main(sys.argv[1:])

"""One timed step of `manage.py bench claims`, alone in its process: `python -m his.demo.volume.steps` answers in JSON.

All steps write one file for each claim of a month into an empty folder. They differ in where the bytes come from.
"""

import json
import os
import re
import resource
import sys
from array import array
from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from datetime import date
from hashlib import sha256
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from lxml import etree

Figures = dict[str, Any]
SLICE = 500
_COLUMNS = (
    "visit__claim_code", "visit_id", "layout_id", "standard", "made_on", "sha256", "result__total_hospital_amount",
    "result__total_insured_amount", "result__fund_amount", "result__copay_amount", "result__self_paid_amount",
    "result__other_amount", "body",
)  # fmt: skip


def floor(facility: Any, month: date, out: Path, sizes: Path, limit: int) -> Figures:
    """The least that any export does: the same rows out by COPY, as many bytes through base64, files of the same size.

    `sizes` holds for each claim, by code, the bytes before base64 and the size of its file.
    """
    from django.db import connection

    numbers = array("q", sizes.read_bytes())
    plan = iter(zip(numbers[::2], numbers[1::2], strict=True))
    source = os.urandom(max(numbers, default=0))

    class Loop:
        count = 0

        def write(self, row: bytes) -> None:
            inner, size = next(plan, (0, 0))
            if not size:
                return  # the message that ends the rows
            b2a_base64(source[:inner], newline=False)
            file = os.open(out / f"{self.count}.xml", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.write(file, source[:size])
            os.close(file)
            self.count += 1

    loop = Loop()
    statement, values = _claims(facility, month).values_list(*_COLUMNS).query.sql_with_params()
    with connection.cursor() as cursor:
        select = cursor.mogrify(statement, values)
        cursor.copy_expert(b"COPY (" + select + b") TO STDOUT (FORMAT binary)", loop)
    return {"claims": loop.count}


def export(facility: Any, month: date, out: Path, sizes: Path, limit: int) -> Callable[[], Figures]:
    """The product's export, from the lock to the manifest; what it wrote is counted after the time is taken."""
    from django.utils import timezone

    from his.accounts.actor import system_actor
    from insurance.claims.export import export_month

    result = export_month(month=month, out_dir=out, actor=system_actor(facility), at=timezone.now())
    return lambda: {
        "claims": len(result.files),
        "errors": len(result.errors),
        "with_findings": result.files.with_findings,
        "digest": sha256("".join(row.sha256 for row in islice(result.files, limit)).encode()).hexdigest(),
    }


def reference(facility: Any, month: date, out: Path, sizes: Path, limit: int) -> Figures:
    """The clear path: stored claims by the ORM, each field, element and envelope in the plainest way."""
    from insurance.claims.stored import rows_of
    from insurance.standards import load, render_envelope, render_table

    count, digests = 0, []
    claims = _claims(facility, month).select_related("layout", "visit")[:limit]
    for claim in claims.iterator(chunk_size=SLICE):
        standard = load(claim.standard)
        tables = [(name, render_table(standard, name, rows)) for name, rows in rows_of(claim).items()]
        content = render_envelope(standard, facility.code, claim.made_on, [tables])
        (out / f"{claim.visit.claim_code}.xml").write_bytes(content)
        digests.append(sha256(content).hexdigest())
        count += 1
    return {"claims": count, "digest": sha256("".join(digests).encode()).hexdigest()}


def prefetch(facility: Any, month: date, out: Path, sizes: Path, limit: int) -> Figures:
    """What one would write without stored claims: records by `prefetch_related`, rows, a tree of elements."""
    from his.demo.volume.prefetching import records
    from insurance.claims.build import build_tables
    from insurance.claims.services import reason_left_out
    from insurance.claims.visit_facts import claim_end
    from insurance.standards import row_texts, select_standard

    count = 0
    for record in records(facility, month, SLICE):
        if reason_left_out(record):
            continue
        if count == limit:
            break
        standard = select_standard(claim_end(record).date())
        tables = build_tables(record).in_envelope(standard)
        texts = {name: row_texts(standard, name, rows) for name, rows in tables}
        content = _tree(standard, facility.code, f"{record.result.computed_at:%Y%m%d}", texts)
        (out / f"{record.visit.claim_code}.xml").write_bytes(content)
        count += 1
    return {"claims": count}


def _claims(facility: Any, month: date) -> Any:
    from insurance.models import Claim
    from patients.models import Visit

    rows = Claim.objects.for_facility(facility).filter(
        is_current=True, visit__claim_month=month, visit__state=Visit.State.CLOSED
    )
    return rows.order_by("visit__claim_code")


def _tree(standard: Any, facility_code: str, made_on: str, texts: Mapping[str, list[list[str]]]) -> bytes:
    names = standard.envelope
    root = etree.Element(names.root, nsmap=dict(names.namespaces))
    _child(_child(root, names.unit), names.facility, facility_code)
    body = _child(root, names.body)
    _child(body, names.made_on, made_on)
    _child(body, names.count, "1")
    visit = _child(_child(body, names.list), names.claim)
    for name, rows in texts.items():
        file = _child(visit, names.file)
        _child(file, names.table, name)
        _child(file, names.content, b64encode(_document(standard.table(name), rows)).decode())
    _child(root, names.signature)
    written: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _document(table: Any, rows: list[list[str]]) -> bytes:
    root = etree.Element(table.root)
    parent = _child(root, table.list) if table.list else root
    for row in rows:
        element = _child(parent, table.row) if table.row else parent
        for field, text in zip(table.fields, row, strict=True):
            _child(element, field.tag, text)
    written: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _child(parent: Any, name: str, text: str = "") -> Any:
    child = etree.SubElement(parent, name)
    child.text = text
    return child


STEPS: dict[str, Callable[..., Figures | Callable[[], Figures]]] = {
    step.__name__: step for step in (floor, export, reference, prefetch)
}


def main(arguments: list[str]) -> None:
    import django

    django.setup()
    import insurance.claims.export  # noqa: F401 - what the steps import is there before the time is taken
    from his.accounts.models import Facility

    name, code, month, out, sizes, limit = arguments
    facility = Facility.objects.get(code=code)  # also connects, which is not timed
    started, cpu = perf_counter(), process_time()
    figures = STEPS[name](facility, date.fromisoformat(month), Path(out), Path(sizes), int(limit))
    seconds, cpu = perf_counter() - started, process_time() - cpu
    if callable(figures):
        figures = figures()
    sys.stdout.write(json.dumps({"seconds": seconds, "cpu_s": cpu, "rss_mb": peak_megabytes(), **figures}) + "\n")


def peak_megabytes() -> float:
    """The most memory that this process held since it began; `getrusage` would also count the one that started it."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(sys.argv[1:])

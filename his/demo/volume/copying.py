"""Rows into tables by COPY, with ids and numbers taken in blocks, inside the caller's transaction."""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection, models

from his.accounts.models import Facility

_NUMBERS = """
    INSERT INTO patients_counter (facility_id, series, last)
    SELECT %s, d.series, d.size FROM unnest(%s::text[], %s::bigint[]) AS d (series, size) ORDER BY d.series
    ON CONFLICT (facility_id, series) DO UPDATE SET last = patients_counter.last + EXCLUDED.last
    RETURNING series, last
"""
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Ids:
    """New ids of any table, ascending, fetched in blocks. What is left of a block at the end is never used."""

    def __init__(self, block: int = 1000) -> None:
        self._block = block
        self._left: dict[type[models.Model], Iterator[int]] = {}

    def next(self, model: type[models.Model]) -> int:
        found = next(self._left.get(model, iter(())), None)
        if found is None:
            self._left[model] = self._fetch(model)
            found = next(self._left[model])
        return found

    def _fetch(self, model: type[models.Model]) -> Iterator[int]:
        statement = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
        with connection.cursor() as cursor:
            cursor.execute(statement, [model._meta.db_table, self._block])
            return iter(sorted(row[0] for row in cursor.fetchall()))


def take_numbers(facility: Facility, sizes: Mapping[str, int]) -> dict[str, Iterator[int]]:
    """The next numbers of each series, without a gap to those given out by `next_number`; the rows stay locked."""
    wanted = {series: size for series, size in sorted(sizes.items()) if size}
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS, [facility.pk, list(wanted), list(wanted.values())])
        last = dict(cursor.fetchall())
    return {series: iter(range(last[series] - size + 1, last[series] + 1)) for series, size in wanted.items()}


def copy_rows(rows: Sequence[models.Model]) -> None:
    """Insert rows of one model, with their ids, as they are."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = meta.concrete_fields
    names = [(field.attname, isinstance(field, models.JSONField)) for field in fields]
    lines = io.StringIO()
    for row in rows:
        values = row.__dict__
        lines.write("\t".join(_json(values[name]) if is_json else _text(values[name]) for name, is_json in names))
        lines.write("\n")
    lines.seek(0)
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        # Names of the model's own table and columns, quoted; the values travel beside the statement.
        cursor.copy_expert(f"COPY {quote(meta.db_table)} ({columns}) FROM STDIN", lines)


def _text(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES) if _SPECIAL.search(value) else value
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _json(value: Any) -> str:
    return "\\N" if value is None else _text(json.dumps(value, ensure_ascii=False))

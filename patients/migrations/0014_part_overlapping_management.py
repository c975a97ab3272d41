"""Let a management that overlaps an earlier one of the person and disease begin where that one ended.

People who came back after a transfer were enrolled from their very first diagnosis. A management that began before the
other and ended within it ends where the other begins. The days as they were written stay in the note; a disease counts
as newly found only in the month that was written.
"""

from collections import defaultdict
from datetime import date
from typing import Any

import pgtrigger
from django.db import migrations

NOTE = 500
"""Longest note, in characters."""


def part(apps: Any, _schema_editor: Any) -> None:
    managed = apps.get_model("patients", "ManagedPatient")
    earlier: dict[tuple[int, str], list[tuple[date, date]]] = defaultdict(list)
    with pgtrigger.ignore("patients.ManagedPatient:only_ended", "patients.ManagedPatient:ended_once"):
        for row in managed.objects.exclude(state="declined").order_by("recorded_at", "pk"):
            periods, end = earlier[row.patient_id, row.disease], row.ended_on or date.max
            begin = row.enrolled_on
            for first, last in sorted(periods):
                if begin < first < end <= last and row.ended_on is not None:
                    end = first
                elif first < end and begin < last:
                    begin = min(last, end)
            if (begin, end) != (row.enrolled_on, row.ended_on or date.max):
                managed.objects.filter(pk=row.pk).update(
                    enrolled_on=begin,
                    ended_on=None if row.ended_on is None else end,
                    is_newly_found=row.is_newly_found and begin == row.enrolled_on,
                    note=_with_days(row),
                )
            periods.append((begin, end))


def _with_days(row: Any) -> str:
    """The note of a row with its days as they were written."""
    until = "" if row.ended_on is None else f" đến {row.ended_on:%d/%m/%Y}"
    said = f"Đã ghi: quản lý từ {row.enrolled_on:%d/%m/%Y}{until}; sửa vì chồng ngày với đợt khác"
    return f"{row.note[: NOTE - len(said) - 2]}; {said}" if row.note else said


class Migration(migrations.Migration):
    dependencies = [("patients", "0013_an_end_of_management_is_whole")]

    operations = [migrations.RunPython(part, migrations.RunPython.noop, elidable=True)]

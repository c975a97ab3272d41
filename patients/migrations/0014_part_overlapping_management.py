"""Let a management that overlaps an earlier one of the person and disease begin where that one ended.

People who came back after a transfer were enrolled from their very first diagnosis.
"""

from collections import defaultdict
from datetime import date
from typing import Any

import pgtrigger
from django.db import migrations


def part(apps: Any, _schema_editor: Any) -> None:
    managed = apps.get_model("patients", "ManagedPatient")
    earlier: dict[tuple[int, str], list[tuple[date, date]]] = defaultdict(list)
    with pgtrigger.ignore("patients.ManagedPatient:only_ended", "patients.ManagedPatient:ended_once"):
        for row in managed.objects.exclude(state="declined").order_by("recorded_at", "pk"):
            periods, end = earlier[row.patient_id, row.disease], row.ended_on or date.max
            begin = row.enrolled_on
            for first, last in sorted(periods):
                if first < end and begin < last:
                    begin = min(last, end)
            if begin != row.enrolled_on:
                managed.objects.filter(pk=row.pk).update(enrolled_on=begin)
            periods.append((begin, end))


class Migration(migrations.Migration):
    dependencies = [("patients", "0013_an_end_of_management_is_whole")]

    operations = [migrations.RunPython(part, migrations.RunPython.noop, elidable=True)]

"""A change of a bed stay makes the claim of its visit untrue."""

from django.db import migrations

from insurance.migrations._following import follow


class Migration(migrations.Migration):
    dependencies = [
        ("insurance", "0014_reasons_of_charges"),
        ("patients", "0018_bed_stays"),
    ]

    operations = [follow("patients_bedstay", "source.visit_id")]

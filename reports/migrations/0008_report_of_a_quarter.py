"""A month and the quarter that begins with it are different reports."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0007_briefings")]

    operations = [
        migrations.RemoveConstraint(model_name="reportrun", name="report_run_version"),
        migrations.AddConstraint(
            model_name="reportrun",
            constraint=models.UniqueConstraint(
                fields=("facility", "form", "store", "period_start", "period_end", "version"),
                name="report_run_version",
            ),
        ),
    ]

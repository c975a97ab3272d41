"""Drop the bytes of claims: their texts give the same file."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("insurance", "0003_claim_text_from_bytes")]

    operations = [
        migrations.RemoveField(model_name="claim", name="content"),
        migrations.AlterField(
            model_name="claim",
            name="layout",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="insurance.claimlayout"
            ),
        ),
        migrations.AlterField(model_name="claim", name="made_on", field=models.DateField()),
        migrations.AlterField(model_name="claim", name="body", field=models.TextField()),
    ]

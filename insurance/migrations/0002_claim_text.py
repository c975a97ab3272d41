"""Room for the texts of a claim beside its bytes."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("insurance", "0001_billing_and_claims")]

    operations = [
        migrations.CreateModel(
            name="ClaimLayout",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("standard", models.CharField(max_length=20)),
                ("content", models.JSONField()),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="claimlayout",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="1b702f01a1cdd25ebdd9a3f1cbb929b56747caa1",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_55120",
                    table="insurance_claimlayout",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="layout",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="insurance.claimlayout"
            ),
        ),
        migrations.AddField(model_name="claim", name="made_on", field=models.DateField(null=True)),
        migrations.AddField(model_name="claim", name="body", field=models.TextField(default="")),
        migrations.AddField(model_name="claim", name="record_print", field=models.CharField(blank=True, max_length=40)),
        migrations.AddField(model_name="claim", name="named_print", field=models.CharField(blank=True, max_length=40)),
        migrations.AddField(
            model_name="claim", name="catalogs_print", field=models.CharField(blank=True, max_length=40)
        ),
        migrations.AddField(model_name="claim", name="data_version", field=models.CharField(blank=True, max_length=90)),
    ]

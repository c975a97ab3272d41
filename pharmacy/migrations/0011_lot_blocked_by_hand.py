from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pharmacy", "0010_temperature_log")]

    operations = [
        migrations.AddField(
            model_name="lot",
            name="is_blocked_by_hand",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pharmacy", "0012_who_blocked_a_lot")]

    operations = [
        migrations.RemoveField(model_name="quarantinedlot", name="blocked_here"),
        migrations.AddConstraint(
            model_name="lot",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_blocked", True), ("is_blocked_by_hand", False), _connector="OR"),
                name="lot_hand_blocks",
            ),
        ),
    ]

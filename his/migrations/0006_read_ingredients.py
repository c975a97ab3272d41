"""Tell herbs and herbal products by the list their code is of, and read the ingredients of the drugs that are stored."""

from typing import Any

from django.db import migrations

from his.catalogs.strengths import ingredients_of
from his.core.text import fold

_KINDS = {"05V": "herb", "05C": "herbal"}


def fill(apps: Any, _schema_editor: Any) -> None:
    drug_model, ingredient = apps.get_model("his", "Drug"), apps.get_model("his", "DrugIngredient")
    for prefix, kind in _KINDS.items():
        drug_model.objects.filter(ingredient_code__istartswith=prefix).update(kind=kind)
    latest = {(drug.facility_id, drug.code): drug for drug in drug_model.objects.order_by("valid_from").iterator()}
    rows = []
    for drug in latest.values():
        for position, part in enumerate(ingredients_of(drug.ingredient_code, drug.ingredient, drug.strength), 1):
            amount = part.amount
            rows.append(
                ingredient(
                    facility_id=drug.facility_id,
                    drug_code=drug.code,
                    position=position,
                    code=part.code,
                    name=part.name,
                    search_name=fold(part.name),
                    strength_text=part.strength,
                    amount=amount.value if amount else None,
                    unit=amount.unit if amount else "",
                    per_amount=amount.per if amount else None,
                    per_unit=amount.per_unit if amount else "",
                )
            )
    ingredient.objects.bulk_create(rows, batch_size=2000)


class Migration(migrations.Migration):
    dependencies = [("his", "0005_items_of_every_kind")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]

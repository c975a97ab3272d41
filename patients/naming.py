"""How prescriptions name a drug."""

from his.catalogs.models import Drug, ItemKind
from his.core.text import fold


def drug_name(drug: Drug) -> str:
    """International name with the trade name in brackets; the trade name of several ingredients (TT 26/2025).

    Of herbal products the name. The list does not say which drugs are biological; they count by their ingredients.
    """
    if drug.kind != ItemKind.DRUG:
        return drug.name
    if any(mark in drug.ingredient for mark in "+;,") or not drug.ingredient:
        return drug.name
    return drug.ingredient if fold(drug.ingredient) == fold(drug.name) else f"{drug.ingredient} ({drug.name})"

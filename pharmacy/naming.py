"""How papers and records name a drug."""

from his.catalogs.models import Drug


def drug_text(drug: Drug) -> str:
    """Name and strength; the ingredient too when the name does not say it."""
    name = drug.label
    return (
        name if not drug.ingredient or drug.ingredient.casefold() in name.casefold() else f"{name} ({drug.ingredient})"
    )

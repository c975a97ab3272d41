"""Catalogues of the demonstration: the starter ones of the project, or the official files of a folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.conf import settings

from his.accounts.models import Facility
from his.catalogs.report import ImportReport
from his.catalogs.services import import_catalog
from his.core.errors import Refusal

STARTER, FULL = "starter", "full"
CODELISTS = settings.BASE_DIR / "insurance" / "data" / "codelists"
LISTS_FROM = date(2026, 1, 1)
_OPERATOR = "manage.py demo"


@dataclass(frozen=True, slots=True)
class _Source:
    """A kind of catalogue and how its file is called in the folder."""

    kind: str
    pattern: str
    per_facility: bool = False


# In the order in which they need one another: flags after the codes, prices after the national services.
_SOURCES = (
    _Source("icd10", "icd10_qd4469*.xlsx"),
    _Source("icd10_flags", "icd10_flags*.csv"),
    _Source("services", "services_qd7603*.csv"),
    _Source("icd9cm", "icd9cm*.xlsx"),
    _Source("admin_units_old", "administrative_units*.xlsx"),
    _Source("long_prescription", "long_prescription*.csv"),
    _Source("price_list", "services_05dm*.xlsx", per_facility=True),
    _Source("drug_list", "drugs_03dm*.xlsx", per_facility=True),
)


def import_starter(facilities: list[Facility]) -> list[ImportReport]:
    """Load the project's own catalogues for these facilities, and the code lists of the claim standard."""
    reports = [
        import_catalog(kind="starter", path=None, actor_name=_OPERATOR, facility=facility) for facility in facilities
    ]
    return [*reports, import_catalog(kind="codelist", path=CODELISTS, actor_name=_OPERATOR)]


def import_folder(folder: Path, facilities: list[Facility]) -> Iterator[ImportReport]:
    """Load the official files of a folder; both facilities get the same price and drug list, without an end.

    Rows that a file itself has wrong are left out and counted. Refuses a folder that lacks one of the files.
    """
    files = {source.kind: _file(folder, source) for source in _SOURCES}
    yield import_catalog(kind="codelist", path=CODELISTS, actor_name=_OPERATOR)
    yield import_catalog(kind="admin_units_new", path=None, actor_name=_OPERATOR)
    for source in _SOURCES:
        owners: list[Facility | None] = [*facilities] if source.per_facility else [None]
        for owner in owners:
            yield import_catalog(
                kind=source.kind,
                path=files[source.kind],
                actor_name=_OPERATOR,
                facility=owner,
                effective_on=LISTS_FROM if source.per_facility else None,
                open_ended=source.per_facility,
                skip_bad_rows=True,
            )


def _file(folder: Path, source: _Source) -> Path:
    found = sorted(folder.glob(source.pattern))
    if not found:
        raise Refusal("no_catalog_file", f"Thư mục {folder} không có tệp {source.pattern}", field="catalogs")
    return found[-1]

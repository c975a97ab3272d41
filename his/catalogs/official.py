"""Loading a whole set of catalogues at once: the starter ones, or a folder of official files."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from his.accounts.models import Facility
from his.catalogs.report import ImportReport
from his.catalogs.services import import_catalog
from his.core.errors import Refusal

# In the order they build on each other: flags need the diagnoses, price lists the national services.
NATIONAL_FILES = (
    ("icd10", "icd10_qd4469_2020.xlsx"),
    ("icd10_flags", "icd10_flags_tt06_2026.csv"),
    ("services", "services_qd7603_annex1.csv"),
    ("icd9cm", "icd9cm_qd4440_2020.xlsx"),
    ("admin_units_old", "administrative_units_2024-06-11.xlsx"),
    ("long_prescription", "long_prescription_diseases_tt26_2025.csv"),
)
FACILITY_FILES = (("price_list", "services_05dm_example.xlsx"), ("drug_list", "drugs_03dm_example.xlsx"))
FACILITY_LISTS_FROM = date(2026, 1, 1)


def import_starter(*, facilities: Sequence[Facility], codelists: Path | None, actor_name: str) -> list[ImportReport]:
    """Load the starter catalogue for the facilities, and the code lists of the folder."""
    reports = [import_catalog(kind="starter", path=None, facility=owner, actor_name=actor_name) for owner in facilities]
    if codelists is not None:
        reports.append(import_catalog(kind="codelist", path=codelists, actor_name=actor_name))
    return reports


def import_official(
    *, folder: Path, facilities: Sequence[Facility], codelists: Path | None, actor_name: str
) -> list[ImportReport]:
    """Load the official files of a folder for all, and its price and drug list for each facility.

    The facility lists there are examples whose periods have ended; they are read as open-ended from 01/01/2026.
    Refuses a folder that lacks one of the files, before anything is loaded.
    """
    missing = [name for _kind, name in (*NATIONAL_FILES, *FACILITY_FILES) if not (folder / name).is_file()]
    if missing:
        raise Refusal("no_file", f"Thư mục thiếu tệp: {', '.join(missing)}", field="path")
    reports = [import_catalog(kind=kind, path=folder / name, actor_name=actor_name) for kind, name in NATIONAL_FILES]
    reports.append(import_catalog(kind="admin_units_new", path=None, actor_name=actor_name))
    if codelists is not None:
        reports.append(import_catalog(kind="codelist", path=codelists, actor_name=actor_name))
    for owner in facilities:
        for kind, name in FACILITY_FILES:
            reports.append(
                import_catalog(
                    kind=kind,
                    path=folder / name,
                    actor_name=actor_name,
                    facility=owner,
                    effective_on=FACILITY_LISTS_FROM,
                    open_ended=True,
                )
            )
    return reports

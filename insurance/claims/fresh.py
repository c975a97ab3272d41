"""Whether a stored claim still says what building it now would say, told without building it.

A print is a sum of hashes over the id and the row version (`xmin`, `ctid`) of every row that a claim is built from:
whatever is added, changed or removed changes the print. It is taken before the rows are read and stored with the claim.

* `record_print`: the rows of the visit (`RECORD`).
* `catalogs_print`: all catalogue rows of the facility (`CATALOGS`). While it stays, nothing more is asked.
* `named_print`: the catalogue rows that the claim names (`NAMED`); asked only when some catalogue row changed.
* `data_version`: the standards, code lists and rules, and the code that builds and checks.

A new source of `gather` or `build` needs its line here; a document table with facts of its own names them when it
registers (`document_sources`). A database that was restored gives new row versions: claims
are then built once more, and those that come out the same keep their version.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.db.models import F, FilteredRelation, Func, Q, TextField

import insurance
from his.accounts.models import Facility
from insurance import law
from insurance.claims.document_sources import registered
from insurance.models import BenefitResult

CODE = Path(insurance.__file__).parent
BUILT_BY, BUILT_FROM = ("claims", "standards", "rules"), ("standards", "codelists", "rules", "laws.toml")
"""Folders of code, and folders and files of every data folder, that decide what a claim says and what is found."""
_SUFFIXES = frozenset({".py", ".toml", ".csv"})

RECORD = (
    (
        "v p c",
        "patients_visit v JOIN patients_patient p ON p.id = v.patient_id"
        " LEFT JOIN patients_insurancecard c ON c.id = v.card_id WHERE v.id = one.visit_id",
    ),
    (
        "r l",
        "insurance_benefitresult r LEFT JOIN insurance_benefitline l ON l.result_id = r.id AND r.is_current"
        " WHERE r.visit_id = one.visit_id",
    ),
    ("c", "insurance_charge c WHERE c.visit_id = one.visit_id"),
    ("e", "patients_exam e WHERE e.visit_id = one.visit_id"),
    ("d", "patients_visitdiagnosis d WHERE d.visit_id = one.visit_id"),
    (
        "o r",
        "patients_serviceorder o LEFT JOIN patients_serviceresult r ON r.order_id = o.id"
        " WHERE o.visit_id = one.visit_id",
    ),
    ("n", "patients_clinicalnote n WHERE n.visit_id = one.visit_id"),
    ("s", "patients_vitalsigns s WHERE s.visit_id = one.visit_id"),
    (
        "p l",
        "patients_prescription p LEFT JOIN patients_prescriptionline l ON l.prescription_id = p.id"
        " WHERE p.visit_id = one.visit_id",
    ),
    (
        "d l",
        "patients_prescription p JOIN pharmacy_dispense d ON d.prescription_id = p.id"
        " LEFT JOIN pharmacy_dispenseline l ON l.dispense_id = d.id WHERE p.visit_id = one.visit_id",
    ),
    (
        "s",
        "patients_prescription p JOIN patients_prescriptionline l ON l.prescription_id = p.id"
        " JOIN pharmacy_substitution s ON s.prescription_line_id = l.id WHERE p.visit_id = one.visit_id",
    ),
    ("e", "insurance_cashentry e WHERE e.visit_id = one.visit_id"),
)
"""The rows of one visit: the aliases whose rows count, and where they are found from `one.visit_id`."""

NAMED = (
    ("f", "patients_visit v JOIN his_facility f ON f.id = v.facility_id WHERE v.id = one.visit_id"),
    (
        "s",
        "patients_visit v JOIN his_staff s ON s.facility_id = v.facility_id AND s.is_head WHERE v.id = one.visit_id",
    ),
    ("s", "patients_exam e JOIN his_staff s ON s.id = e.doctor_id WHERE e.visit_id = one.visit_id"),
    ("d", "patients_exam e JOIN his_department d ON d.id = e.department_id WHERE e.visit_id = one.visit_id"),
    (
        "s",
        "patients_serviceorder o JOIN his_staff s ON s.id IN (o.ordered_by_id, o.performed_by_id)"
        " WHERE o.visit_id = one.visit_id",
    ),
    ("d", "patients_serviceorder o JOIN his_department d ON d.id = o.department_id WHERE o.visit_id = one.visit_id"),
    ("s", "patients_serviceorder o JOIN his_pricedservice s ON s.id = o.service_id WHERE o.visit_id = one.visit_id"),
    (
        "s",
        "patients_serviceorder o JOIN patients_serviceresult r ON r.order_id = o.id"
        " JOIN his_staff s ON s.id = r.read_by_id WHERE o.visit_id = one.visit_id",
    ),
    ("s", "patients_clinicalnote n JOIN his_staff s ON s.id = n.written_by_id WHERE n.visit_id = one.visit_id"),
    ("s", "patients_prescription p JOIN his_staff s ON s.id = p.prescribed_by_id WHERE p.visit_id = one.visit_id"),
    (
        "d",
        "patients_prescription p JOIN patients_prescriptionline l ON l.prescription_id = p.id"
        " JOIN his_drug d ON d.id = l.drug_id WHERE p.visit_id = one.visit_id",
    ),
    (
        "d",
        "patients_prescription p JOIN patients_prescriptionline l ON l.prescription_id = p.id"
        " JOIN pharmacy_substitution s ON s.prescription_line_id = l.id"
        " JOIN his_drug d ON d.id = s.drug_id WHERE p.visit_id = one.visit_id",
    ),
    (
        "c",
        "insurance_charge x JOIN his_procedurecode c ON c.service_code = x.code"
        " WHERE x.visit_id = one.visit_id AND x.group_code IN ('8', '18')",
    ),
)
"""The catalogue rows that a claim names, likewise."""

CATALOGS = (
    ("f", "his_facility f WHERE f.id = one.facility_id"),
    ("s", "his_staff s WHERE s.facility_id = one.facility_id"),
    ("d", "his_department d WHERE d.facility_id = one.facility_id"),
    ("s", "his_pricedservice s WHERE s.facility_id = one.facility_id"),
    ("d", "his_drug d WHERE d.facility_id = one.facility_id"),
    ("c", "his_procedurecode c"),
)
"""Every catalogue row of a facility that a claim could name."""


@cache
def _template(key: str, sources: tuple[tuple[str, str], ...]) -> str:
    """The print of what the sources find for one key, as an expression; all of it is fixed text of this file."""
    selects = [
        f"SELECT {_hash(kind, aliases)} FROM {found}"  # noqa: S608
        for kind, (aliases, found) in enumerate(sources)
    ]
    rows = " UNION ALL ".join(selects)
    return (
        f"(SELECT coalesce(sum(found.hash), 0)::text FROM (SELECT %(expressions)s AS {key}) one"  # noqa: S608
        f" CROSS JOIN LATERAL ({rows}) found (hash))"
    )


def _hash(kind: int, aliases: str) -> str:
    """One number for the rows of an alias or several, of which some may be missing: seeded by what they are and whose.

    `xmin` and `ctid` together name a version of a row, also when one transaction wrote it twice.
    """
    rows = (
        f"hashtidextended({row}.ctid, ({row}.xmin::text::bigint << 24) # ({row}.id * 256 + {kind * 4 + place}))"
        for place, row in enumerate(aliases.split())
    )
    return " # ".join(f"coalesce({row}, 0)" for row in rows)


class RecordPrint(Func):
    """The print of the rows of a visit, given its id, with those of the registered document tables."""

    output_field = TextField()

    def __init__(self, *expressions: Any, **extra: Any) -> None:
        documents = (read for source in registered() for read in source.reads)
        super().__init__(*expressions, template=_template("visit_id", (*RECORD, *documents)), **extra)


class NamedPrint(Func):
    """The print of the catalogue rows that the claim of a visit names, given its id."""

    template = _template("visit_id", NAMED)
    output_field = TextField()


class CatalogsPrint(Func):
    """The print of all catalogue rows of a facility, given its id."""

    template = _template("facility_id", CATALOGS)
    output_field = TextField()


@dataclass(frozen=True, slots=True)
class Prints:
    """What one claim is built from; the fields are those of `Claim`."""

    record_print: str
    named_print: str
    catalogs_print: str
    data_version: str


FIELDS = tuple(Prints.__slots__)


def prints_of(facility: Facility, visit_ids: Sequence[int], standard: str = "") -> dict[int, Prints]:
    """What the claims of these visits would be built from now, by visit; `standard` when one is forced."""
    rows = BenefitResult.objects.for_facility(facility).filter(visit_id__in=visit_ids, is_current=True)
    catalogs, version = catalogs_print(facility), data_version(standard)
    found = rows.values_list("visit_id", RecordPrint(F("visit_id")), NamedPrint(F("visit_id")))
    return {pk: Prints(record, named, catalogs, version) for pk, record, named in found}


def catalogs_print(facility: Facility) -> str:
    """The print of all catalogue rows of the facility as they are now."""
    found: str = Facility.objects.values_list(CatalogsPrint(F("pk")), flat=True).get(pk=facility.pk)
    return found


def is_fresh(catalogs: str, standard: str = "") -> Q:
    """The condition on a split in force, joined to its current claim as `claim`, that the claim need not be built.

    The cheap questions come first: the database asks the next one only when the last was answered with yes.
    """
    return (
        Q(claim__result_id=F("pk"), claim__data_version=data_version(standard))
        & Q(claim__record_print=RecordPrint(F("visit_id")))
        & (Q(claim__catalogs_print=catalogs) | Q(claim__named_print=NamedPrint(F("visit_id"))))
    )


def states(facility: Facility, visit_ids: Sequence[int]) -> dict[int, str]:
    """The states of the claims of these visits that need not be built, by visit."""
    rows = BenefitResult.objects.for_facility(facility).filter(visit_id__in=visit_ids, is_current=True)
    joined = rows.annotate(claim=FilteredRelation("visit__claims", condition=Q(visit__claims__is_current=True)))
    fresh = joined.filter(is_fresh(catalogs_print(facility)))
    return dict(fresh.values_list("visit_id", "claim__state"))


def data_version(standard: str = "") -> str:
    """What decides a claim beside its record: data and code of the product, and the standard when one is forced."""
    version = _data_version(law.roots())
    return f"{version}:{standard}" if standard else version


@cache
def _data_version(roots: tuple[Path, ...]) -> str:
    """Read once in a process for each choice of data folders."""
    digest = hashlib.sha256()
    for folder, names in ((CODE, BUILT_BY), *((root, BUILT_FROM) for root in roots)):
        for path in sorted(_files(folder, names)):
            digest.update(f"{path.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        place = folder / name
        found: Iterable[Path] = place.rglob("*") if place.is_dir() else [place]
        yield from (path for path in found if path.suffix in _SUFFIXES and path.is_file())

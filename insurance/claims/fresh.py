"""Whether a stored claim still says what building it now would say, told without building it.

Three things are asked of a claim, and all of them where it is read, in one snapshot:

* **Did a row of the visit change?** Triggers on the tables of `FOLLOWED` note the visit in `SourceChange`, in the
  transaction of the change. Building takes away what is noted before it reads anything (`begin`). So a change that was
  committed by then is read, and the note of any other stays or is still to come: it becomes visible together with the
  change, however long ago its transaction began.
* **Did a row change that no trigger follows?** The rows of `SHARED` belong to many visits and can get others while
  they are being changed, and document tables have sources of their own: their versions are compared.
* **Did catalogues, data or code change?** `catalogs_print` covers all catalogue rows of the facility. While it stays,
  nothing more is asked; else `named_print` covers those that the claim names (`NAMED`). `data_version` stands for the
  standards, code lists and rules, the code that builds and checks, and the migrations.

A print is a sum of hashes over the id and the row version (`xmin`, `ctid`) of rows: whatever is added, changed or
removed changes it. A new source of `gather` or `build` needs its line here, and a migration when it is to be followed;
a document table with facts of its own names them when it registers (`document_sources`). A database that was restored
gives new row versions: claims are then built once more, and those that come out the same keep their version.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Exists, F, FilteredRelation, Func, OuterRef, Q, TextField, Value

import insurance
from his.accounts.models import Facility
from insurance import law
from insurance.claims.document_sources import registered
from insurance.models import BenefitResult, SourceChange

CODE = Path(insurance.__file__).parent
BUILT_BY, BUILT_FROM = ("claims", "standards", "rules"), ("standards", "codelists", "rules", "laws.toml")
"""Folders of code, and folders and files of every data folder, that decide what a claim says and what is found."""
MIGRATIONS = tuple(f"{package}/migrations" for package in ("his", "patients", "pharmacy", "insurance"))
"""A change of a table can change what rows say and starts no trigger."""
_SUFFIXES = frozenset({".py", ".toml", ".csv"})

FOLLOWED = (
    "patients_visit",
    "insurance_benefitresult",
    "insurance_benefitline",
    "insurance_charge",
    "patients_exam",
    "patients_visitdiagnosis",
    "patients_serviceorder",
    "patients_bedstay",
    "patients_serviceresult",
    "patients_clinicalnote",
    "patients_vitalsigns",
    "patients_prescription",
    "patients_prescriptionline",
    "pharmacy_dispense",
    "pharmacy_dispenseline",
    "pharmacy_substitution",
    "insurance_cashentry",
)
"""Tables whose rows belong to one visit for ever, or change hands only by being written themselves."""

SHARED = {"patients_patient": "visit__patient_id", "patients_insurancecard": "visit__card_id"}
"""Tables whose rows belong to many visits, and how a split knows which: compared by version."""

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
    ("d", "patients_bedstay b JOIN his_department d ON d.id = b.department_id WHERE b.visit_id = one.visit_id"),
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
        f"(SELECT coalesce(sum(found.hash), 0) FROM (SELECT %(expressions)s AS {key}) one"  # noqa: S608
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
    """The print of the rows of a split's visit that are compared: `SHARED`, and those of registered document tables."""

    output_field = TextField()

    def __init__(self) -> None:
        shared = (
            _Version(F(path), row=_hash(kind, table), table=table) for kind, (table, path) in enumerate(SHARED.items())
        )
        documents = tuple(read for source in registered() for read in source.reads)
        parts: list[Any] = [Func(*shared, template="(%(expressions)s)", arg_joiner=" # ")]
        if documents:
            parts.append(Func(F("visit_id"), template=_template("visit_id", documents)))
        super().__init__(*parts, template="(%(expressions)s)::text", arg_joiner=" + ")


class _Version(Func):
    """The version of one row, given its id; nothing when there is none."""

    template = "coalesce((SELECT %(row)s FROM %(table)s WHERE id = %(expressions)s), 0)"


class NamedPrint(Func):
    """The print of the catalogue rows that the claim of a visit names, given its id."""

    template = f"{_template('visit_id', NAMED)}::text"
    output_field = TextField()


class CatalogsPrint(Func):
    """The print of all catalogue rows of a facility, given its id."""

    template = f"{_template('facility_id', CATALOGS)}::text"
    output_field = TextField()


_TAKE = """
DELETE FROM insurance_sourcechange WHERE (visit_id, transaction_id) IN (
    SELECT visit_id, transaction_id FROM insurance_sourcechange WHERE visit_id = ANY(%s) FOR UPDATE SKIP LOCKED
)
"""
_LEAVE = """
INSERT INTO insurance_sourcechange (visit_id, transaction_id)
SELECT visit_id, pg_current_xact_id()::text::bigint FROM insurance_claim WHERE visit_id = ANY(%s) AND is_current
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Prints:
    """What one claim is built from; the fields are those of `Claim`."""

    record_print: str
    named_print: str
    catalogs_print: str
    data_version: str


FIELDS = tuple(Prints.__slots__)


def begin(facility: Facility, visit_ids: Sequence[int], standard: str = "") -> dict[int, Prints]:
    """What the claims of these visits are built from, by visit, asked before anything of it is read.

    `standard` when one is forced. Afterwards the changes noted so far are taken away: the caller stores the claims
    built from what is read from now on, and names all other visits to `leave_stale`. The claims of the facility must
    be locked.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [list(visit_ids)])
    rows = BenefitResult.objects.for_facility(facility).filter(visit_id__in=visit_ids, is_current=True)
    catalogs, version = catalogs_print(facility), data_version(standard)
    found = rows.values_list("visit_id", RecordPrint(), NamedPrint(F("visit_id")))
    return {pk: Prints(record, named, catalogs, version) for pk, record, named in found}


def leave_stale(visit_ids: Collection[int]) -> None:
    """Note a change of the visits whose claims were to be built but were not."""
    with connection.cursor() as cursor:
        cursor.execute(_LEAVE, [list(visit_ids)])


def catalogs_print(facility: Facility) -> str:
    """The print of all catalogue rows of the facility as they are now."""
    found: str = Facility.objects.values_list(CatalogsPrint(F("pk")), flat=True).get(pk=facility.pk)
    return found


def is_fresh(facility: Facility, standard: str = "") -> Q:
    """The condition on a split in force, joined to its current claim as `claim`, that the claim need not be built.

    The cheap questions come first: the database asks the next one only when the last was answered with yes. The print
    of the catalogues is the same for all rows of a statement, and asked once.
    """
    return (
        Q(claim__result_id=F("pk"), claim__data_version=data_version(standard))
        & ~Exists(SourceChange.objects.filter(visit_id=OuterRef("visit_id")))
        & Q(claim__record_print=RecordPrint())
        & (Q(claim__catalogs_print=CatalogsPrint(Value(facility.pk))) | Q(claim__named_print=NamedPrint(F("visit_id"))))
    )


def states(facility: Facility, visit_ids: Sequence[int]) -> dict[int, str]:
    """The states of the claims of these visits that need not be built, by visit."""
    rows = BenefitResult.objects.for_facility(facility).filter(visit_id__in=visit_ids, is_current=True)
    joined = rows.annotate(claim=FilteredRelation("visit__claims", condition=Q(visit__claims__is_current=True)))
    fresh = joined.filter(is_fresh(facility))
    return dict(fresh.values_list("visit_id", "claim__state"))


def data_version(standard: str = "") -> str:
    """What decides a claim beside its record: data and code of the product, and the standard when one is forced."""
    version = _data_version(law.roots())
    return f"{version}:{standard}" if standard else version


@cache
def _data_version(roots: tuple[Path, ...]) -> str:
    """Read once in a process for each choice of data folders."""
    digest = hashlib.sha256()
    for folder, names in ((CODE, BUILT_BY), (CODE.parent, MIGRATIONS), *((root, BUILT_FROM) for root in roots)):
        for path in sorted(_files(folder, names)):
            digest.update(f"{path.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        place = folder / name
        found: Iterable[Path] = place.rglob("*") if place.is_dir() else [place]
        yield from (path for path in found if path.suffix in _SUFFIXES and path.is_file())

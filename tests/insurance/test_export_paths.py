"""The fast path of the export writes the bytes of the clear path, in every form, and reads by index."""

import hashlib
import json
import unicodedata
import zipfile
from datetime import date
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from his.catalogs.services import import_catalog
from his.demo.places import STATION, build_places
from his.demo.volume.load import load_month
from insurance.claims import fresh, services
from insurance.claims.build import build_tables
from insurance.claims.export import export_month
from insurance.claims.gather import gather
from insurance.claims.services import build_claim, build_month
from insurance.claims.stored import rows_of
from insurance.claims.targets import Folder
from insurance.claims.write import month_rows, row_by_row
from insurance.models import Claim
from insurance.standards import Layout, Template, load, parse_file, render_envelope, render_table
from insurance.standards.values import clean_text
from patients.models import Patient, Visit
from tests.cast import World, at
from tests.insurance import standard_cases as cases
from tests.insurance import walk
from tests.insurance.walk import MONTH

TEXT = (
    "a\\tb\\N & <b> > \"q\" 'x'\tTab\r\nDòng 2\rDòng 3 \\ " + unicodedata.normalize("NFD", "Ệ Ữ ơ") + "\x1f\x1e\x1d]]>"
)


def month(world: World) -> list[Claim]:
    """Claims of three standards: awkward texts, one without drugs and results, an ordinary one."""
    place = world.hospital
    hostile = walk.hostile(world, place, clean_text(TEXT))
    Patient.objects.update(address=TEXT)  # as another system may have left it
    patient, card = walk.someone(place, "Vũ Thị Mai", card="DN4999900000002")
    bare = walk.visit_of(world, place, patient, card).examine("Z34.9").sign()
    steps = [hostile, bare, walk.lan_full(world, place)]
    for step, standard in zip(steps, ("qd4750", "", "qd3176"), strict=True):
        step.settled()
        build_claim(visit=step.visit, actor=place.actor("claims"), at=at(17), standard=standard)
    Claim.objects.update(data_version=fresh.data_version())  # as if the ends of the visits had chosen the standards
    return list(Claim.objects.order_by("claim_code"))


def reference(claim: Claim) -> bytes:
    """The file of a claim by the clear path, from its record."""
    visits = Visit.objects.select_related("patient", "card", "facility")
    (record,) = gather(claim.facility, [visits.get(pk=claim.visit_id)])
    standard = load(claim.standard)
    tables = [(name, render_table(standard, name, rows)) for name, rows in build_tables(record).in_envelope(standard)]
    return render_envelope(standard, claim.facility.code, claim.made_on, [tables])


def export(world: World, folder: Path, **how: bool) -> dict[str, bytes]:
    """What an export of stored claims leaves in its folder, by name; nothing is built."""
    export_month(month=MONTH, out_dir=folder, actor=world.hospital.actor("claims"), at=at(18), **how)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def claims(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Claim]:
    stored = month(world)
    monkeypatch.setattr(services, "build", lambda *_: pytest.fail("the claims are stored"))
    return stored


@pytest.mark.django_db
def test_each_file_is_byte_for_byte_that_of_the_clear_path(world: World, claims: list[Claim], tmp_path: Path) -> None:
    files = export(world, tmp_path)
    manifest = json.loads(files.pop("manifest.json"))
    assert files == {f"{claim.claim_code}.xml": reference(claim) for claim in claims}
    assert [claim.standard for claim in claims] == ["qd4750", "qd1931", "qd3176"]
    assert list(claims[1].row_counts) == ["XML1", "XML3"]
    assert any(clean_text(TEXT) in row.values() for rows in rows_of(claims[0]).values() for row in rows)
    assert manifest["standards"] == ["qd1931", "qd3176", "qd4750"]
    for row, claim in zip(manifest["files"], claims, strict=True):
        content = files[row["file"]]
        digest = hashlib.sha256(content).hexdigest()
        assert (row["sha256"], row["bytes"], row["standard"]) == (digest, len(content), claim.standard)
        assert claim.sha256 == digest


@pytest.mark.django_db
def test_one_file_carries_the_claims_of_a_standard(world: World, claims: list[Claim], tmp_path: Path) -> None:
    Claim.objects.filter(pk=claims[2].pk).update(made_on=date(2026, 10, 7))
    files = export(world, tmp_path / "a", single_file=True)
    assert files == export(world, tmp_path / "b", single_file=True)
    manifest = json.loads(files.pop("manifest.json"))
    assert sorted(files) == [f"99002-2026-10-{name}.xml" for name in ("qd1931", "qd3176", "qd4750")]
    for row in manifest["envelopes"]:
        content = files[row["file"]]
        assert (row["claims"], row["bytes"]) == (1, len(content))
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
    assert [row["file"] for row in manifest["files"]] == [f"99002-2026-10-{claim.standard}.xml" for claim in claims]
    assert parse_file(load("qd3176"), files["99002-2026-10-qd3176.xml"]).made_on == "20261007"


@pytest.mark.django_db
def test_one_file_counts_its_visits_and_holds_each_as_alone(world: World, tmp_path: Path) -> None:
    for number, name in enumerate(("Một", "Hai")):
        patient, card = walk.someone(world.hospital, name, card=f"DN499990000000{number}")
        walk.visit_of(world, world.hospital, patient, card).examine().sign().settled()
    alone = export(world, tmp_path / "files")
    (single,) = (c for n, c in export(world, tmp_path / "one", single_file=True).items() if n != "manifest.json")
    read = parse_file(load("qd1931"), single)
    assert (read.declared, len(read.claims), read.problems) == (2, 2, ())
    for claim in read.claims:
        (code,) = {row["MA_LK"] for rows in claim.tables.values() for row in rows}
        assert parse_file(load("qd1931"), alone[f"{code}.xml"]).claims[0].tables == claim.tables


@pytest.mark.django_db
@pytest.mark.parametrize("single_file", [False, True])
def test_the_zip_holds_the_same_files(world: World, claims: list[Claim], tmp_path: Path, single_file: bool) -> None:
    files = export(world, tmp_path / "files", single_file=single_file)
    ((name, packed),) = export(world, tmp_path / "zip", single_file=single_file, zipped=True).items()
    assert name == "99002-2026-10.zip"
    with zipfile.ZipFile(tmp_path / "zip" / name) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
    assert export(world, tmp_path / "zip", single_file=single_file, zipped=True) == {name: packed}


@pytest.mark.django_db
def test_a_full_disk_is_said_and_leaves_no_manifest(
    world: World, claims: list[Claim], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Folder, name: str, content: bytes) -> None:
        raise OSError(28, "No space left on device", name)

    monkeypatch.setattr(Folder, "write", full)
    with pytest.raises(OSError, match="No space"):
        export(world, tmp_path)
    assert not (tmp_path / "manifest.json").exists()
    assert not Claim.objects.filter(exported_at__isnull=False).exists()


@pytest.mark.django_db
def test_progress_tells_what_is_done(world: World, tmp_path: Path) -> None:
    for step in (walk.lan_full(world, world.hospital), walk.hung(world, world.hospital).examine("J06.9").sign()):
        step.close()
    said: list[tuple[str, int]] = []
    export_month(
        month=MONTH,
        out_dir=tmp_path,
        actor=world.hospital.actor("claims"),
        at=at(18),
        progress=lambda what, done: said.append((what, done)),
    )
    assert said == [("write", 2), ("build", 1), ("write", 2)]


_CLEAN = st.text(alphabet=st.sampled_from("<>&\"'\n\t ;\\aơ\u1ec6")).map(clean_text)


@given(st.lists(_CLEAN, min_size=3, max_size=3), st.integers(0, 70))
def test_any_clean_text_is_written_as_the_clear_path_writes_it(texts: list[str], more: int) -> None:
    standard = load("qd1931")
    template = Template(Layout.of(standard))
    tags = [field.tag for field in standard.table("XML4").fields]
    rows = [dict(zip(tags, texts, strict=False))] * (more + 1)
    document = render_table(standard, "XML4", rows)
    body = template.layout.join({"XML4": document.decode()}).encode()
    tables = [("XML4", document)]
    assert template.file("99002", date(2026, 10, 6), body) == render_envelope(
        standard, "99002", date(2026, 10, 6), [tables]
    )
    assert template.layout.split(body.decode()) == {"XML4": [dict.fromkeys(tags, "") | rows[0]] * (more + 1)}


def test_a_standard_in_another_encoding_is_written_as_the_clear_path_writes_it() -> None:
    standard = load("qd1931")
    other = type(standard)(**{**vars(standard), "encoding": "utf-16-le"})
    template = Template(Layout.of(other))
    document = render_table(other, "XML1", [cases.SUMMARY])
    body = template.layout.join({"XML1": document.decode("utf-16-le")})
    written = template.file("99002", date(2026, 10, 6), body.encode())
    tables = [("XML1", document)]
    assert written == render_envelope(other, "99002", date(2026, 10, 6), [tables])


@pytest.mark.django_db
def test_the_statement_finds_all_rows_of_a_visit_by_index() -> None:
    place = build_places()[STATION]
    import_catalog(kind="starter", path=None, actor_name="test", facility=place.facility)
    load_month(facility=place.facility, month=MONTH, visits=300, seed=1)
    build_month(month=MONTH, actor=place.actor("claims"), at=at(18), limit=300)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT relname FROM pg_class WHERE reltuples >= 100 AND relkind = 'r'")
        filled = {name for (name,) in cursor.fetchall()}  # of a table of one page no index is of use
        statement, values = month_rows(place.facility, MONTH, "").query.sql_with_params()
        with row_by_row(cursor):
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", values)
            (plan,) = cursor.fetchone()[0]
    found = nodes(plan["Plan"])
    scans = [node for node in found if node.get("Relation Name", "his_").split("_")[0] != "his"]
    of_many_rows = [node for node in scans if node["Relation Name"] in filled]
    assert len({node["Relation Name"] for node in of_many_rows}) >= 11
    for node in of_many_rows:
        assert node["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Heap Scan"), node
        assert "Index Cond" in node or "Recheck Cond" in node or node["Alias"] == "patients_visit", node
    assert not [node for node in found if node["Node Type"] == "Sort"]


def nodes(plan: dict) -> list[dict]:
    """A node of a plan and all below it."""
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes(part))]

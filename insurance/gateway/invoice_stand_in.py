"""A stand-in for a provider of electronic invoices: for tests and the demonstration, of no legal value.

Keeps what it issued in one SQLite file, so that a key is answered the same way in every process, and fails when told
to: before a document is issued, or after it, as when an answer is lost on the way.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from lxml import etree

from insurance.gateway.invoices import Document, Issued, Notice, ProviderRejected, ProviderUnavailable

Failure = Literal["unavailable", "lost_answer", "rejected"]
LOOKUP_URL = "https://hoadon.invalid/tra-cuu"

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS document (key TEXT PRIMARY KEY, symbol TEXT, number INTEGER, at TEXT, body TEXT,
        UNIQUE (symbol, number));
    CREATE TABLE IF NOT EXISTS notice (key TEXT PRIMARY KEY, number TEXT, reason TEXT, at TEXT);
    CREATE TABLE IF NOT EXISTS failure (id INTEGER PRIMARY KEY, kind TEXT);
"""


class StandIn:
    """The provider over one file. `name` is the facility's tax code, part of every lookup code."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        path.parent.mkdir(parents=True, exist_ok=True)

    def fail_next(self, *kinds: Failure) -> None:
        """The next requests that send something fail, one for each kind."""
        with self._open() as db:
            db.executemany("INSERT INTO failure (kind) VALUES (?)", [(kind,) for kind in kinds])

    def issue(self, document: Document, *, at: datetime) -> Issued:
        """See the port."""
        return self._issue(document, at)

    def adjust(self, document: Document, *, at: datetime) -> Issued:
        """See the port. Refuses an adjustment that names no invoice of this provider."""
        self._require_known(document)
        return self._issue(document, at)

    def replace(self, document: Document, *, at: datetime) -> Issued:
        """See the port. Refuses a replacement that names no invoice of this provider."""
        self._require_known(document)
        return self._issue(document, at)

    def get_status(self, key: str) -> Issued | None:
        """See the port."""
        with self._open() as db:
            return self._answer(db, key)

    def get_document(self, key: str) -> str:
        """See the port."""
        with self._open() as db:
            row = db.execute("SELECT body FROM document WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise ProviderRejected("Không có hóa đơn này")
        return str(row[0])

    def notify_error(self, notice: Notice, *, at: datetime) -> None:
        """See the port."""
        with self._open() as db:
            self._fail(db)
            row = (notice.key, notice.number, notice.reason, at.isoformat())
            db.execute("INSERT OR IGNORE INTO notice VALUES (?, ?, ?, ?)", row)

    def count(self) -> int:
        """How many documents were issued."""
        with self._open() as db:
            return int(db.execute("SELECT count(*) FROM document").fetchone()[0])

    def _issue(self, document: Document, at: datetime) -> Issued:
        with self._open() as db:
            if (known := self._answer(db, document.key)) is not None:
                return known
            failure = self._fail(db)
            last = db.execute("SELECT max(number) FROM document WHERE symbol = ?", (document.symbol,)).fetchone()[0]
            number = (last or 0) + 1
            body = xml_of(document, f"{number:08d}")
            row = (document.key, document.symbol, number, at.isoformat(), body)
            db.execute("INSERT INTO document VALUES (?, ?, ?, ?, ?)", row)
            answer = self._answer(db, document.key)
        if failure == "lost_answer" or answer is None:
            raise ProviderUnavailable("Nhà cung cấp không trả lời")
        return answer

    def _fail(self, db: sqlite3.Connection) -> str:
        """Do as told: raise, or say that the answer is to be lost. A failure counts even though nothing is issued."""
        row = db.execute("SELECT id, kind FROM failure ORDER BY id LIMIT 1").fetchone()
        if row is None:
            return ""
        db.execute("DELETE FROM failure WHERE id = ?", (row[0],))
        db.commit()
        if row[1] == "unavailable":
            raise ProviderUnavailable("Không kết nối được nhà cung cấp")
        if row[1] == "rejected":
            raise ProviderRejected("Mã số thuế người mua không tồn tại")
        db.execute("BEGIN IMMEDIATE")
        return str(row[1])

    def _answer(self, db: sqlite3.Connection, key: str) -> Issued | None:
        row = db.execute("SELECT symbol, number, at FROM document WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        symbol, number, at = row
        mark = sha256(f"{self.name}{symbol}{number}".encode()).hexdigest().upper()
        authority = mark[:34] if symbol.startswith("C") else ""
        return Issued(f"{number:08d}", datetime.fromisoformat(at), authority, mark[-12:], LOOKUP_URL)

    def _require_known(self, document: Document) -> None:
        with self._open() as db:
            row = db.execute(
                "SELECT 1 FROM document WHERE number = ?", (int(document.corrects_number or 0),)
            ).fetchone()
        if row is None:
            raise ProviderRejected("Không tìm thấy hóa đơn được điều chỉnh, thay thế")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        try:
            db.executescript(_SCHEMA)
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.commit()
        finally:
            db.close()


def xml_of(document: Document, number: str) -> str:
    """A plain XML of the document, unsigned; not the layout of the tax office."""
    root = etree.Element("HDon", key=document.key)
    head = {
        "KHMSHDon": document.form_no,
        "KHHDon": document.symbol,
        "SHDon": number,
        "NLap": document.day.isoformat(),
        "HTTToan": document.payment,
        "TTChung": document.relation_text,
        "LDo": document.reason,
    }
    for tag, text in head.items():
        etree.SubElement(root, tag).text = text
    for tag, party in (("NBan", document.seller), ("NMua", document.buyer)):
        node = etree.SubElement(root, tag)
        named = {"Ten": party.name, "DVi": party.company, "MST": party.tax_code, "CCCDan": party.citizen_id}
        for inner, text in {**named, "DChi": party.address, "DCTDTu": party.email}.items():
            etree.SubElement(node, inner).text = text
    for line in document.lines:
        node = etree.SubElement(root, "HHDVu")
        texts = {"THHDVu": line.name, "DVTinh": line.unit, "SLuong": line.quantity, "DGia": line.price}
        for inner, value in {**texts, "ThTien": line.amount, "TSuat": line.vat_code}.items():
            etree.SubElement(node, inner).text = str(value)
    for tag, value in {"TgTCThue": document.amount, "TgTThue": document.vat_amount, "TgTTTBSo": document.total}.items():
        etree.SubElement(root, tag).text = str(value)
    etree.SubElement(root, "TgTTTBChu").text = document.words
    return etree.tostring(root, encoding="unicode")

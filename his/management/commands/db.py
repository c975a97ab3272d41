"""`manage.py db start|stop|status|env`: the embedded PostgreSQL of this folder."""

import shlex
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from his.database.binaries import find_binaries
from his.database.config import clusters
from his.database.errors import ClusterError
from his.database.launcher import DATABASE, ROLE, Cluster, ensure_running, status, stop
from his.database.place import PORT


class Command(BaseCommand):
    help = "Khởi động, dừng hoặc xem cơ sở dữ liệu PostgreSQL đi kèm"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status", "env"])

    def handle(self, *, action: str, **options: object) -> None:
        try:
            getattr(self, f"_{action}")()
        except ClusterError as error:
            raise CommandError(str(error)) from error

    def _start(self) -> None:
        self._embedded_only()
        ensure_running(self._main())
        self._status()

    def _stop(self) -> None:
        for cluster in clusters(Path(settings.VAR_DIR)):
            if stop(cluster):
                self.stdout.write(f"Đã dừng cơ sở dữ liệu trong {cluster.folder}")

    def _status(self) -> None:
        if not self._is_embedded():
            self.stdout.write("DATABASE_URL đang được đặt: không dùng PostgreSQL đi kèm")
        for cluster in clusters(Path(settings.VAR_DIR)):
            found = status(cluster)
            if found is None:
                self.stdout.write(f"{cluster.folder}: chưa tạo")
                continue
            state = f"đang chạy, tiến trình {found.pid}" if found.pid else "đã dừng"
            self.stdout.write(f"{cluster.folder}: {state}, PostgreSQL {found.major}")
            self.stdout.write(f"  dữ liệu: {found.home}\n  socket: {found.socket}\n  nhật ký: {found.log}")

    def _env(self) -> None:
        """Shell lines for psql and pg_dump: eval "$(manage.py db env)"."""
        self._embedded_only()
        found = ensure_running(self._main())
        state = status(self._main())
        values = {
            "PGHOST": str(found.socket),
            "PGPORT": str(PORT),
            "PGUSER": ROLE,
            "PGDATABASE": DATABASE,
            "PGPASSWORD": found.password,
        }
        for name, value in values.items():
            self.stdout.write(f"export {name}={shlex.quote(value)}")
        folder = find_binaries(major=state.major if state else None).folder
        self.stdout.write(f"export PATH={shlex.quote(str(folder))}:$PATH")

    def _main(self) -> Cluster:
        return clusters(Path(settings.VAR_DIR))[0]

    @staticmethod
    def _is_embedded() -> bool:
        return bool(settings.DATABASES["default"]["ENGINE"] == "his.database.backend")

    def _embedded_only(self) -> None:
        if not self._is_embedded():
            raise CommandError("DATABASE_URL đang được đặt: hãy quản lý máy chủ đó bằng công cụ của nó")

"""Django's PostgreSQL backend on the embedded cluster: the first connection that finds no server starts it."""

from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base

from his.database.launcher import ROLE, Cluster, address, ensure_running
from his.database.place import PORT


class DatabaseWrapper(base.DatabaseWrapper):
    """Adds the socket and the password of the cluster, and starts it when nothing answers."""

    def cluster(self) -> Cluster:
        return Cluster(Path(self.settings_dict["CLUSTER"]), durable=self.settings_dict["DURABLE"])

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        found = address(self.cluster()) or ensure_running(self.cluster())
        return params | {"host": str(found.socket), "port": PORT, "user": ROLE, "password": found.password}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except self.Database.OperationalError:
            ensure_running(self.cluster())
            return super().get_new_connection(self.get_connection_params())

#!/usr/bin/env python
"""Entry point of every management command."""

import os
import sys

_UNDEFINED_TABLE = "42P01"
_NO_TABLES = "Cơ sở dữ liệu chưa có bảng hoặc chưa được nâng cấp: chạy `make demo`, hay `python manage.py migrate`."


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "his.settings")
    from django.core.management import execute_from_command_line
    from django.db import ProgrammingError

    from his.database.errors import ClusterError

    try:
        execute_from_command_line(sys.argv)
    except ClusterError as error:
        sys.exit(str(error))
    except ProgrammingError as error:
        if getattr(error.__cause__, "pgcode", "") != _UNDEFINED_TABLE:
            raise
        sys.exit(f"{_NO_TABLES}\n{error.__cause__}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python
"""Entry point of every management command."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "his.settings")
    from django.core.management import execute_from_command_line

    from his.database.errors import ClusterError

    try:
        execute_from_command_line(sys.argv)
    except ClusterError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

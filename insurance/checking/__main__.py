"""`python -m insurance.checking FOLDER`: the process in which uploaded files are checked."""

import os
import sys
from pathlib import Path

import django


def main() -> None:
    """Check one folder of the store and end."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "his.settings")
    django.setup()
    from insurance.checking.work import carry_out

    if hasattr(os, "nice"):
        os.nice(10)  # a desk that waits comes first
    carry_out(Path(sys.argv[1]))


if __name__ == "__main__":
    main()

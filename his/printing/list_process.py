"""The process in which a long list is printed: what to print comes as JSON on the input, the PDF goes to the output."""

import json
import sys
from datetime import datetime
from pathlib import Path

from his.printing.render import render_pdf


def main() -> None:
    """Print once and end."""
    asked = json.load(sys.stdin.buffer)
    at = datetime.fromisoformat(asked["at"]) if asked["at"] else None
    pdf = render_pdf(Path(asked["template"]), json.loads(asked["data"]), at=at, is_tagged=False)
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main()

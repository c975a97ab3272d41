"""The page for those who add a rule names every column, kind, measure and stage."""

from pathlib import Path

import pytest

import insurance.rules.engine.kinds  # noqa: F401 - registers the kinds
from insurance.rules.engine import Severity, Stage
from insurance.rules.engine.base import BATCH_KINDS, KINDS
from insurance.rules.engine.load import COLUMNS
from insurance.rules.engine.measures import MEASURES

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")


@pytest.mark.parametrize("name", [*COLUMNS, *KINDS, *BATCH_KINDS, *MEASURES, *Stage, *Severity])
def test_the_page_names_it(name: str) -> None:
    assert f"`{name}`" in PAGE

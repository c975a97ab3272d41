"""`manage.py bench stock` ends with figures as JSON; its clients are processes, so what they write must be stored."""

import io
import json

import pytest
from django.core.management import call_command

from his.demo.places import STATION


@pytest.mark.django_db(transaction=True)
def test_the_benchmark_of_stock_ends_with_figures_as_json():
    out = io.StringIO()
    call_command("bench", "stock", "--clients", "3", "--seconds", "0.9", "--facility", STATION, stdout=out)
    figures = json.loads(out.getvalue().splitlines()[-1])
    assert (figures["clients"], figures["oversold"], figures["stock_differences"]) == (3, 0, 0)
    assert figures["is_durable"] is False  # the throw-away cluster of the tests
    for way in ("", "plain_", "service_"):
        assert figures[f"{way}tps"] > 0
        assert figures[f"{way}p95_ms"] > 0
        assert figures[f"{way}python_ms"] > 0
    assert figures["over_plain"] == pytest.approx(figures["tps"] / figures["plain_tps"], rel=0.05)

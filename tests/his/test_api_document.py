"""The published document of the interface is the one that the code gives: a change is seen in review."""

import json
import re
from pathlib import Path

from django.test import Client

from his.api import api
from tests.cast import World

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"


def document() -> str:
    """The OpenAPI document as stored."""
    return json.dumps(api.get_openapi_schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def test_the_document_is_the_reviewed_one() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "store the new document in docs/openapi.json"


def test_every_operation_asks_who_is_calling(world: World, client: Client) -> None:
    paths = json.loads(document())["paths"]
    assert len(paths) > 10
    for path, operations in paths.items():
        for method in operations:
            address = re.sub(r"{\w+}", "1", path)
            answer = client.generic(method.upper(), address)
            assert answer.status_code in {401, 403, 404, 405}, (method, path, answer.status_code)


def test_a_refusal_is_a_problem_document(world: World, client: Client) -> None:
    client.force_login(world.hospital.users["reception"])
    answer = client.get("/api/pharmacy/stock")
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "forbidden"

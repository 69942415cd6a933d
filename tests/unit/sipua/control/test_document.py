"""The OpenAPI document of the package is that of the endpoints, and docs/api.md names them all."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from sipua.control.document import text
from sipua.control.http.problems import Kind

PAGE = (Path(__file__).parents[4] / "docs" / "api.md").read_text()
KEPT = resources.files("sipua.control").joinpath("openapi.json").read_text()


def test_the_document_is_up_to_date() -> None:
    assert text() == KEPT, "python -m sipua.control.document > sipua/control/openapi.json"


def test_each_path_and_each_problem_is_on_the_page() -> None:
    missing = [path for path in json.loads(KEPT)["paths"] if f"`{path}`" not in PAGE]
    missing += [kind.type for kind in Kind if f"`{kind.type.rpartition(':')[2]}`" not in PAGE]
    assert missing == []


def test_each_operation_has_a_name_of_its_own() -> None:
    paths = json.loads(KEPT)["paths"].values()
    names = [operation["operationId"] for path in paths for operation in path.values()]
    assert len(names) == len(set(names))

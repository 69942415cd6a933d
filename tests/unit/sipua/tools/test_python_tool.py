"""Python functions as tools: found, described, run where they cannot hurt the audio."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sipua.config.sections.tools import ToolsSection
from sipua.log import logs
from sipua.tools.python_tool import GROUP, PythonTools, load
from sipua.tools.toolbox import Toolbox
from sipua.tools.wire.errors import ToolLoadError
from support.calls.tool_call import Table

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)


@pytest.fixture
async def pool() -> AsyncIterator[PythonTools]:
    release = importlib.import_module("some_tools").RELEASE
    release.clear()
    pool = PythonTools()
    yield pool
    release.set()
    await pool.close()


async def run(
    pool: PythonTools, name: str, arguments: str = "{}", timeout_s: float = 5
) -> tuple[str, bool, str]:
    table = Table(load(f"some_tools:{name}", pool, timeout_s))
    (one,) = table.model_calls((name, arguments))
    result = await table.result(one)
    await table.runner.close()
    return result


async def test_the_schema_comes_from_the_signature_and_the_docstring(pool: PythonTools) -> None:
    declared = load("some_tools:find_order", pool, 5).declaration
    assert declared.name == "find_order"
    assert declared.description == (
        "Looks up an order by its number. Use it when the caller asks about an order."
    )
    assert declared.parameters == {
        "type": "object",
        "properties": {
            "number": {
                "type": "integer",
                "minimum": 1,
                "title": "Number",
                "description": "As it stands on the invoice, without letters.",
            },
            "kind": {
                "enum": ["new", "old"],
                "type": "string",
                "default": "new",
                "title": "Kind",
                "description": "Which list.",
            },
        },
        "required": ["number"],
        "additionalProperties": False,
    }


async def test_a_function_gets_its_arguments_and_the_call(pool: PythonTools) -> None:
    output, respond, outcome = await run(pool, "find_order", '{"number": 7}')
    assert json.loads(output) == {"number": 7, "state": 'new for "Anna" <sip:+4930123@192.0.2.1>'}
    assert (respond, outcome) == (True, "ok")


async def test_a_coroutine_runs_on_a_loop_of_its_own(pool: PythonTools) -> None:
    output, _, _ = await run(pool, "book", '{"day": "2026-03-02"}')
    assert json.loads(output) == {"weekday": "Monday", "seats": 2, "loop": "python-tools"}


@pytest.mark.parametrize("name", ["half", "half_later", "half_model"])
async def test_S21_half_characters_are_given_as_unreadable_ones(
    pool: PythonTools, name: str
) -> None:
    output, _, outcome = await run(pool, name)
    assert outcome == "ok"
    assert json.loads(output) == {"name": "half a smile: \ufffd"}


async def test_S21_half_characters_in_an_error_and_10_mb(pool: PythonTools) -> None:
    output, _, outcome = await run(pool, "half_refused")
    assert (json.loads(output), outcome) == ({"error": "half a smile: \ufffd\ufffd"}, "error")
    output, _, outcome = await run(pool, "far_too_long")
    assert (len(output.encode()) <= 16_384, outcome) == (True, "ok")


async def test_a_schema_written_by_hand(pool: PythonTools) -> None:
    assert (await run(pool, "by_hand", '{"x": [1]}'))[0] == "got {'x': [1]}"
    assert (await run(pool, "by_hand", "{}"))[2] == "refused"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("find_order", '{"number": 0}'), ("find_order", "{}"), ("book", '{"day": "Monday"}')],
)
async def test_arguments_that_do_not_fit(pool: PythonTools, name: str, arguments: str) -> None:
    output, _, outcome = await run(pool, name, arguments)
    assert outcome == "refused"
    assert "do not fit" in output


async def test_what_a_tool_explains_and_what_it_does_not(
    pool: PythonTools, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", "json")
    output, _, outcome = await run(pool, "explains")
    assert (json.loads(output)["error"], outcome) == ("The kitchen is closed on Mondays.", "error")
    output, _, outcome = await run(pool, "breaks")
    assert outcome == "error"
    assert "geheim" not in output
    assert "KeyError" in capsys.readouterr().err
    assert (await run(pool, "leaves"))[2] == "error"


async def test_a_function_that_blocks_is_given_up_and_the_loop_goes_on(pool: PythonTools) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert (await run(pool, "stuck", timeout_s=0.2))[2] == "timeout"
    assert (await run(pool, "rude"))[0] == "done"
    ticking.cancel()
    assert ticks > 5


async def test_functions_that_never_return_are_bounded(
    pool: PythonTools,
) -> None:
    pool._busy = threading.BoundedSemaphore(2)
    for _ in range(2):
        assert (await run(pool, "stuck", timeout_s=0.05))[2] == "timeout"
    output, _, outcome = await run(pool, "stuck", timeout_s=0.05)
    assert outcome == "error"
    assert "stuck" in output


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("no_such_module:x", "No module named"),
        ("some_tools:no_such", "no attribute"),
        ("some_tools:not_a_function", "is no function"),
        ("some_tools:untyped", "the parameter x has no type"),
        ("some_tools:silent", "has no docstring"),
        ("some_tools:positional", "cannot be given by name"),
        ("no-such-entry", "there are: none"),
    ],
)
async def test_what_cannot_be_loaded(pool: PythonTools, spec: str, what: str) -> None:
    with pytest.raises(ToolLoadError) as caught:
        load(spec, pool, 5)
    assert what in str(caught.value)
    assert spec in str(caught.value)


async def test_a_module_that_fails_to_import(
    pool: PythonTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad_tools.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ToolLoadError, match="ZeroDivisionError"):
        load("bad_tools:x", pool, 5)


async def test_an_entry_point_is_found_by_its_name(
    pool: PythonTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = importlib.metadata.EntryPoint("order-finder", "some_tools:find_order", GROUP)
    entries = importlib.metadata.EntryPoints([entry])
    monkeypatch.setattr("sipua.tools.python_tool.entry_points", lambda **_: entries)
    assert load("order-finder", pool, 5).declaration.name == "order-finder"


async def test_names_are_unique_among_all_tools() -> None:
    section: dict[str, Any] = {
        "python": ["some_tools:book"],
        "webhooks": [{"name": "book", "description": "Books a table.", "url": "https://x.example"}],
    }
    with pytest.raises(ToolLoadError, match="another tool named book"):
        Toolbox(ToolsSection(**section))

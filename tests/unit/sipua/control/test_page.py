"""The files of the page, as they are in the package and as they are sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from sipua.config import Config
from sipua.control import document
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.resources.page import PageResource

FOLDER = Path(document.__file__).parent / "page"
FILES = {
    path.relative_to(FOLDER).as_posix(): path.read_text()
    for path in sorted(FOLDER.rglob("*"))
    if path.is_file()
}
SCRIPTS = {name: text for name, text in FILES.items() if name.endswith(".js")}
MOST = 200_000
"""Bytes in all: what a browser loads over a tunnel."""


def endpoints(**api: object) -> dict[str, Endpoint]:
    config = Config.model_validate({"api": api})
    return {one.path: one for one in PageResource(config).endpoints()}


def test_each_file_is_sent_and_nothing_else() -> None:
    assert set(endpoints()) == {"/" if name == "index.html" else f"/page/{name}" for name in FILES}
    assert endpoints(page=False) == {}
    assert sum(len(text.encode()) for text in FILES.values()) < MOST


async def test_the_browser_is_bound() -> None:
    for one in endpoints().values():
        asked = Asked({}, None, None, None, cast("web.BaseRequest", None))
        answer = await one.handler(asked)
        assert isinstance(answer, Answer)
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert policy[0] == "default-src 'self'"
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in str(policy)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert (one.right, one.documented) == (None, False)


def test_the_page_is_no_part_of_the_api() -> None:
    assert "/page/" not in document.text()


def test_there_is_nothing_that_the_policy_forbids() -> None:
    html = FILES["index.html"]
    assert re.findall(r"<script[^>]*>(?!</script>)|<style|style=|\son\w+=", html) == []
    for name, text in FILES.items():
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, name


@pytest.mark.parametrize("name", SCRIPTS)
def test_text_never_becomes_markup(name: str) -> None:
    ways = (
        r"(inner|outer|Adjacent)HTML|document\.write|DOMParser|eval\(|Function\(|srcdoc|javascript:"
    )
    assert re.findall(ways, SCRIPTS[name]) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_is_imported_is_there_and_used(name: str) -> None:
    text = SCRIPTS[name]
    for names, path in re.findall(r'^import (.+?) from "(.+?)";$', text, re.MULTILINE | re.DOTALL):
        target = (FOLDER / name).parent / path
        assert target.is_file(), path
        for one in re.findall(r"\w+", names.replace("* as ", "")):
            assert len(re.findall(rf"\b{one}\b", text)) > 1, f"{one} is not used"
            if "* as" not in names:
                assert re.search(
                    rf"^export (?:async )?(?:function\*?|class|const) {one}\b",
                    target.read_text(),
                    re.MULTILINE,
                ), f"{path} has no {one}"


def test_no_script_is_longer_than_a_reader_likes() -> None:
    assert {name for name, text in SCRIPTS.items() if text.count("\n") > 400} == set()

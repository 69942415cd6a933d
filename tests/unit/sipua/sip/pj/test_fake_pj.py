"""The fake pjsua2 is honest: it offers nothing that the real one has not, and all that we use."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pjsua2 as real
import pytest

from support.signalling import fake_pj

SIP = Path(__file__).parents[5] / "sipua" / "sip" / "pj"
FILES = ("endpoint", "account", "call", "library")
OF_THE_TEST = {"Call": {"tell"}}


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


@pytest.mark.parametrize("kind", fake_pj.FAKES, ids=lambda kind: str(kind.__name__))
def test_it_offers_what_the_real_one_has(kind: type) -> None:
    ours = public(kind) - OF_THE_TEST.get(kind.__name__, set())
    assert ours
    assert ours <= set(dir(getattr(real, kind.__name__)))


@pytest.mark.parametrize("kind", fake_pj.FAKES, ids=lambda kind: str(kind.__name__))
def test_its_methods_take_no_more_than_the_real_ones(kind: type) -> None:
    """SWIG's own say how many arguments they take; overloaded ones say nothing."""
    for name in public(kind) - OF_THE_TEST.get(kind.__name__, set()):
        theirs = inspect.signature(getattr(getattr(real, kind.__name__), name)).parameters
        ours = inspect.signature(getattr(kind, name)).parameters
        if not any(one.kind is one.VAR_POSITIONAL for one in theirs.values()):
            assert len(ours) == len(theirs), name


@pytest.mark.parametrize("file", FILES)
def test_it_has_every_name_that_we_use(file: str) -> None:
    fake = fake_pj.module()
    tree = ast.parse((SIP / f"{file}.py").read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "pj"
    }
    assert used
    assert all(hasattr(fake, name) for name in used)


@pytest.mark.parametrize(
    ("file", "kind"),
    [("call", fake_pj.Call), ("account", fake_pj.Account), ("library", fake_pj.Endpoint)],
)
def test_every_callback_of_ours_is_one_of_theirs(file: str, kind: type) -> None:
    tree = ast.parse((SIP / f"{file}.py").read_text())
    ours = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("on")
    }
    assert ours
    assert ours == {name for name in public(kind) if name.startswith("on")}

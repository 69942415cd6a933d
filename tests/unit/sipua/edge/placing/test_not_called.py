"""A number in the list is not called; nor is any, when the list cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sipua.config import Config
from sipua.edge import outbound as command
from sipua.edge.outbound import OutboundRequest
from sipua.edge.placing import not_called
from sipua.edge.placing.not_called import UnreadableError
from sipua.edge.placing.outgoing import ForbiddenError
from sipua.edge.wiring import outbound
from sipua.process.exits import Exit


def config(home: Path, **keys: Any) -> Config:
    return Config.model_validate({"outbound": {"directory": str(home), **keys}})


def list_it(of: Config, number: str = "+4930123456") -> Path:
    outbound.do_not_call_list(of).add([number], by="me", reason="", now_s=0.0)
    return outbound.directory(of) / "do_not_call.sqlite3"


def test_the_rule_is_named(tmp_path: Path) -> None:
    of = config(tmp_path)
    not_called.check(of, "+4930123456", "carrier")
    list_it(of)
    with pytest.raises(ForbiddenError) as refused:
        not_called.check(of, "+4930123456", "carrier")
    assert (refused.value.rule, refused.value.trunk) == ("do_not_call", "carrier")
    assert str(refused.value) == "do_not_call: in the list since 1970-01-01, by me"
    not_called.check(of, "+4930123457", "carrier")
    not_called.check(of, "bob", "carrier")
    not_called.check(config(tmp_path, do_not_call=False), "+4930123456", "carrier")


def test_a_list_that_cannot_be_read_keeps_all_numbers_from_being_called(tmp_path: Path) -> None:
    file = list_it(config(tmp_path))
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(UnreadableError, match="cannot be read"):
        not_called.check(config(tmp_path), "+4930999999", "")


def test_unless_the_configuration_says_otherwise(tmp_path: Path) -> None:
    file = list_it(config(tmp_path))
    file.write_bytes(b"no database" * 1000)
    not_called.check(config(tmp_path, list_unreadable="call"), "+4930123456", "")


def test_sipua_outbound_asks_the_list_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of = config(tmp_path)
    list_it(of)
    code = command.run(of, OutboundRequest("sip:+4930123456@192.0.2.1"))
    assert code == Exit.USAGE
    assert "do_not_call: in the list since" in capsys.readouterr().err

from __future__ import annotations

from pathlib import Path

import pytest

from sipua.config.toml.toml_file import UnreadableError, read_toml
from sipua.config.values.problems import Problem


def problem(path: Path) -> Problem:
    with pytest.raises(UnreadableError) as caught:
        read_toml(path)
    return caught.value.problem


def test_good(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text("[sip]\nport = 5060\n")
    text, data = read_toml(tmp_path / "edge.toml")
    assert text.startswith("[sip]")
    assert data == {"sip": {"port": 5060}}


def test_missing_files_name_their_neighbour(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").touch()
    assert problem(tmp_path / "egde.toml").fix == f"did you mean {tmp_path}/edge.toml?"
    assert "check the path" in problem(tmp_path / "quite-another").fix
    assert "no folder" in problem(tmp_path / "none" / "edge.toml").fix


def test_not_a_file(tmp_path: Path) -> None:
    assert problem(tmp_path).what == "is a directory"


def test_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", refuse)  # chmod does not stop root
    assert "may not be read" in problem(tmp_path / "edge.toml").what


@pytest.mark.parametrize(
    ("data", "line", "what", "fix"),
    [
        (b"[sip]\nhost = 127.0.0.1\n", 2, "Expected newline", "double quotes"),
        (b"[sip]\n\nhost = all\n", 3, "Invalid value", "double quotes"),
        (b'[sip]\nhost = "x\nport = 1\n', 2, "Illegal character", "ends with a double quote"),
        (b"[sip]\nport = 1\nport = 2\n", 3, "Cannot overwrite", "stands twice"),
        (b"[sip]\n[rtp]\n[sip]\n", 3, "Cannot declare", "write its keys under one header"),
        (b"[sip]\nport\n", 2, "Expected '='", "port = 5060"),
        (b'[sip]\ntransports = ["udp"\n', 3, "Unclosed array", "a list ends with ]"),
        (b'[sip]\nuser_agent = "\xff"\n', 2, "not UTF-8", "save it as UTF-8"),
        (b"\xef\xbb\xbf[sip]\n", None, "byte order mark", "without BOM"),
    ],
)
def test_syntax(tmp_path: Path, data: bytes, line: int | None, what: str, fix: str) -> None:
    path = tmp_path / "edge.toml"
    path.write_bytes(data)
    found = problem(path)
    assert found.origin.line == line
    assert what in found.what
    assert fix in found.fix


def test_H8_a_secret_in_a_broken_line_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    for line in ('password = "hunter2', "password = hunter2", "hunter2 password", 'x = "hunter2'):
        path.write_text(f"[[accounts]]\n{line}\nname = 'a'\n")
        text = str(problem(path))
        assert "hunter2" not in text
        assert ("password = …" in text) is line.startswith("password")

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sipua.config.load.secrets import SecretFileError, is_exposed, read_secret


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_the_end_of_the_line_does_not_count(tmp_path: Path, end: str) -> None:
    (tmp_path / "s").write_bytes(f"hunter2{end}".encode())
    assert read_secret("s", tmp_path, {}).text == "hunter2"


def test_home_and_relative_and_absolute(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("hunter2")
    elsewhere = Path("/nowhere")
    assert read_secret("~/s", elsewhere, {"HOME": str(tmp_path)}).path == tmp_path / "s"
    assert read_secret("s", tmp_path, {}).path == tmp_path / "s"
    assert read_secret(str(tmp_path / "s"), elsewhere, {}).text == "hunter2"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"one\ntwo\n", "has 2 lines"),
        (b"\xff\xfe", "is not text"),
        (b"x" * 20_000, "too long"),
    ],
)
def test_bad_contents_are_told_but_never_shown(tmp_path: Path, data: bytes, what: str) -> None:
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(SecretFileError) as caught:
        read_secret("s", tmp_path, {})
    assert what in caught.value.what
    assert "two" not in caught.value.what + caught.value.fix


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for name, what in (("none", "there is no file"), (".", "is a directory"), ("a\0b", "cannot")):
        with pytest.raises(SecretFileError, match=what):
            read_secret(name, tmp_path, {})


def test_unreadable_for_this_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)  # chmod does not stop root
    with pytest.raises(SecretFileError, match="may not be read by this user"):
        read_secret("s", tmp_path, {})


def test_exposed(tmp_path: Path) -> None:
    file = tmp_path / "s"
    file.write_text("hunter2")
    for mode, exposed in ((0o600, False), (0o640, False), (0o644, True)):
        file.chmod(mode)
        assert read_secret("s", tmp_path, {}).exposed is exposed
    assert not is_exposed(Path("/run/secrets/key"), stat.S_IFREG | 0o444)
    assert not is_exposed(Path("/dev/fd/63"), stat.S_IFIFO | 0o644)


def test_a_credential_of_systemd(tmp_path: Path) -> None:
    (tmp_path / "office").write_text("hunter2\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_secret("credential:office", Path("/nowhere"), environ).text == "hunter2"
    with pytest.raises(SecretFileError, match="there is no file") as caught:
        read_secret("credential:home", tmp_path, environ)
    assert caught.value.fix.startswith("LoadCredential=home:/etc/sipua/home")


@pytest.mark.parametrize("folder", [None, "", "relative"])
def test_a_credential_without_systemd_says_what_to_write(
    tmp_path: Path, folder: str | None
) -> None:
    environ = {} if folder is None else {"CREDENTIALS_DIRECTORY": folder}
    with pytest.raises(SecretFileError, match="CREDENTIALS_DIRECTORY is not set") as caught:
        read_secret("credential:office", tmp_path, environ)
    assert "LoadCredential=office:" in caught.value.fix


@pytest.mark.parametrize("name", ["", ".", "..", "../s", "a/b", "/etc/passwd", ".hidden", "a b"])
def test_the_name_of_a_credential_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "s").write_text("hunter2")
    with pytest.raises(SecretFileError, match="not the name of a credential"):
        read_secret(f"credential:{name}", tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path / "c")})

"""Secrets in files of their own: `password_file`, `api_key_file`.

`credential:NAME` in the place of a path is a credential of systemd (`LoadCredential=` of the unit).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LARGEST_BYTES = 16_384

# Docker mounts secrets here, readable for all inside a container that has one user.
_CONTAINER_SECRETS = Path("/run/secrets")

CREDENTIAL = "credential:"
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The variable that systemd sets for a unit that has any."""
_CREDENTIAL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,254}")


class SecretFileError(Exception):
    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


@dataclass(frozen=True, slots=True)
class SecretFile:
    path: Path
    text: str
    exposed: bool  # readable by every user of the machine


def read_secret(name: str, base: Path, environ: Mapping[str, str]) -> SecretFile:
    """The only line of the file, without its end. `~` is the home; paths are relative to `base`.

    Raises SecretFileError.
    """
    if name.startswith(CREDENTIAL):
        path = _credential(name.removeprefix(CREDENTIAL), environ)
    else:
        path = base / expand(name, environ)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise SecretFileError(f"there is no file {path}", _missing(name, path)) from None
    except IsADirectoryError:
        raise SecretFileError(f"{path} is a directory", "name a file inside it") from None
    except PermissionError:
        raise SecretFileError(
            f"{path} may not be read by this user (uid {os.geteuid()})",
            f"chown it to the user that runs sipua, chmod 600 {path}",
        ) from None
    except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
        raise SecretFileError(f"{path} cannot be read: {error}", _create(path)) from None
    return SecretFile(path, _only_line(path, data), is_exposed(path, mode))


def _credential(name: str, environ: Mapping[str, str]) -> Path:
    if not _CREDENTIAL_NAME.fullmatch(name):
        raise SecretFileError(
            "is not the name of a credential", f'"{CREDENTIAL}office": letters, digits, . _ - @'
        )
    folder = Path(environ.get(CREDENTIALS, ""))
    if not folder.is_absolute():
        raise SecretFileError(
            f"{CREDENTIALS} is not set: this process has no credentials of systemd",
            f"LoadCredential={name}:/etc/sipua/{name} in the unit; by hand: "
            f"{CREDENTIALS}=FOLDER before the command, with a file {name} in that folder",
        )
    return folder / name


def is_exposed(path: Path, mode: int) -> bool:
    return (
        stat.S_ISREG(mode)
        and bool(mode & stat.S_IROTH)
        and not path.is_relative_to(_CONTAINER_SECRETS)
    )


def expand(name: str, environ: Mapping[str, str]) -> str:
    home = environ.get("HOME", "")
    if home and (name == "~" or name.startswith("~/")):
        return home + name[1:]
    return name


def _only_line(path: Path, data: bytes) -> str:
    if len(data) > _LARGEST_BYTES:
        raise SecretFileError(f"{path} is too long for a secret", "is it the right file?")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise SecretFileError(f"{path} is not text (UTF-8)", "is it the right file?") from None
    text = text.rstrip("\r\n")
    if not text.strip():
        raise SecretFileError(f"{path} is empty", "write the secret into it, as its only line")
    if "\n" in text or "\r" in text:
        lines = len(text.splitlines())
        raise SecretFileError(
            f"{path} has {lines} lines", "the file must hold the secret and nothing else"
        )
    return text


def _missing(name: str, path: Path) -> str:
    if name.startswith(CREDENTIAL):
        return f"LoadCredential={path.name}:/etc/sipua/{path.name} in the unit, and restart it"
    return _create(path)


def _create(path: Path) -> str:
    return f"umask 077; cat > {path}   (type the secret, Enter, Ctrl-D); or correct the path"

"""Tables in files of their own: `parameters_file` holds `parameters`, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sipua.config.load.secrets import expand

_LARGEST_BYTES = 262_144


class DocumentError(Exception):
    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def read_document(name: str, base: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """The file's JSON object. `~` is the home; paths are relative to `base`."""
    path = base / expand(name, environ)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise DocumentError(f"there is no file {path}", "correct the path") from None
    except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
        raise DocumentError(f"{path} cannot be read: {error}", "correct the path") from None
    if len(data) > _LARGEST_BYTES:
        raise DocumentError(f"{path} is too long", "is it the right file?")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DocumentError(
            f"{path} is not JSON: {error}", f"python3 -m json.tool {path}"
        ) from None
    if not isinstance(document, dict):
        raise DocumentError(f"{path} holds no JSON object", '{"type": "object", …}')
    return document

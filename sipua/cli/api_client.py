"""The client of the API, for commands: where the edge is, whose token, and errors in words."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from sipua.process.command_parser import plain_command
from sipua.process.exits import Exit
from sipua.process.terminal_text import clean, json_text

if TYPE_CHECKING:
    from urllib.error import HTTPError

URL = "http://127.0.0.1:8090"
_WITHIN_S = 130.0
"""The API itself answers within two minutes, whatever it is asked to wait for."""

EPILOG = """\
example:
  {example}

The edge is asked by its API (docs/api.md): SIPUA_API_URL and SIPUA_TOKEN_FILE stand
for --url and --token-file.
"""

_HINTS = {
    "wrong-token": "--token-file or SIPUA_TOKEN_FILE must name a token of this edge's api.tokens",
    "no-call": "`sipua calls ls` has those that are up, `sipua cdr ls` those that have ended",
    "call-ended": "`sipua cdr show` tells how it ended",
}
"""What to do next, by the problem's type."""
_UNFIT_CONFIGURATION = "unfit-configuration"


class ClientError(Exception):
    """The text says what is wrong; `places`, one by one, where."""

    def __init__(self, text: str, code: Exit, places: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.code = code
        self.places = tuple(places)

    def __str__(self) -> str:
        return ": ".join([*self.args, *self.places])


def add(
    commands: Any,
    name: str,
    handler: Callable[[argparse.Namespace], int],
    summary: str,
    *,
    example: str,
    below: bool = False,
) -> argparse.ArgumentParser:
    """A command that asks an edge. `below`: another one, which may have been given the options."""

    def handled(args: argparse.Namespace) -> int:
        try:
            return handler(args)
        except ClientError as error:
            # The words may be a peer's.
            sys.stderr.write(f"sipua: {clean(error.args[0])}\n")
            sys.stderr.writelines(f"  {clean(place)}\n" for place in error.places)
            return error.code

    parser = plain_command(commands, name, handled, summary)
    unset: Any = argparse.SUPPRESS if below else None
    off: Any = argparse.SUPPRESS if below else False
    for option, metavar, what in (
        ("--url", "URL", f"of the edge's API (default: {URL})"),
        ("--token-file", "FILE", "the file of the token"),
        ("--ca-file", "FILE", "trusted besides the system's"),
    ):
        kind = Path if metavar == "FILE" else str
        parser.add_argument(option, type=kind, metavar=metavar, help=what, default=unset)
    parser.add_argument("--json", action="store_true", help="JSON instead of text", default=off)
    parser.epilog = EPILOG.format(example=example)
    return parser


def ask(
    args: argparse.Namespace,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    within_s: float = _WITHIN_S,
) -> dict[str, Any]:
    """Raises ClientError."""
    from http.client import HTTPException

    with open_stream(args, method, path, body, within_s=within_s) as answer:
        try:
            data = answer.read()
            found = json.loads(data) if data else {}
        except (OSError, HTTPException) as error:
            raise ClientError(f"the connection is lost: {error}", Exit.NETWORK) from None
        except ValueError:
            raise ClientError("the answer is no JSON: is it an edge of ours?", Exit.UNFIT) from None
    if not isinstance(found, dict):
        raise ClientError("the answer is not as expected: is it an edge of ours?", Exit.UNFIT)
    return found


def open_stream(
    args: argparse.Namespace,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    within_s: float = _WITHIN_S,
) -> IO[bytes]:
    """The answer, to be read and closed. Raises ClientError."""
    import ssl
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    url = _url(args)
    headers = {"Authorization": f"Bearer {_token(args)}"}
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    request = Request(url + path, data, headers, method=method)  # noqa: S310 (checked above)
    context = ssl.create_default_context(cafile=args.ca_file) if url[:5] == "https" else None
    try:
        answer: IO[bytes] = urlopen(request, timeout=within_s, context=context)  # noqa: S310
    except HTTPError as error:
        raise ClientError(*_words(error)) from None
    except (URLError, OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        words = f"{url} does not answer: {reason}; does the edge run, with api.enabled?"
        raise ClientError(words, Exit.NETWORK) from None
    return answer


def check(args: argparse.Namespace) -> None:
    """Whether an edge can be asked at all. Raises ClientError."""
    _url(args)
    _token(args)


def in_path(text: str) -> str:
    return quote(text, safe="")


def lines(answer: IO[bytes]) -> Iterator[str]:
    for line in answer:
        yield line.decode(errors="replace").rstrip("\n")


def show(args: argparse.Namespace, found: Mapping[str, Any], as_text: Callable[[], str]) -> int:
    sys.stdout.write(json_text(found) if args.json else as_text() + "\n")
    return Exit.OK


def _url(args: argparse.Namespace) -> str:
    url = str(args.url or os.environ.get("SIPUA_API_URL") or URL).rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise ClientError(f"{url} is no http or https URL", Exit.USAGE)
    return url


def _token(args: argparse.Namespace) -> str:
    named = args.token_file or os.environ.get("SIPUA_TOKEN_FILE")
    if not named:
        raise ClientError("--token-file FILE, or SIPUA_TOKEN_FILE, is missing", Exit.USAGE)
    try:
        return Path(named).expanduser().read_text().strip()
    except (OSError, ValueError) as error:
        raise ClientError(f"the token cannot be read: {error}", Exit.USAGE) from None


def _words(error: HTTPError) -> tuple[str, Exit, list[str]]:
    try:
        problem = json.loads(error.read())
        kind = problem["type"].rpartition(":")[2]
        name = _key if kind == _UNFIT_CONFIGURATION else str
        places = [f"{name(one['pointer'])}: {one['detail']}" for one in problem.get("errors", [])]
        words = ": ".join([problem["title"], *filter(None, [problem.get("detail")])])
        return "; ".join(filter(None, [words, _HINTS.get(kind)])), Exit.UNFIT, places
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return f"the edge answered {error.code} {error.reason}", Exit.UNFIT, []


def _key(pointer: str) -> str:
    """A key of the configuration as `sipua config check` has it: `accounts[0].registrar`."""
    key = ""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        key += f"[{name}]" if name.isdigit() else f".{name}"
    return key.removeprefix(".")

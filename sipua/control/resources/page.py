"""The page for browsers: files of the package, as they are, with headers that bind the browser.

Files are read once, and each is an endpoint: no path of a request ever becomes a name of a file.
The page has no secrets, so it needs no token; what it shows it asks of the API, with the token that
its reader has typed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable

from sipua.config import Config
from sipua.control.http.endpoint import Answer, Asked, Endpoint, Handler

_INDEX = "index.html"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'self'",  # no inline script or style, and nothing of other hosts
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    # A text never becomes markup: the browser itself refuses innerHTML and the like.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
_HEADERS = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class PageResource:
    def __init__(self, config: Config) -> None:
        folder = resources.files("sipua.control").joinpath("page")
        self._files = dict(_files(folder)) if config.api.page else {}

    def endpoints(self) -> Sequence[Endpoint]:
        return [self._endpoint(name, data) for name, data in self._files.items()]

    def _endpoint(self, name: str, data: bytes) -> Endpoint:
        return Endpoint(
            "GET",
            "/" if name == _INDEX else f"/page/{name}",
            f"page {name}",
            "A file of the page.",
            _sending(data),
            None,
            {200: None},
            media_type=_TYPES[name.rpartition(".")[2]],
            documented=False,
        )


def _sending(data: bytes) -> Handler:
    async def send(_asked: Asked) -> Answer:
        return Answer(data, headers=_HEADERS)

    return send


def _files(folder: Traversable, above: str = "") -> Iterator[tuple[str, bytes]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _files(one, f"{above}{one.name}/")
        elif one.name.rpartition(".")[2] in _TYPES:  # an editor's copy is none of ours
            yield above + one.name, one.read_bytes()

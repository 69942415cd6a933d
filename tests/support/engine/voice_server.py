"""An agent's web server, as one has it for Twilio: its documents are made, and the signatures of
what asks for them are verified, by Twilio's own library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Self, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import VoiceResponse

from support.calls.hook_server import Behaviour, HookServer, answer
from support.ports import LOOPBACK

TOKEN = "0123456789abcdef0123456789abcdef"

Page: TypeAlias = VoiceResponse | Behaviour


@dataclass(frozen=True)
class Asked:
    path: str
    parameters: Mapping[str, str]


class VoiceServer:
    """`with VoiceServer({"/voice": lambda asked: VoiceResponse()}) as server:`"""

    def __init__(self, pages: Mapping[str, Callable[[Mapping[str, str]], Page]]) -> None:
        self._pages = dict(pages)
        self._hooks = HookServer([self._serve])
        self._lock = threading.Lock()
        self.asked: list[Asked] = []
        self.unsigned: list[str] = []

    def __enter__(self) -> Self:
        self._hooks.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._hooks.__exit__()
        assert not self.unsigned, self.unsigned

    def url(self, path: str) -> str:
        return f"{self._hooks.url}{path}"

    @property
    def config(self) -> dict[str, object]:
        """`[twilio]` of an edge that asks it."""
        return {
            "auth_token": TOKEN,
            "hosts": ["localhost", LOOPBACK],
            "allow": ["127.0.0.0/8", "::1"],
        }

    def of(self, path: str) -> list[Mapping[str, str]]:
        return [one.parameters for one in self.asked if one.path == path]

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        request = next(one for one in reversed(self._hooks.requests) if one.path == handler.path)
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        url = self.url(request.path)
        signature = request.headers.get("x-twilio-signature", "")
        parts = urlsplit(request.path)
        with self._lock:
            if not RequestValidator(TOKEN).validate(url, form, signature):
                self.unsigned.append(url)
            told = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **form}
            self.asked.append(Asked(parts.path, told))
        page = self._pages[parts.path](told)
        if isinstance(page, VoiceResponse):
            page = answer(200, str(page).encode(), Content_Type="text/xml; charset=utf-8")
        page(handler)

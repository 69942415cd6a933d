"""Requests within a call: what is asked of pjsip for an answer of ours."""

from __future__ import annotations

from ctypes import c_void_p
from types import SimpleNamespace
from typing import Any

import pytest

from sipua.sip.pj.native import in_dialog

RESPONSE = 0x5150


class Library:
    """In the place of pjsip. `fails`: this function of it gives an error."""

    def __init__(self, fails: str) -> None:
        self._fails = fails
        self.asked: list[str] = []
        self.references = 0

    def pjsua_get_pjsip_endpt(self) -> int:
        return 1

    def pjsip_endpt_create_response(self, *arguments: Any) -> int:
        if error := self._note("create"):
            return error
        arguments[-1]._obj.value = RESPONSE
        self.references += 1
        return 0

    def pjsip_tsx_send_msg(self, _transaction: c_void_p, response: c_void_p) -> int:
        assert response.value == RESPONSE
        if error := self._note("send"):
            return error
        self.references -= 1  # as pjsip does once it has left
        return 0

    def pjsip_tx_data_dec_ref(self, response: c_void_p) -> int:
        assert response.value == RESPONSE
        self.references -= 1
        return 0

    def _note(self, name: str) -> int:
        self.asked.append(name)
        return 70001 if name == self._fails else 0


@pytest.mark.parametrize(
    ("fails", "asked"),
    [("", ["create", "send"]), ("create", ["create"]), ("send", ["create", "send"])],
)
def test_a_response_is_given_back_whether_it_leaves_or_not(
    monkeypatch: pytest.MonkeyPatch, fails: str, asked: list[str]
) -> None:
    library = Library(fails)
    monkeypatch.setattr(in_dialog, "_library", lambda: library)
    state = SimpleNamespace(
        tsx=SimpleNamespace(pjTransaction=2),
        src=SimpleNamespace(rdata=SimpleNamespace(pjRxData=3)),
    )
    event = SimpleNamespace(body=SimpleNamespace(tsxState=state))
    assert in_dialog.respond(event, 200) is (fails == "")
    assert library.asked == asked
    assert library.references == 0

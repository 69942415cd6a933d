"""Accounts: our identities towards a registrar, a trunk, or any peer. pjsua2 thread only.

A credential answers one realm, never `*`: the realm is configured, or learnt from the first
challenge of the registrar itself, so that no other host can ask for our digest.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol

import pjsua2 as pj

from sipua.sip import registration
from sipua.sip.dns.names import transport_of
from sipua.sip.errors import reason_of
from sipua.sip.messages import SipEvent
from sipua.sip.peer_news import Registered, RegistrarSilent, RegistrationFailed, Unregistered
from sipua.sip.pj.params import account_config
from sipua.sip.settings import AccountSettings, SipSettings
from sipua.sip.trunks.failover import may_try_next
from sipua.sip.trunks.registrars import Standing
from sipua.sip.wire import texts
from sipua.sip.wire.addresses import address, server_of

UNAUTHORIZED, PROXY_AUTH, REQUEST_TIMEOUT, INTERNAL_ERROR = 401, 407, 408, 500
SILENT_AFTER_S = 5.0
"""A reachable registrar answers within a second; pjsip gives up after 32 (RFC 3261 timer F)."""
FAILING_AFTER_S = 3.0
"""Then the account's next registrar is asked, too."""
TARGET_RESTS_S = 300.0
"""So long a registrar's name stands for its other targets, once one of them has failed: each try of
one that says nothing costs 32 s."""


class AccountOwner(Protocol):
    """What an account needs of the endpoint that holds it."""

    settings: SipSettings
    closing: bool
    emit: Callable[[SipEvent], None]
    after: Callable[[float, Callable[[], None]], None]

    def fault(self, where: str, error: BaseException, call_id: str | None = None) -> None: ...

    def incoming(self, account: PjAccount, prm: Any) -> None: ...

    def belongs(self, name: str, source: str) -> bool: ...

    def trust(self, name: str, source: str) -> None: ...

    def probed(self, name: str, status: int, reason: str, *, answered: bool) -> None: ...

    def settle(self, account: PjAccount) -> None:
        """How it stands with its registrar has changed: others may have to begin or to leave."""

    def leave_target(self, uri: str, rest_s: float) -> bool:
        """What the name of this server stands for has failed: the next of its targets is asked
        first, for so long. False: there is none."""

    def contact(self, account: AccountSettings, peer: str, transport: str) -> str:
        """Ours, as this peer is told it; empty: pjsip makes it."""

    def meanwhile(self, account: PjAccount) -> str:
        """Another registrar, which has what is the same account in the configuration."""


class PjAccount(pj.Account):  # type: ignore[misc]  # SWIG classes are untyped
    def __init__(self, endpoint: AccountOwner, settings: AccountSettings) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.settings = settings
        self.registered = False
        self._leaving = False
        """It has been taken out of the configuration."""
        self._idle = bool(settings.registrar) and settings.priority > 1
        """Another registrar has it, or is asked first."""
        self._failing = self._refused = False
        self._pending = False
        self._asked = False
        self._turn = 0
        self._attempt = 0
        self._realm = settings.realm
        self.contact = ""
        """Ours, as peers are told it; empty: pjsip makes it."""
        self._peer = server_of(settings.first_hop or settings.registrar)[0]
        """Where its registrar is: a name until it has answered."""
        self._retry = registration.RetryPolicy(random.Random())  # noqa: S311 (jitter)
        if settings.registrar:
            self.contact = self._wanted_contact()
        self._config = self._make_config()

    def open(self) -> None:
        self.create(self._config, False)
        if self.settings.registrar and self.settings.registers and not self._idle:
            self.register()

    @property
    def standing(self) -> Standing:
        if self._idle:
            return Standing.IDLE
        if self._refused:
            return Standing.REFUSED
        if self._failing:
            return Standing.FAILING
        return Standing.REGISTERED if self.registered else Standing.TRYING

    def begin(self) -> None:
        """The registrars before this one fail."""
        self._idle = self._failing = self._refused = False
        self.register()

    def stand_by(self) -> None:
        """A registrar before this one has the account: unregister, until the next `begin`."""
        self._idle = True
        self._turn += 1  # nothing that was scheduled comes
        self.unregister()

    def refresh(self) -> None:
        """Register because somebody wants to know whether it works: the outcome is told, whatever
        it was before."""
        if not self._idle:
            self._asked = True
            self.register()

    def show(self, contact: str) -> None:
        """Dialogs that begin from now on have this Contact of ours."""
        if contact != self.contact:
            self.contact = contact
            self._config = self._make_config()
            self.modify(self._config)

    def look_at_contact(self) -> None:
        """Our address may be another one than the registrar was told. The old one leaves first:
        calls would go there until it expires."""
        if self.registered and not self._pending and self._is_elsewhere:
            self.unregister()

    @property
    def _is_elsewhere(self) -> bool:
        return bool(self.settings.registrar) and self.contact != self._wanted_contact()

    def _wanted_contact(self) -> str:
        settings = self.settings
        transport = transport_of(settings.first_hop or settings.registrar) or "udp"
        return self.endpoint.contact(settings, self._peer, transport)

    def register(self) -> None:
        if self._pending:
            return  # a REGISTER is already sent; its outcome decides the next step
        if not self.registered:
            self.show(self._wanted_contact())
        self._pending = True
        self._attempt += 1
        attempt = self._attempt
        self.endpoint.after(FAILING_AFTER_S, lambda: self._is_silent(attempt))
        self.endpoint.after(SILENT_AFTER_S, lambda: self._report_silence(attempt))
        try:
            self.setRegistration(True)
        except Exception as error:  # noqa: BLE001 (after any failure it is tried again)
            if self._pending:  # else onRegState has reported it already, from within
                self._pending = False
                self._failed(REQUEST_TIMEOUT, reason_of(error), None)

    def _waits_for(self, attempt: int) -> bool:
        return self._pending and attempt == self._attempt and not self._over

    def _is_silent(self, attempt: int) -> None:
        if self._waits_for(attempt):
            self._failing = True
            self.endpoint.settle(self)

    def _report_silence(self, attempt: int) -> None:
        if self._waits_for(attempt):
            name, registrar = self.settings.peer, self.settings.registrar
            meanwhile = self.endpoint.meanwhile(self)
            self.endpoint.emit(RegistrarSilent(name, registrar, SILENT_AFTER_S, meanwhile))

    def learn_from(self, source: str, challenge: str) -> bool:
        """Learn the realm; True: our call can be placed again, and the challenge answered."""
        return self.endpoint.belongs(self.settings.peer, source) and self._learn_realm(challenge)

    @property
    def registers(self) -> bool:
        """Whether its registrar has it, or a REGISTER is under way."""
        return self.registered or self._pending

    def leave(self) -> None:
        """Unregister, for good."""
        self._leaving = True
        self._turn += 1  # nothing that was scheduled comes
        self.unregister()

    def unregister(self) -> None:
        if not self.registered or self._pending:
            return  # the running REGISTER ends in `_succeeded`, which comes back here
        self._pending = True
        try:
            self.setRegistration(False)
        except Exception as error:  # noqa: BLE001 (the other accounts unregister, too)
            self._pending = self.registered = False
            self.endpoint.fault("unregister", error)

    def probe(self) -> None:
        """Send an OPTIONS to the server of this account; `onSendRequest` has its end."""
        request = pj.SendRequestParam()
        request.method = "OPTIONS"
        request.txOption.targetUri = self.settings.proxy
        self.sendRequest(request)

    # --- callbacks ------------------------------------------------------------------------

    def onSendRequest(self, prm: Any) -> None:  # noqa: N802 (pjsua2's name)
        try:
            state = prm.e.body.tsxState
            status, reason = int(state.tsx.statusCode), texts.line(str(state.tsx.statusText))
            answered = state.type == pj.PJSIP_EVENT_RX_MSG
            self.endpoint.probed(self.settings.name, status, reason, answered=answered)
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self.endpoint.fault("onSendRequest", error)

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802 (pjsua2's name)
        try:
            self.endpoint.incoming(self, prm)
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self.endpoint.fault("onIncomingCall", error)

    def onRegState(self, prm: Any) -> None:  # noqa: N802
        self._pending = False
        try:
            reason = texts.line(str(prm.reason))
            self._on_result(int(prm.code), reason, int(prm.expiration), prm.rdata)
        except Exception as error:  # noqa: BLE001 (SWIG would swallow it)
            self.endpoint.fault("onRegState", error)
            self._failed(INTERNAL_ERROR, reason_of(error), None)

    def _on_result(self, code: int, reason: str, expires_s: int, rdata: Any) -> None:
        message = str(rdata.wholeMsg)
        if code // 100 == 2:
            self._succeeded(expires_s, str(rdata.srcAddress))
        elif code in (UNAUTHORIZED, PROXY_AUTH) and self._learn_realm(message):
            self.register()
        else:
            wait = registration.parse_retry_after(texts.header(message, "Retry-After"))
            # pjsip reports its own failures (no route, time-out) with a code and no message.
            self._failed(code or REQUEST_TIMEOUT, reason, wait)

    def _succeeded(self, expires_s: int, source: str) -> None:
        self._retry.succeeded()
        was, self.registered = self.registered, expires_s > 0
        name, registrar = self.settings.peer, self.settings.registrar
        if not self.registered:
            self.endpoint.emit(Unregistered(name, registrar, self.endpoint.meanwhile(self)))
            if not self._over:  # it was to begin again while it left
                self._schedule(0.0 if self._is_elsewhere else registration.FIRST_RETRY_S)
            return
        if self._over:
            self.unregister()
            return
        self.endpoint.trust(name, source)
        self._peer = address(source)[0]
        if self._is_elsewhere:
            self.endpoint.after(0.0, self.look_at_contact)
        asked, self._asked = self._asked, False
        if asked or not was or self.endpoint.meanwhile(self):
            self.endpoint.emit(Registered(name, registrar, expires_s))
        self._failing = self._refused = False
        self.endpoint.settle(self)
        # Long before the expiry: a registrar that restarted and lost us gets a REGISTER within
        # this time, and a NAT in between keeps its mapping.
        self._schedule(min(self.settings.refresh_s, expires_s / 2))

    def _failed(self, status: int, reason: str, retry_after_s: float | None) -> None:
        self.registered = self._asked = False
        if self._over:
            return
        if may_try_next(status):
            rest_s = max(TARGET_RESTS_S, retry_after_s or 0.0)
            asked = self.settings.first_hop or self.settings.registrar
            if self.endpoint.leave_target(asked, rest_s):
                retry_after_s = None  # it is not for the next one
        verdict = self._retry.failed(status, retry_after_s)
        self._failing, self._refused = True, verdict.retry_in_s is None
        if verdict.retry_in_s is not None:
            self._schedule(verdict.retry_in_s)
        self.endpoint.emit(
            RegistrationFailed(
                self.settings.peer,
                self.settings.registrar,
                status,
                reason,
                verdict.retry_in_s,
                verdict.fix,
                self.endpoint.meanwhile(self),
            )
        )
        self.endpoint.settle(self)

    @property
    def _over(self) -> bool:
        return self.endpoint.closing or self._leaving or self._idle

    def _schedule(self, delay_s: float) -> None:
        """Register again, once: a later schedule replaces an earlier one."""
        self._turn += 1
        turn = self._turn

        def due() -> None:
            if turn == self._turn and not self._over:
                self.register()

        self.endpoint.after(delay_s, due)

    def _learn_realm(self, message: str) -> bool:
        """Learn it; True when this challenge is the first one and we have credentials for it."""
        if self._realm or not self.settings.password:
            return False
        challenge = texts.header(message, "WWW-Authenticate") or texts.header(
            message, "Proxy-Authenticate"
        )
        realm = registration.parse_realm(challenge)
        if not realm:
            return False
        self._realm = realm
        self._config = self._make_config()
        self.modify(self._config)
        return True

    def _make_config(self) -> Any:
        return account_config(self.settings, self.endpoint.settings, self._realm, self.contact)

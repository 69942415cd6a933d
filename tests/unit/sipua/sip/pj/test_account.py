"""An account over pjsua2: when it registers again, what it learns, how it leaves."""

from __future__ import annotations

from dataclasses import replace

import pjsua2 as real
import pytest

from sipua.sip.messages import Leave, SignallingFault
from sipua.sip.peer_news import Registered, RegistrarSilent, RegistrationFailed, Unregistered
from sipua.sip.wire.tls import TlsSettings
from support.signalling.fake_pj import pj_error
from support.signalling.signalling import ACCOUNT, Signalling, answered

CHALLENGE = 'SIP/2.0 401 No\r\nWWW-Authenticate: Digest realm="pbx", nonce="1"\r\n\r\n'


def registered(signalling: Signalling) -> None:
    signalling.account("pbx").onRegState(answered(200, expires_s=300))
    signalling.take()


def test_a_registration_is_told_once_and_refreshed_long_before_its_end(
    signalling: Signalling,
) -> None:
    account = signalling.account("pbx")
    account.onRegState(answered(200, expires_s=300))
    assert signalling.take() == [Registered("pbx", ACCOUNT.registrar, 300)]
    signalling.pass_time(24)
    assert signalling.pj.asked("setRegistration") == []
    signalling.pass_time(2)
    assert signalling.pj.asked("setRegistration") == [(True,)]
    account.onRegState(answered(200, expires_s=300))
    assert signalling.take() == []


def test_a_short_registration_is_refreshed_at_its_half(signalling: Signalling) -> None:
    signalling.account("pbx").onRegState(answered(200, expires_s=10))
    signalling.pass_time(5)
    assert signalling.pj.asked("setRegistration") == [(True,)]


def test_the_realm_is_learnt_from_the_first_challenge_and_from_no_other(
    signalling: Signalling,
) -> None:
    account = signalling.account("pbx")
    account.onRegState(answered(401, CHALLENGE))
    assert signalling.pj.steps == [("modify", "pbx"), ("setRegistration", True)]
    account.onRegState(answered(401, CHALLENGE.replace("pbx", "evil")))
    assert signalling.pj.asked("modify") == [("pbx",)]
    (failed,) = signalling.take()
    assert isinstance(failed, RegistrationFailed)
    assert failed.retry_in_s is None, "a wrong password is not tried again"
    signalling.pass_time(10_000)
    assert len(signalling.pj.asked("setRegistration")) == 1


def test_an_account_without_a_password_learns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    signalling = Signalling(monkeypatch, replace(ACCOUNT, password=""))
    signalling.endpoint.open()
    signalling.account("pbx").onRegState(answered(401, CHALLENGE))
    assert signalling.pj.asked("modify") == []
    signalling.close()


def test_S19_a_failure_is_tried_again_and_retry_after_is_kept(signalling: Signalling) -> None:
    account = signalling.account("pbx")
    account.onRegState(answered(503, "SIP/2.0 503 No\r\nRetry-After: 40\r\n\r\n"))
    (failed,) = signalling.take()
    assert isinstance(failed, RegistrationFailed)
    assert failed.retry_in_s is not None
    assert 40 <= failed.retry_in_s <= 44
    signalling.pass_time(39)
    assert signalling.pj.asked("setRegistration") == []
    signalling.pass_time(6)
    assert signalling.pj.asked("setRegistration") == [(True,)]


@pytest.mark.parametrize("error", [pj_error("no route"), TypeError("not a text")])
def test_S19_a_register_that_cannot_be_sent_is_tried_again(
    signalling: Signalling, error: Exception
) -> None:
    registered(signalling)
    signalling.pj.fail("setRegistration", error)
    signalling.pass_time(26)
    (failed,) = signalling.take()
    assert isinstance(failed, RegistrationFailed)
    assert failed.reason in ("no route", "TypeError: not a text")
    signalling.pass_time(2)
    assert len(signalling.pj.asked("setRegistration")) == 2


def test_S19_a_registrar_that_does_not_answer_is_told_after_5_s(signalling: Signalling) -> None:
    signalling.pass_time(4.9)
    assert signalling.take() == []
    signalling.pass_time(0.2)
    assert signalling.take() == [RegistrarSilent("pbx", "sip:192.0.2.9", 5.0)]
    signalling.pass_time(20)
    assert signalling.take() == [], "once"


def test_S19_a_registrar_that_answers_is_not_told_of(signalling: Signalling) -> None:
    registered(signalling)
    signalling.take()
    signalling.pass_time(6)
    assert signalling.take() == []


def test_S19_a_result_that_cannot_be_read_is_a_failure_that_is_tried_again(
    signalling: Signalling,
) -> None:
    signalling.account("pbx").onRegState(answered(200, source="no:port", expires_s=300))
    fault, failed = signalling.take()[-2:]
    assert isinstance(fault, SignallingFault)
    assert isinstance(failed, RegistrationFailed)
    signalling.pass_time(2)
    assert signalling.pj.asked("setRegistration") == [(True,)]


def test_a_realm_that_cannot_be_taken_is_a_failure_that_is_tried_again(
    signalling: Signalling,
) -> None:
    signalling.pj.fail("modify", pj_error("no memory"))
    signalling.account("pbx").onRegState(answered(401, CHALLENGE))
    assert [type(event) for event in signalling.take()] == [SignallingFault, RegistrationFailed]
    signalling.pass_time(2)
    assert signalling.pj.asked("setRegistration") == [(True,)]


def test_only_one_register_is_out_at_a_time(signalling: Signalling) -> None:
    signalling.account("pbx").register()
    assert signalling.pj.asked("setRegistration") == []


def test_leaving_while_a_register_is_out_unregisters_behind_it(signalling: Signalling) -> None:
    account = signalling.account("pbx")
    signalling.endpoint.command(Leave())
    assert signalling.pj.asked("setRegistration") == []
    account.onRegState(answered(200, expires_s=300))
    assert signalling.pj.asked("setRegistration") == [(False,)]
    account.onRegState(answered(200, expires_s=0))
    assert signalling.take() == [Unregistered("pbx", ACCOUNT.registrar)]
    signalling.pass_time(1000)
    assert len(signalling.pj.asked("setRegistration")) == 1


@pytest.mark.parametrize("error", [pj_error("no route"), TypeError("not a text")])
def test_an_account_that_cannot_leave_keeps_no_other_from_it(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    signalling = Signalling(monkeypatch, ACCOUNT, replace(ACCOUNT, name="other"))
    signalling.endpoint.open()
    for name in ("pbx", "other"):
        signalling.account(name).onRegState(answered(200, expires_s=300))
    signalling.pj.steps.clear()
    signalling.pj.fail("setRegistration", error)
    signalling.endpoint.command(Leave())
    assert signalling.pj.asked("setRegistration") == [(False,), (False,)]
    assert not signalling.endpoint.idle()
    signalling.account("other").onRegState(answered(200, expires_s=0))
    assert signalling.endpoint.idle()
    signalling.close()


def test_the_next_target_of_a_name_is_not_what_a_retry_after_is_for(
    signalling: Signalling, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[tuple[str, float]] = []

    def leave(uri: str, rest_s: float) -> bool:
        left.append((uri, rest_s))
        return True

    monkeypatch.setattr(signalling.endpoint, "leave_target", leave)
    account = signalling.account("pbx")
    account.onRegState(answered(503, "SIP/2.0 503 No\r\nRetry-After: 900\r\n\r\n"))
    assert left == [(ACCOUNT.registrar, 900.0)]
    signalling.pass_time(2)
    assert signalling.pj.asked("setRegistration") == [(True,)]
    account.onRegState(answered(403))
    assert len(left) == 1, "that is about us, and the next one would say it, too"


def test_nobody_is_asked_again_after_the_end(signalling: Signalling) -> None:
    signalling.account("pbx").onRegState(answered(503))
    signalling.take()
    signalling.endpoint.command(Leave())
    signalling.pass_time(1000)
    assert signalling.pj.asked("setRegistration") == []


def test_a_trunk_says_how_its_calls_are(monkeypatch: pytest.MonkeyPatch) -> None:
    special = replace(
        ACCOUNT,
        name="special",
        session_timers="required",
        session_expires_s=600,
        min_session_expires_s=120,
        prack="preferred",
    )
    signalling = Signalling(monkeypatch, ACCOUNT, special)
    signalling.endpoint.open()
    usual = signalling.account("pbx")._config.callConfig
    assert (usual.timerUse, usual.timerSessExpiresSec) == (real.PJSUA_SIP_TIMER_OPTIONAL, 1800)
    assert (usual.timerMinSESec, usual.prackUse) == (90, real.PJSUA_100REL_NOT_USED)
    own = signalling.account("special")._config.callConfig
    assert (own.timerUse, own.timerSessExpiresSec) == (real.PJSUA_SIP_TIMER_REQUIRED, 600)
    assert (own.timerMinSESec, own.prackUse) == (120, real.PJSUA_100REL_OPTIONAL)
    signalling.close()


@pytest.mark.parametrize(
    ("registrar", "certificate", "public", "port_of_connection", "as_seen"),
    [
        ("sip:192.0.2.9", "/c.pem", (), True, 1),  # pjsip's defaults
        ("sip:192.0.2.9;transport=tls", "/c.pem", (), False, 1),
        ("sips:192.0.2.9", "/c.pem", ("203.0.113.5",), False, 0),
        ("sips:192.0.2.9", "", ("203.0.113.5",), True, 2),
    ],
)
def test_S25_where_a_registrar_by_tls_calls_us(
    monkeypatch: pytest.MonkeyPatch,
    registrar: str,
    certificate: str,
    public: tuple[str, ...],
    *,
    port_of_connection: bool,
    as_seen: int,
) -> None:
    signalling = Signalling(monkeypatch, replace(ACCOUNT, registrar=registrar))
    tls = TlsSettings(5061, certificate, "", True, "", "", False)
    settings = replace(signalling.endpoint.settings, public_addresses=public)
    signalling.endpoint.open()
    signalling.endpoint.settings = replace(settings, tls=tls)
    nat = signalling.account("pbx")._make_config().natConfig
    assert (nat.contactUseSrcPort, nat.contactRewriteUse) == (port_of_connection, as_seen)
    signalling.close()

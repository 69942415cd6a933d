"""What is told of our certificate, and what a renewal does. Real transports are in tests/peers/."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sipua.sip.errors import CannotListenError
from sipua.sip.pj.native import tls_in_use
from sipua.sip.pj.native.tls import Contents
from sipua.sip.pj.native.tls_in_use import TlsInUse
from sipua.sip.wire.tls import CertificateExpires, TlsNotReady, TlsReady, TlsSettings
from support.certificates import Authority, Issued

DAY_S = 86_400.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "ca")


class Transports:
    port = 5061

    def __init__(self) -> None:
        self.used: list[TlsSettings] = []
        self.contents: list[Contents] = []
        self.fails = 0

    def open(self, contents: Contents) -> list[Any]:
        return []

    def authorities(self) -> None:
        return None

    def differs(self, settings: TlsSettings, contents: Contents) -> bool:
        return settings not in self.used[-1:]

    def use(self, settings: TlsSettings, contents: Contents) -> None:
        self.used.append(settings)
        self.contents.append(contents)
        self.make_anew()

    def make_anew(self) -> None:
        if self.fails:
            self.fails -= 1
            raise CannotListenError("cannot listen on tls", "another port")

    def close(self) -> None: ...


class Bed:
    def __init__(self, one: Issued) -> None:
        self.told: list[Any] = []
        self.due: list[tuple[float, Callable[[], None]]] = []
        files = (str(one.certificate), str(one.key))
        self.settings = TlsSettings(5061, *files, True, "", "", False)
        self.tls = TlsInUse(
            None,
            self.settings,
            (),
            public=lambda _: "",
            muted=contextlib.nullcontext,
            emit=self.told.append,
            after=lambda delay_s, action: self.due.append((delay_s, action)),
        )
        self.transports = Transports()
        self.tls._transports = self.transports  # type: ignore[assignment]
        self.tls.open()

    def pass_hour(self) -> None:
        delay_s, action = self.due.pop(0)
        assert delay_s == 3600
        action()

    def with_files_of(self, one: Issued) -> TlsSettings:
        return replace(self.settings, certificate=str(one.certificate), key=str(one.key))


def test_S25_each_warning_is_told_once(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = Bed(authority.issue("edge.test", days=(-1, 40)))
    (ready,) = bed.told
    assert isinstance(ready, TlsReady)
    assert not ready.anew
    begun = time.time()
    for days in range(42):
        monkeypatch.setattr(time, "time", lambda days=days: begun + days * DAY_S)
        bed.pass_hour()
        bed.pass_hour()
    warnings = [one for one in bed.told if isinstance(one, CertificateExpires)]
    assert [round(one.days_left) for one in warnings] == [30, 7, 1, 0]


def test_S25_other_files_are_used_and_bad_ones_are_not(authority: Authority) -> None:
    bed = Bed(authority.issue("edge.test", file="before"))
    bed.tls.use(bed.with_files_of(authority.issue("edge.test", file="after")))
    assert [type(one) for one in bed.told] == [TlsReady, TlsReady]
    assert bed.told[1].anew
    bed.tls.use(bed.transports.used[-1])
    assert len(bed.told) == 2, "nothing has changed"

    late = authority.issue("late.test", days=(-9, -1))
    bed.tls.use(bed.with_files_of(late))
    assert isinstance(bed.told[2], TlsNotReady)
    assert "sip.tls.certificate has expired" in bed.told[2].cause
    assert len(bed.transports.used) == 1


def test_S25_a_renewal_that_is_half_written_is_read_again(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key comes between our reading and the check, which finds a good pair."""
    bed = Bed(authority.issue("edge.test", file="old"))
    settings = bed.with_files_of(authority.issue("edge.test", file="new"))
    whole = tls_in_use.read(settings)
    answers = iter([whole, (whole[0], b"the old key", b"", b""), whole, whole, whole])
    monkeypatch.setattr(tls_in_use, "read", lambda _: next(answers))
    bed.tls.use(settings)
    assert bed.transports.contents == [whole]

    never_the_same = (bytes([number]) for number in range(9))
    monkeypatch.setattr(tls_in_use, "read", lambda _: (next(never_the_same), b"", b"", b""))
    bed.tls.use(bed.settings)
    assert "is being written" in bed.told[-1].cause


def test_S25_a_port_that_is_lost_is_asked_for_again(authority: Authority) -> None:
    bed = Bed(authority.issue("edge.test", file="lost"))
    bed.transports.fails = 2
    bed.tls.use(bed.with_files_of(authority.issue("edge.test", file="found")))
    for _ in range(2):
        delay_s, action = bed.due.pop()
        assert delay_s == 5
        action()
    assert [type(one) for one in bed.told] == [TlsReady, TlsNotReady, TlsNotReady, TlsReady]
    assert bed.told[-1].anew


def test_S25_a_certificate_that_has_expired_ends_the_start(authority: Authority) -> None:
    with pytest.raises(CannotListenError, match="has expired"):
        Bed(authority.issue("expired.test", days=(-9, -1)))


def test_S25_an_attempt_with_earlier_files_is_not_made_any_more(authority: Authority) -> None:
    bed = Bed(authority.issue("edge.test", file="first"))
    bed.transports.fails = 1
    bed.tls.use(bed.with_files_of(authority.issue("edge.test", file="second")))
    bed.tls.use(bed.with_files_of(authority.issue("edge.test", file="third")))
    told = len(bed.told)
    bed.due.pop()[1]()
    assert len(bed.told) == told


def test_S25_whether_we_listen_changes_with_a_restart(authority: Authority) -> None:
    bed = Bed(authority.issue("edge.test", file="listens"))
    bed.tls.use(replace(bed.settings, certificate="", key=""))
    assert isinstance(bed.told[-1], TlsNotReady)
    assert bed.transports.used == []

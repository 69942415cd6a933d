"""Whom a certificate is of, and when it counts. The handshakes are in tests/peers/."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pjsua2 as pj
import pytest

from sipua.sip.pj.native.openssl import Authorities
from sipua.sip.pj.native.tls_peers import TlsPeers, names_of
from sipua.sip.wire.tls import TlsRefused
from support.certificates import Authority, Issued

DNS, IP, URI, MAIL = (
    pj.PJ_SSL_CERT_NAME_DNS,
    pj.PJ_SSL_CERT_NAME_IP,
    pj.PJ_SSL_CERT_NAME_URI,
    pj.PJ_SSL_CERT_NAME_RFC822,
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "ca")


def connection(one: Issued | None, *, port: int = 5061, **changed: Any) -> Any:
    """As pjsua2 tells one; pjsip believes each certificate, as in a resumed session."""
    shown = SimpleNamespace(
        raw=one.certificate.read_text() if one else "",
        subjectAltName=[SimpleNamespace(type=DNS, name="sbc.test")],
        subjectCn="sbc.test",
    )
    tls = SimpleNamespace(
        isEmpty=lambda: False,
        localAddr=f"127.0.0.1:{port}",
        remoteAddr="192.0.2.1:4",
        verifyStatus=0,
        verifyMsgs=[],
        remoteCertInfo=shown,
    )
    state = pj.PJSIP_TP_STATE_CONNECTED
    return SimpleNamespace(hnd=4711, state=state, tlsInfo=tls, **changed)


class Told:
    def __init__(self, authority: Authority, *, needed: bool = False) -> None:
        self.refused: list[TlsRefused] = []
        self.shut_down: list[Any] = []
        self.only: dict[str, frozenset[str]] = {}
        self.peers = TlsPeers(self.refused.append, self.shut_down.append, self.only.get)
        self.peers.use(Authorities(str(authority.file)), needed=needed, port=5061)

    @property
    def names(self) -> frozenset[str]:
        return self.peers._names.get(4711, frozenset())


def test_S25_alternative_names_count_and_the_subject_without_any() -> None:
    assert names_of([(DNS, "A.test"), (IP, "192.0.2.1"), (MAIL, "a@b")], "c.test") == {
        "a.test",
        "192.0.2.1",
    }
    assert names_of([(URI, "sip:A.test")], "") == {"sip:a.test"}
    assert names_of([], "C.test") == {"c.test"}
    assert names_of([], "") == frozenset()


def test_S25_it_counts_when_an_authority_of_ours_has_signed_it(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign = Authority(tmp_path_factory.mktemp("foreign") / "ca")
    good, bad = authority.issue("sbc.test"), foreign.issue("sbc.test")
    late = authority.issue("late.test", days=(-9, -1))
    told = Told(authority)
    told.peers.changed(connection(good))
    assert (told.names, told.refused) == ({"sbc.test"}, [])
    told.peers.changed(connection(bad))
    assert told.names == frozenset(), "the place in memory is another connection's now"
    told.peers.changed(connection(late))
    told.peers.changed(connection(None))
    assert [one.outgoing for one in told.refused] == [False, False]
    assert "issuer" in told.refused[0].cause
    assert "expired" in told.refused[1].cause
    assert told.shut_down == []


def test_S25_where_one_is_needed_others_are_shut_down(authority: Authority) -> None:
    told = Told(authority, needed=True)
    told.peers.changed(connection(authority.issue("sbc.test", file="needed")))
    assert told.shut_down == []
    told.peers.changed(connection(None))
    assert told.shut_down == [4711]
    broken = connection(None)
    broken.tlsInfo.remoteCertInfo = None
    with pytest.raises(AttributeError):
        told.peers.changed(broken)
    assert told.shut_down == [4711, 4711], "what cannot be checked is not let in"


def test_S25_a_server_is_no_other_trunk_by_a_name_that_its_own_authority_gave_it(
    authority: Authority,
) -> None:
    told = Told(authority)
    ours = connection(authority.issue("own"), port=40_000)
    told.only["192.0.2.1:4"] = frozenset({"pbx.test"})
    told.peers.changed(ours)
    assert told.names == frozenset()
    told.only["192.0.2.1:4"] = frozenset({"sbc.test"})
    told.peers.changed(ours)
    assert told.names == {"sbc.test"}
    told.only.clear()
    told.peers.changed(ours)
    assert told.names == {"sbc.test"}


def test_S25_a_connection_that_is_over_is_known_by_no_name(authority: Authority) -> None:
    told = Told(authority)
    told.peers.changed(connection(authority.issue("sbc.test", file="over")))
    over = connection(None)
    over.state = pj.PJSIP_TP_STATE_DISCONNECTED
    told.peers.changed(over)
    assert told.names == frozenset()


def test_S25_the_end_of_a_handshake_is_read_in_the_log(authority: Authority) -> None:
    told = Told(authority)
    read = told.peers.read_log
    assert read("Handshake failed on 1.2.3.4:5061 in accepting 192.0.2.1:4: no shared cipher")
    assert read("Handshake failed on 1.2.3.4:9 in connecting to [::1]:5061: Connection timed out")
    assert not read("Something else failed: in accepting 192.0.2.1:4: x")
    assert told.refused == [
        TlsRefused("192.0.2.1:4", False, "no shared cipher"),
        TlsRefused("[::1]:5061", True, "Connection timed out"),
    ]

"""Certificates that are fetched: once for all, bounded, from where it is allowed; and calls that
wait for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sipua.sip.messages import CallEnded, CallRefused, EndedBy, Hangup, IncomingCall, SipEvent
from sipua.sip.peer_news import CertificatesNotFetched
from sipua.sip.wire.caller_id import Caller, Parties
from sipua.sip.wire.verdict import NOT_VALIDATED, PASSED, Claim, Verdict
from sipua.stir import certificates
from sipua.stir.certificate import Authorities
from sipua.stir.certificates import Certificates
from sipua.stir.faults import BAD_INFO, IdentityError
from sipua.stir.fetch_limits import MOST_OF_HOST
from sipua.stir.incoming import IncomingChecks
from sipua.stir.verifier import Verifier, VerifySettings
from sipua.stir.verify import Outcome
from support.certificates import Authority
from support.signalling.stir import CALLED, CALLER, authority
from support.signalling.stir_server import CertificateServer, Page

ROOT = authority()
SIGNER = ROOT.issue("Provider")
LOCAL = (ipaddress.ip_network("127.0.0.1/32"),)


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("https") / "ca")


@pytest.fixture(scope="module")
def server(https: Authority) -> Iterator[CertificateServer]:
    server = CertificateServer(https)
    yield server
    server.close()


def settings(https: Authority, **others: Any) -> VerifySettings:
    given: dict[str, Any] = {"allow": LOCAL, "ca_file": str(https.file), "timeout_s": 5.0} | others
    return VerifySettings(ROOT.pem, **given)


@contextlib.asynccontextmanager
async def verifying(settings: VerifySettings) -> AsyncIterator[Verifier]:
    verifier = Verifier(settings)
    yield verifier
    await verifier.close()
    await asyncio.sleep(0.2)  # TLS says goodbye, and the loop of a test ends at once


@pytest.fixture
async def verifier(https: Authority) -> AsyncIterator[Verifier]:
    async with verifying(settings(https)) as verifier:
        yield verifier


def claim(url: str, mode: Any = "require") -> Claim:
    return Claim(mode, "C", (SIGNER.identity(url=url),), (CALLER,), (CALLED,))


async def check(verifier: Verifier, url: str) -> Outcome:
    return await verifier.outcome(verifier.read(claim(url)))


async def test_it_is_fetched_once_for_all(verifier: Verifier, server: CertificateServer) -> None:
    url = server.url("/once.pem", Page(SIGNER.pem, after_s=0.2))
    reading = verifier.read(claim(url))
    assert verifier.known(reading) is None
    found = await asyncio.gather(*(check(verifier, url) for _ in range(20)))
    assert all(one.verdict.passed for one in found)
    assert server.asked.count("/once.pem") == 1
    known = verifier.known(reading)
    assert known is not None
    assert known.verdict.passed


@pytest.mark.parametrize(
    ("page", "cause"),
    [
        (Page(status=404), "answered 404"),
        (Page(status=302, headers={"Location": "https://127.0.0.1/"}), "answered 302"),
        (Page(b"x" * 100_000), "more than 32768 bytes"),
        (Page(SIGNER.pem, headers={"Content-Encoding": "gzip"}), "compressed"),
    ],
)
async def test_what_is_not_taken(
    page: Page, cause: str, verifier: Verifier, server: CertificateServer
) -> None:
    url = server.url(f"/{id(page)}", page)
    found = await check(verifier, url)
    assert (found.status, found.reason) == (436, "Bad Identity Info")
    assert found.verdict.verstat == NOT_VALIDATED
    assert cause in found.verdict.cause
    await check(verifier, url)  # it is not asked for again at once
    assert server.asked.count(f"/{id(page)}") == 1


async def test_what_is_no_certificate(verifier: Verifier, server: CertificateServer) -> None:
    url = server.url("/web.html", Page(b"<html>"))
    assert (await check(verifier, url)).status == 437


@pytest.mark.parametrize("page", [Page(after_s=20), Page(b"-", dribbles=True)])
async def test_a_slow_server_costs_its_time_alone(
    page: Page, https: Authority, server: CertificateServer
) -> None:
    async with verifying(settings(https, timeout_s=0.3)) as verifier:
        found = await check(verifier, server.url(f"/slow{id(page)}", page))
        assert found.status == 436


async def test_addresses_that_are_not_public_are_refused(
    https: Authority, server: CertificateServer
) -> None:
    """SSRF: the URL is the caller's."""
    before = len(server.asked)
    async with verifying(settings(https, allow=())) as verifier:
        for url in (
            server.url("/secret", Page(SIGNER.pem)),
            f"https://localhost:{server.port}/secret",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            f"https://2130706433:{server.port}/secret",
        ):
            found = await check(verifier, url)
            assert found.status == 436, url
    assert len(server.asked) == before


async def test_a_server_whose_certificate_is_not_trusted(server: CertificateServer) -> None:
    async with verifying(VerifySettings(ROOT.pem, allow=LOCAL, timeout_s=5.0)) as verifier:
        found = await check(verifier, server.url("/tls.pem", Page(SIGNER.pem)))
    assert "not trusted" in found.verdict.cause


async def test_strangers_cannot_have_a_host_flooded(
    https: Authority, server: CertificateServer
) -> None:
    """It is told, counted by its reason, and the verdict says why."""
    async with verifying(settings(https)) as verifier:
        bed = Bed(verifier)
        before = len(server.asked)
        urls = [server.url(f"/flood/{n}", Page(status=404, after_s=0.1)) for n in range(60)]
        found = await asyncio.gather(*(check(verifier, url) for url in urls))
        assert len(server.asked) - before <= MOST_OF_HOST
        causes = [one.verdict.cause for one in found]
        assert {one.status for one in found} == {436}
        not_asked = [one for one in causes if "was not asked for: too many" in one]
        assert len(not_asked) == 60 - MOST_OF_HOST
        (told,) = [one for one in bed.told if isinstance(one, CertificatesNotFetched)]
        assert told == CertificatesNotFetched({"host": 1}, "127.0.0.1"), "the sum comes later"


async def test_an_address_is_not_flooded_by_its_many_names(
    https: Authority, server: CertificateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with verifying(settings(https)) as verifier:
        bed = Bed(verifier)
        monkeypatch.setattr(verifier._limits, "may_connect", lambda address, now: False)
        found = await check(verifier, server.url("/named", Page(SIGNER.pem)))
        assert found.verdict.cause.endswith("its address is asked too often")
        (told,) = [one for one in bed.told if isinstance(one, CertificatesNotFetched)]
        assert told == CertificatesNotFetched({"address_rate": 1}, "127.0.0.1")
    assert "/named" not in server.asked


# --- what is kept -----------------------------------------------------------------------------


def test_fresh_stale_and_failed() -> None:
    signer = Authorities(ROOT.pem).signer(SIGNER.pem, time.time())
    gone = IdentityError(BAD_INFO, "gone")
    known = Certificates()
    known.put("a", signer, 5.0, 0.0, valid_s=1e9)
    assert known.get("a", 59.0) is signer  # a minute at least
    assert known.get("a", 61.0) is None
    known.failed("a", gone, 61.0, unusable=False)
    assert known.get("a", 62.0) is signer  # its server cannot be asked: it is used on
    assert known.get("a", 92.0) is None
    late = 62.0 + certificates.STALE_S
    known.failed("a", gone, late, unusable=False)
    assert known.get("a", late) is gone
    known.put("a", signer, 1e9, late, valid_s=1e9)
    assert known.get("a", late + certificates.LONGEST_S) is None
    known.failed("a", gone, late, unusable=True)
    assert known.get("a", late) is gone


def test_one_that_expires_is_asked_for_again() -> None:
    """Its server has the next one under the same URL."""
    signer = Authorities(ROOT.pem).signer(SIGNER.pem, time.time())
    known = Certificates()
    known.put("a", signer, 80_000.0, 0.0, valid_s=100.0)
    assert known.get("a", 99.0) is signer
    assert known.get("a", 101.0) is None


def test_made_up_urls_displace_no_good_one() -> None:
    signer = Authorities(ROOT.pem).signer(SIGNER.pem, time.time())
    known = Certificates()
    known.put("good", signer, None, 0.0, valid_s=1e9)
    for number in range(3 * certificates.MOST):
        known.failed(f"bad {number}", IdentityError(BAD_INFO, ""), 0.0, unusable=True)
    assert known.get("good", 1.0) is signer
    assert known.get("bad 0", 1.0) is None
    for number in range(certificates.MOST):
        known.put(f"good {number}", signer, None, 0.0, valid_s=1e9)
    assert known.get("good", 1.0) is None


# --- calls that wait --------------------------------------------------------------------------


class Bed:
    def __init__(self, verifier: Verifier | None) -> None:
        self.told: list[SipEvent] = []
        self.sent: list[Hangup] = []
        self.released: list[str] = []
        self.checks = IncomingChecks(
            verifier,
            then=self.told.append,
            release=lambda call: self.released.append(call.call_id),
        )
        self.checks.send = self.sent.append

    def incoming(self, asked: Claim | None, call_id: str = "c-1") -> None:
        self.checks.on_event(
            IncomingCall(
                call_id=call_id,
                sip_call_id="x",
                from_uri="sip:1@x",
                to_uri="sip:2@x",
                request_uri="sip:2@x",
                source=("192.0.2.1", 5060),
                origin="carrier",
                local=cast("Any", SimpleNamespace(port=1)),
                arrived_s=0.0,
                parties=Parties(Caller("+1")),
                claim=asked,
            )
        )

    @property
    def verdict(self) -> Verdict:
        (call,) = self.told
        assert isinstance(call, IncomingCall)
        assert call.claim is None
        return call.parties.caller.verdict


async def test_a_call_that_needs_no_verdict_is_not_held_up(verifier: Verifier) -> None:
    bed = Bed(verifier)
    bed.incoming(None)
    assert bed.verdict == Verdict()
    bed = Bed(None)
    told = Verdict(PASSED, "A", by="trunk")
    bed.incoming(Claim("off", "C", told=told))
    assert bed.verdict == told


async def test_a_call_waits_and_what_comes_behind_it_follows(
    verifier: Verifier, server: CertificateServer
) -> None:
    bed = Bed(verifier)
    bed.incoming(claim(server.url("/waits.pem", Page(SIGNER.pem, after_s=0.1))))
    other = CallEnded("c-other", EndedBy.PEER, 200, "")
    bed.checks.on_event(other)
    assert bed.told == [other]
    bed.told.clear()
    async with asyncio.timeout(30):
        while not bed.told:
            await asyncio.sleep(0.01)
    assert bed.verdict.passed
    bed.told.clear()
    bed.incoming(claim(server.url("/waits.pem", Page(SIGNER.pem))))
    assert bed.verdict.passed  # at once


async def test_a_caller_that_hangs_up_meanwhile(
    verifier: Verifier, server: CertificateServer
) -> None:
    bed = Bed(verifier)
    bed.incoming(claim(server.url("/late.pem", Page(SIGNER.pem, after_s=0.3))))
    ended = CallEnded("c-1", EndedBy.PEER, 487, "")
    bed.checks.on_event(ended)
    call, behind = bed.told
    assert isinstance(call, IncomingCall)
    assert call.parties.caller.verdict.verstat == NOT_VALIDATED
    assert behind is ended
    await asyncio.sleep(0.5)
    assert len(bed.told) == 2
    assert not bed.sent


async def test_what_is_required_and_not_there(verifier: Verifier) -> None:
    bed = Bed(verifier)
    bed.incoming(Claim("require", "C", (), (CALLER,), (CALLED,)))
    assert bed.sent == [Hangup("c-1", 428, "Use Identity Header")]
    assert bed.released == ["c-1"]
    (refused,) = bed.told
    assert isinstance(refused, CallRefused)
    assert (refused.status, refused.rule, refused.origin) == (428, "stir", "carrier")


@pytest.mark.parametrize(("mode", "status"), [("require", 500), ("verify", 0)])
async def test_a_verdict_is_wanted_and_nothing_verifies(mode: Any, status: int) -> None:
    """A trunk of before or after a reload, whose verifier is not there."""
    bed = Bed(None)
    bed.incoming(claim("https://127.0.0.1:1/", mode))
    assert [one.status for one in bed.sent] == ([status] if status else [])
    assert bed.released == (["c-1"] if status else [])
    assert isinstance(bed.told[0], CallRefused if status else IncomingCall)


async def test_H9_a_fault_of_ours_refuses_the_call(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Claim) -> None:
        raise ZeroDivisionError

    async def broken_later(_: object) -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    unowned: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unowned.append(context))
    bed = Bed(verifier)
    asked = claim("https://127.0.0.1:1/")
    with monkeypatch.context() as patch:
        patch.setattr(verifier, "read", broken)
        bed.incoming(asked)
    monkeypatch.setattr(verifier, "outcome", broken_later)
    bed.incoming(asked, "c-2")
    async with asyncio.timeout(30):
        while len(bed.sent) < 2:
            await asyncio.sleep(0.01)
    assert [(one.call_id, one.status) for one in bed.sent] == [("c-1", 500), ("c-2", 500)]
    assert bed.released == ["c-1", "c-2"]
    await asyncio.sleep(0.01)
    assert len(unowned) == 2


async def test_a_reload_with_the_same_settings_keeps_what_is_known(https: Authority) -> None:
    one, two = Verifier(settings(https)), Verifier(settings(https))
    assert one.settings == two.settings
    bed = Bed(one)
    bed.checks.use(one)
    assert bed.checks.verifier is one
    bed.checks.use(two)
    assert bed.checks.verifier is two
    await bed.checks.stop()

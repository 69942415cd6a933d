import asyncio
import os
import stat
from pathlib import Path

import pytest

from sipua.capture.call_capture import (
    CallCapture,
    CallCaptures,
    CaptureThread,
)
from sipua.capture.settings import CaptureSettings, wanted
from sipua.capture.sip_messages import MOST_DIALOGS, SipToCaptures, dialog, sip_datagram
from sipua.rtp.events import Address
from sipua.rtp.pcap.writer import read
from sipua.sip.messages import SipMessage

LOCAL: Address = ("192.0.2.1", 16384)
PHONE: Address = ("198.51.100.2", 4000)
SIP_LOCAL: Address = ("192.0.2.1", 5060)


def capture_to(path: Path, *, max_bytes: int = 1_000_000, rtp: bool = True) -> CallCapture:
    return CallCapture(path, max_bytes, LOCAL, rtp=rtp)


def finish(capture: CallCapture) -> None:
    capture._closing = True
    assert not capture.drain()


def local_of(transport: str, peer: str) -> Address:
    return SIP_LOCAL


def message(text: str = "call", direction: str = "received") -> SipMessage:
    return SipMessage(
        direction, "UDP 198.51.100.2:5060", f"INVITE sip:a SIP/2.0\r\nCall-ID: {text}\r\n\r\n"
    )


# --- one file -----------------------------------------------------------------------------


def test_both_directions_with_their_addresses_and_times(tmp_path: Path) -> None:
    capture = capture_to(tmp_path / "a.pcap")
    assert capture.tap is not None
    capture.tap(10.0, False, PHONE, b"in")
    capture.tap(10.02, True, PHONE, b"out")
    finish(capture)
    first, second = read(tmp_path / "a.pcap")
    assert (first.source, first.target, first.payload) == (PHONE, LOCAL, b"in")
    assert (second.source, second.target, second.payload) == (LOCAL, PHONE, b"out")
    assert second.at_s - first.at_s == pytest.approx(0.02, abs=1e-5)
    assert capture.stats() == {"file": str(tmp_path / "a.pcap"), "packets": 2, "dropped": 0}


def test_a_second_leg_has_its_own_address(tmp_path: Path) -> None:
    capture = capture_to(tmp_path / "a.pcap")
    asked: list[str] = []

    def ours(peer: str) -> Address:
        asked.append(peer)
        return SIP_LOCAL

    tap = capture.tap_of(ours)
    assert tap is not None
    for number in range(3):
        tap(10.0 + number, number == 1, PHONE, b"%d" % number)
    finish(capture)
    ends = [(one.source, one.target) for one in read(tmp_path / "a.pcap")]
    assert ends == [(PHONE, SIP_LOCAL), (SIP_LOCAL, PHONE), (PHONE, SIP_LOCAL)]
    assert asked == [PHONE[0]], "looked up once"
    assert capture_to(tmp_path / "b.pcap", rtp=False).tap_of(ours) is None


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.pcap"
    finish(capture_to(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_without_rtp_there_is_no_tap(tmp_path: Path) -> None:
    assert capture_to(tmp_path / "a.pcap", rtp=False).tap is None


def test_the_file_ends_at_its_bound_and_says_so(tmp_path: Path) -> None:
    capture = capture_to(tmp_path / "a.pcap", max_bytes=500)
    for _ in range(10):
        capture.add(1.0, PHONE, LOCAL, bytes(100))
    assert capture.drain()
    capture.add(2.0, PHONE, LOCAL, b"")
    finish(capture)
    told = capture.stats()
    assert (told["packets"], told["dropped"]) == (3, 7)
    assert "as big as it may be" in str(told["stopped"])
    assert (tmp_path / "a.pcap").stat().st_size <= 500
    assert len(list(read(tmp_path / "a.pcap"))) == 3


def test_h4_disk_full_ends_the_capture_only(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.symlink_to("/dev/full")
    capture = capture_to(path)
    capture.add(1.0, PHONE, LOCAL, bytes(100))
    assert capture.drain()
    assert "No space" in capture.stopped
    capture.add(2.0, PHONE, LOCAL, bytes(100))
    finish(capture)
    assert "No space" in str(capture.stats()["stopped"])
    assert "No space" in capture.summary


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    capture = capture_to(tmp_path / "file" / "a.pcap")
    capture.add(1.0, PHONE, LOCAL, b"x")
    finish(capture)
    assert capture.stats()["file"] is None
    assert capture.summary.startswith("not captured: ")


def test_a_disk_that_stalls_costs_packets_not_memory(tmp_path: Path) -> None:
    capture = capture_to(tmp_path / "a.pcap")
    for _ in range(5000):
        capture.add(1.0, PHONE, LOCAL, b"x")
    finish(capture)
    assert capture.stats()["packets"] == 2048
    assert capture.stats()["dropped"] == 5000 - 2048


async def test_the_thread_writes_and_ends(tmp_path: Path) -> None:
    thread = CaptureThread()
    captures = [capture_to(tmp_path / f"{n}.pcap") for n in range(3)]
    for capture in captures:
        thread.begin(capture)
        capture.add(1.0, PHONE, LOCAL, b"x")
    await asyncio.gather(*(capture.close(linger_s=0) for capture in captures))
    assert all(capture.closed.is_set() for capture in captures)
    assert [len(list(read(capture.path))) for capture in captures] == [1, 1, 1]


# --- all files ----------------------------------------------------------------------------


def captures_in(directory: Path, *, per_call: int = 1000, total: int = 10_000) -> CallCaptures:
    return CallCaptures(CaptureSettings(directory, per_call, total))


@pytest.mark.parametrize(
    ("match", "captured"),
    [
        ("", True),
        ("100@", True),
        ("200@pbx", True),
        ("300@", False),
        ("*:100@*", True),
        ("100*", False),
        ("<sip:?00@*", True),
    ],
)
def test_match_names_the_calls(tmp_path: Path, match: str, captured: bool) -> None:
    settings = CaptureSettings(tmp_path, 1000, 10_000, match)
    assert wanted(settings, "<sip:100@pbx>", "<sip:200@pbx>") == captured


async def test_the_oldest_files_make_room(tmp_path: Path) -> None:
    for age, name in enumerate(["c-new", "c-old", "c-older"]):
        (tmp_path / f"{name}.pcap").write_bytes(bytes(4000))
        os.utime(tmp_path / f"{name}.pcap", (1e9 - age, 1e9 - age))
    (tmp_path / "notes.pcap").write_bytes(bytes(9000))
    capture = captures_in(tmp_path).begin("c-1", LOCAL, ["c-1"])
    await capture.close(linger_s=0)
    assert sorted(os.listdir(tmp_path)) == [  # noqa: PTH208 - names are what is compared
        "c-1.pcap",
        "c-new.pcap",
        "c-old.pcap",
        "notes.pcap",
    ]


async def test_calls_that_are_up_keep_their_room_and_their_files(tmp_path: Path) -> None:
    """Those of other workers, too."""
    captures = captures_in(tmp_path, total=2000)
    (tmp_path / "c-other.pcap").write_bytes(bytes(900))
    begun = captures.begin("c-1", LOCAL, ["c-other", "c-1"])
    late = captures.begin("c-2", LOCAL, ["c-other", "c-1", "c-2"])
    assert [bool(one.stopped) for one in (begun, late)] == [False, True]
    for one in (begun, late):
        await one.close(linger_s=0)
    again = captures.begin("c-9", LOCAL, ["c-9"])
    assert not again.stopped
    await again.close(linger_s=0)
    assert (tmp_path / "c-other.pcap").exists()


# --- SIP ----------------------------------------------------------------------------------


def test_sip_goes_to_the_capture_of_its_call(tmp_path: Path) -> None:
    router = SipToCaptures(local_of)
    capture = capture_to(tmp_path / "a.pcap")
    router.take(message("ours"), 1.0)  # before it is known as a call
    router.take(message("other"), 1.0)
    router.attach(dialog("ours", ""), capture.add)
    router.take(message("ours", "sent"), 1.1)
    router.detach(capture.add)
    router.take(message("ours"), 1.2)
    finish(capture)
    found = list(read(tmp_path / "a.pcap"))
    assert [(one.source, one.target) for one in found] == [
        (("198.51.100.2", 5060), SIP_LOCAL),
        (SIP_LOCAL, ("198.51.100.2", 5060)),
    ]
    assert b"Call-ID: ours" in found[0].payload


def sip(first: str, *, peer: str, ours: str = "", branch: str, to_us: bool = True) -> SipMessage:
    """With Call-ID `same`; From is the side whose request it is, or answers."""
    answers = first.startswith("SIP/2.0")
    tags = (peer, ours) if to_us != answers else (ours, peer)
    return SipMessage(
        "received" if to_us else "sent",
        "UDP 198.51.100.2:5060",
        f"{first}\r\nVia: SIP/2.0/UDP 198.51.100.2;branch={branch}\r\n"
        f"From: <sip:a@a>;tag={tags[0]}\r\nTo: <sip:b@b>;tag={tags[1]}\r\nCall-ID: same\r\n\r\n",
    )


INVITE, BYE, OK = "INVITE sip:b SIP/2.0", "BYE sip:a SIP/2.0", "SIP/2.0 200 OK"


class Taken(list[str]):
    def take(self, at_s: float, source: Address, target: Address, payload: bytes) -> None:
        self.append(payload.decode())


def test_two_calls_with_one_call_id_are_told_apart_by_the_peers_tag() -> None:
    router, one, other = SipToCaptures(local_of), Taken(), Taken()
    takes = {"one": one.take, "other": other.take}
    for tag in takes:
        router.take(sip(INVITE, peer=tag, branch=tag), 1.0)
    for tag, take in takes.items():
        router.attach(dialog("same", f"<sip:a@a>;tag={tag}"), take)
    for tag in takes:
        router.take(sip(OK, peer=tag, ours=f"our-{tag}", branch=tag, to_us=False), 1.1)
        router.take(sip(BYE, peer=tag, ours=f"our-{tag}", branch="ours", to_us=False), 1.2)
        router.take(sip(OK, peer=tag, ours=f"our-{tag}", branch="ours"), 1.3)
    for tag, found in (("one", one), ("other", other)):
        assert len(found) == 4
        assert all(f"tag={tag}\r\n" in message for message in found)
    router.detach(takes["one"])
    router.take(sip(BYE, peer="other", branch="b"), 1.4)
    assert (len(one), len(other)) == (4, 5)


def test_an_invite_that_was_refused_is_in_no_capture_of_the_next_one() -> None:
    router, found = SipToCaptures(local_of), Taken()
    busy = "SIP/2.0 486 Busy Here"
    router.take(sip(INVITE, peer="a", branch="first"), 1.0)
    router.take(sip(busy, peer="a", branch="first", to_us=False), 1.0)
    router.take(sip("ACK sip:b SIP/2.0", peer="a", branch="first"), 1.1)
    router.take(sip(INVITE, peer="a", branch="second"), 2.0)
    router.take(sip("SIP/2.0 100 Trying", peer="a", branch="second", to_us=False), 2.0)
    router.attach(dialog("same", "<sip:a@a>;tag=a"), found.take)
    assert ["branch=second" in message for message in found] == [True, True]
    assert not router._waiting


def test_a_call_that_cannot_be_told_from_another_takes_nothing_from_it() -> None:
    router, one, other = SipToCaptures(local_of), Taken(), Taken()
    of, take, late = dialog("same", "<sip:a@a>;tag=a"), one.take, other.take
    router.attach(of, take)
    router.attach(of, late)
    router.detach(late)
    router.take(sip(BYE, peer="a", branch="b"), 1.0)
    assert (len(one), len(other)) == (1, 0)


def test_a_leg_that_we_have_called_is_in_the_capture_of_its_call() -> None:
    """Its first INVITE was challenged, and a proxy gives the INVITE back to us as a call."""
    router, found, back = SipToCaptures(local_of), Taken(), Taken()
    to_us, from_us = {"to_us": True}, {"to_us": False}
    router.take(sip(INVITE, peer="", ours="b", branch="1", **from_us), 1.0)
    router.take(sip(INVITE, peer="b", branch="1", **to_us), 1.0)
    router.take(sip("SIP/2.0 407 Proxy", peer="p", ours="b", branch="1", **to_us), 1.1)
    router.take(sip(INVITE, peer="", ours="b", branch="2", **from_us), 1.1)
    router.attach_named("same", found.take, by_us=True)
    router.attach_named("same", back.take, by_us=False)
    router.take(sip(OK, peer="q", ours="b", branch="2", **to_us), 1.2)
    router.take(sip(OK, peer="b", ours="us", branch="1", **from_us), 1.2)
    router.take(sip(BYE, peer="q", ours="b", branch="3", **to_us), 1.3)
    router.take(sip(OK, peer="q", ours="b", branch="3", **from_us), 1.3)
    assert [one.partition("\r")[0] for one in found] == [
        *(INVITE, "SIP/2.0 407 Proxy", INVITE),
        *(OK, BYE, OK),
    ]
    assert [one.partition("\r")[0] for one in back] == [INVITE, OK]
    assert not router._waiting
    router.detach(found.take)
    router.take(sip(BYE, peer="q", ours="b", branch="4", **to_us), 1.4)
    assert len(found) == 6


def test_a_leg_whose_invite_was_not_seen_takes_nothing() -> None:
    router, found = SipToCaptures(local_of), Taken()
    router.take(sip(BYE, peer="p", ours="b", branch="1"), 1.0)
    router.take(sip(INVITE, peer="p", ours="b", branch="2", to_us=False), 1.0)  # to hold it
    router.attach_named("same", found.take, by_us=True)
    router.attach_named("other", found.take, by_us=True)
    assert not found
    assert not router._dialogs


def test_a_call_with_very_many_legs_keeps_itself_and_the_last_ones() -> None:
    router, found = SipToCaptures(local_of), Taken()
    for number in range(3 * MOST_DIALOGS):
        router.attach(dialog(f"leg-{number}", "<sip:a@a>;tag=t"), found.take)
    assert len(router._calls) == MOST_DIALOGS
    assert dialog("leg-0", "<sip:a@a>;tag=t") in router._calls
    router.detach(found.take)
    assert not router._calls
    assert not router._dialogs


def test_messages_that_never_become_a_call_do_not_pile_up(tmp_path: Path) -> None:
    router = SipToCaptures(local_of)
    for number in range(1000):
        router.take(message(f"id-{number}"), 1.0)
    assert len(router._waiting) == 256
    router.take(message("last"), 100.0)
    assert len(router._waiting) == 1


def test_a_peer_without_an_address_is_left_out() -> None:
    assert sip_datagram(SipMessage("sent", "nobody", "x"), local_of) is None
    assert sip_datagram(SipMessage("sent", "UDP 192.0.2.1:99999", "x"), local_of) is None

"""Extended reports: their bytes, what is wrong with them, and what two parties learn by them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.rtp.rtcp.errors import RtcpError
from sipua.rtp.rtcp.extended import Extended, LastReference, VoipMetrics, build, read
from sipua.rtp.rtcp.packets import Compound, Report, SenderInfo, parse
from sipua.rtp.rtcp.packets import build as build_compound
from sipua.rtp.rtcp.session import RtcpSession
from sipua.rtp.session.session import RtpSession
from support.media.netmodel import PEER, Talker
from support.media.rtcp_link import Party, PooledSession
from support.media.rtcp_reports import CONTROL_PORT, OURS, THEIRS, due_report, with_reports

# By the drawing of RFC 3611 §4.7: header of the packet, SSRC, header of the block, 8 words.
METRICS = VoipMetrics(
    0x01020304, 1, 2, 3, 4, 0x0506, 0x0708, 0x090A, 0x0B0C, -20, -60, 30, 16, 93, 127, 44, 41,
    0xB0, 0x0D0E, 0x0F10, 0x1112,
)  # fmt: skip
BYTES = bytes.fromhex(
    "80cf000a 11223344 07000008 01020304"
    "01020304 05060708 090a0b0c ecc41e10 5d7f2c29 b0000d0e 0f101112".replace(" ", "")
)
RR = bytes.fromhex("80c90001") + THEIRS.to_bytes(4, "big")


def test_the_bytes_of_voip_metrics() -> None:
    made = build_compound(
        Compound([Report(THEIRS)], extended=[Extended(0x11223344, voip=[METRICS])])
    )
    assert made == RR + BYTES
    (extended,) = parse(RR + BYTES).extended
    assert extended == Extended(0x11223344, voip=[METRICS])


def test_reference_times_and_their_answers() -> None:
    both = Extended(7, 0x0102030405060708, [LastReference(1, 2, 3), LastReference(4, 5, 6)])
    body = build(both)
    assert body.hex() == (
        "00000007040000020102030405060708"
        "05000006000000010000000200000003000000040000000500000006"
    )  # fmt: skip
    assert read(body) == both


def test_other_blocks_are_counted() -> None:
    traces = bytes.fromhex("01000002000000010000000a02000003000000010000000a00000000")
    times = bytes.fromhex("0300000300000001" + "00" * 8)
    summary = bytes.fromhex("06000009" + "00" * 36)
    unknown = bytes.fromhex("ff000000")
    assert read(bytes(4) + traces + times + summary + unknown).skipped == 5


@pytest.mark.parametrize(
    "block",
    [
        "07000007" + "00" * 28,  # shorter than it must be
        "07000009" + "00" * 36,
        "07000008" + "00" * 31,  # than it says
        "04000001" + "00" * 4,
        "05000002" + "00" * 8,
        "01000001" + "00" * 4,
        "06000000",
        "070000",
        "0700ffff",
    ],
)
def test_a_malformed_block_costs_the_extended_report_alone(block: str) -> None:
    body = bytes(4) + bytes.fromhex(block)
    with pytest.raises(RtcpError, match="xr"):
        read(body)
    if len(body) % 4:
        return  # no packet can have it
    packet = bytes.fromhex("80cf") + (len(body) // 4).to_bytes(2, "big") + body
    compound = parse(RR + packet)
    assert len(compound.reports) == 1
    assert (compound.extended, compound.malformed) == ([], 1)


def test_figures_that_are_too_large_are_clamped() -> None:
    extended = Extended(1, voip=[VoipMetrics(1, loss_rate=256, burst_ms=10**9, gap_density=-1)])
    (metrics,) = read(build(extended)).voip
    assert (metrics.loss_rate, metrics.burst_ms, metrics.gap_density) == (255, 65_535, 0)


@given(st.binary(max_size=200))
def test_what_is_read_is_written_as_it_was(body: bytes) -> None:
    try:
        extended = read(body)
    except RtcpError as error:
        assert error.reason == "xr"  # noqa: PT017
        return
    again = read(build(extended))
    extended.skipped = 0
    assert again == extended


# -- two parties


def talk(loss: float = 0.0, *, wanted: bool = True, talks: bool = True) -> tuple[Party, Party]:
    one = Party("a", ("192.0.2.1", 4000), ("192.0.2.2", 5000), loss=loss)
    other = Party("b", ("192.0.2.2", 5000), ("192.0.2.1", 4000), talks=talks)
    for party in (one, other):
        party.rtcp.set_remote(None, False, wanted)
    PooledSession(one, other, delay_ms=40).run(60)
    return one, other


def test_both_tell_what_they_hear() -> None:
    one, other = talk(loss=0.05)
    told, heard = one.told["remote_quality"], other.told["quality"]
    assert isinstance(told, dict)
    assert isinstance(heard, dict)
    assert one.told["xr_received"] > 5
    assert heard["loss_rate"] == pytest.approx(0.05, abs=0.015)
    assert told["loss_rate"] == pytest.approx(heard["loss_rate"], abs=0.005)
    assert told["round_trip_ms"] == 80
    assert 3.0 < told["mos_cq"] <= told["mos_lq"] < 4.3
    assert (told["burst_ms"] or 0) > 40
    back = one.told["quality"]
    assert isinstance(back, dict)
    assert (back["mos_lq"], back["loss_rate"], back["burst_ms"]) == (4.4, 0, 0)


def test_none_is_sent_unless_it_is_wanted() -> None:
    one, other = talk(wanted=False)
    assert (one.told["xr_sent"], other.told["xr_received"]) == (0, 0)
    assert one.told["remote_quality"] is None
    assert one.told["quality"] is not None


def test_who_only_listens_learns_the_round_trip_by_reference_times() -> None:
    _, listener = talk(talks=False)
    assert listener.told["round_trip_ms"] == pytest.approx(80, abs=1)


# -- one that means no good


def listening() -> tuple[RtpSession, RtcpSession]:
    session, rtcp = with_reports()
    rtcp.set_remote(None, False, True)
    for index in range(10):
        session.receive(Talker().packet(index), PEER, 1.0 + index / 50)
    return session, rtcp


def sent(*extended: Extended, ssrc: int = THEIRS) -> bytes:
    return build_compound(
        Compound([Report(ssrc, SenderInfo(1 << 40, 0, 0, 0))], extended=[*extended])
    )


def test_metrics_of_another_stream_and_impossible_values_are_not_shown() -> None:
    session, rtcp = listening()
    session.receive_control(sent(Extended(THEIRS, voip=[VoipMetrics(77)])), CONTROL_PORT, 2.0)
    assert rtcp.stats()["remote_quality"] is None
    absurd = VoipMetrics(OURS, r_factor=200, mos_lq=255, mos_cq=3, loss_rate=255)
    session.receive_control(sent(Extended(THEIRS, voip=[absurd])), CONTROL_PORT, 3.0)
    shown = rtcp.stats()["remote_quality"]
    assert isinstance(shown, dict)
    assert (shown["r_factor"], shown["mos_lq"], shown["mos_cq"]) == (None, None, None)


def test_many_reference_times_get_one_answer() -> None:
    session, _ = listening()
    for number in range(5):
        body = sent(*(Extended(THEIRS, (number << 32) + one) for one in range(40)))
        session.receive_control(body, CONTROL_PORT, 2.0)
    control = due_report(session, 10.0)
    assert control is not None
    (extended,) = parse(control.datagram).extended
    (answer,) = extended.answers
    assert (answer.ssrc, answer.delay) == (THEIRS, 8 * 65_536)
    later = due_report(session, 30.0)
    assert later is not None
    assert parse(later.datagram).extended[0].answers == []


def test_answers_to_times_that_we_never_sent_are_counted() -> None:
    session, rtcp = listening()
    false = Extended(THEIRS, answers=[LastReference(OURS, 12_345, 0)] * 50)
    session.receive_control(sent(false), CONTROL_PORT, 2.0)
    assert rtcp.stats()["round_trip_ms"] is None
    dropped = rtcp.stats()["dropped"]
    assert isinstance(dropped, dict)
    assert dropped["lsr"] == 50


def test_a_report_with_everything_is_short() -> None:
    session, _ = listening()
    control = due_report(session, 10.0)
    assert control is not None
    assert len(control.datagram) < 200

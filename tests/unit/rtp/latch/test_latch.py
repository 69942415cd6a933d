"""The latch alone; attacks on a whole session are in test_latch_attacks.py."""

import pytest

from sipua.rtp.events import Address
from sipua.rtp.latch.latch import Policy, SourceLatch, Verdict

PUBLIC: Address = ("198.51.100.7", 4000)
PRIVATE: Address = ("192.168.1.5", 4000)
SIGNALLING = "203.0.113.9"
NATTED: Address = (SIGNALLING, 31000)
STRANGER: Address = ("192.0.2.66", 9999)


def make(
    sdp: Address | None = PUBLIC,
    signalling_ip: str | None = SIGNALLING,
    policy: Policy = Policy.AUTO,
) -> SourceLatch:
    latch = SourceLatch(policy)
    latch.set_remote(sdp, signalling_ip)
    return latch


def send(
    latch: SourceLatch,
    source: Address,
    count: int,
    *,
    start: float = 0.0,
    first: int = 0,
    ssrc: int = 1,
    good: bool = True,
) -> list[Verdict]:
    return [
        latch.accept(source, ssrc, (first + index) & 0xFFFF, start + index * 0.02, good)
        for index in range(count)
    ]


def test_before_anyone_is_heard_we_send_to_the_sdp_address() -> None:
    latch = make()
    assert (latch.target, latch.source, latch.rank) == (PUBLIC, None, None)


def test_rank_1_is_heard_at_once() -> None:
    latch = make()
    assert send(latch, PUBLIC, 2) == [Verdict.CHANGED, Verdict.ACCEPTED]
    assert (latch.target, latch.rank) == (PUBLIC, 1)


@pytest.mark.parametrize(
    ("sdp", "source", "rank"),
    [(PUBLIC, (PUBLIC[0], 4002), 2), (PUBLIC, NATTED, 3), (PRIVATE, NATTED, 3)],
)
def test_ranks_2_and_3_are_heard_after_4_packets_and_60_ms(
    sdp: Address, source: Address, rank: int
) -> None:
    latch = make(sdp)
    assert send(latch, source, 3) == [Verdict.PROBATION] * 3
    assert latch.target == sdp
    assert latch.accept(source, 1, 3, 0.06, True) is Verdict.CHANGED
    assert (latch.source, latch.rank) == (source, rank)


def test_behind_a_nat_we_send_to_the_source_as_soon_as_it_is_heard() -> None:
    latch = make(PRIVATE)
    send(latch, NATTED, 4)
    assert latch.target == NATTED


def test_an_sdp_address_that_could_be_right_is_sent_to_for_a_second_more() -> None:
    latch = make()
    send(latch, NATTED, 50)
    assert (latch.source, latch.target) == (NATTED, PUBLIC)
    assert latch.accept(NATTED, 1, 50, 1.0, True) is Verdict.ACCEPTED
    assert latch.target == NATTED


def test_policy_any_sends_to_the_source_as_soon_as_it_is_heard() -> None:
    latch = make(PUBLIC, policy=Policy.ANY)
    send(latch, NATTED, 4)
    assert latch.target == NATTED


def test_4_packets_at_once_are_not_60_ms() -> None:
    latch = make()
    assert [latch.accept(NATTED, 1, n, 0.0, True) for n in range(10)] == [Verdict.PROBATION] * 10
    assert latch.accept(NATTED, 1, 10, 0.06, True) is Verdict.CHANGED


def test_probation_wants_packets_in_order() -> None:
    latch = make()
    for index, sequence in enumerate((5, 5000, 17, 40000, 3, 900)):
        assert latch.accept(NATTED, 1, sequence, index * 0.02, True) is Verdict.PROBATION
    # duplicates and late ones prove nothing, but do not start it anew
    for now, sequence in ((1.0, 10), (1.02, 12), (1.04, 12), (1.06, 11), (1.08, 13)):
        assert latch.accept(NATTED, 1, sequence, now, True) is Verdict.PROBATION
    assert latch.accept(NATTED, 1, 14, 1.10, True) is Verdict.CHANGED


def test_probation_starts_anew_with_another_ssrc() -> None:
    latch = make()
    send(latch, NATTED, 3, ssrc=1)
    assert send(latch, NATTED, 4, ssrc=2, start=0.06, first=3) == [
        Verdict.PROBATION,
        Verdict.PROBATION,
        Verdict.PROBATION,
        Verdict.CHANGED,
    ]


def test_probation_survives_the_wrap_of_the_sequence() -> None:
    assert send(make(), NATTED, 4, first=65534)[-1] is Verdict.CHANGED


def test_packets_of_other_payload_types_prove_nothing() -> None:
    latch = make()
    assert set(send(latch, PUBLIC, 10, good=False)) == {Verdict.REFUSED}
    assert set(send(latch, NATTED, 10, good=False)) == {Verdict.REFUSED}
    assert latch.source is None


def test_a_better_rank_takes_over_and_a_worse_one_does_not() -> None:
    latch = make()
    send(latch, NATTED, 4)
    assert latch.rank == 3
    other_port = (PUBLIC[0], 4002)
    assert send(latch, other_port, 4, start=0.1)[-1] is Verdict.CHANGED
    assert latch.rank == 2
    assert latch.accept(PUBLIC, 1, 9, 0.2, True) is Verdict.CHANGED
    assert latch.rank == 1
    for worse in (NATTED, other_port, STRANGER):
        assert set(send(latch, worse, 20, start=0.3)) == {Verdict.REFUSED}
    assert latch.target == PUBLIC


def test_locked_after_50_good_packets() -> None:
    latch = make()
    for index in range(49):
        latch.accept(PUBLIC, 1, index, 0.0, True)
    latch.accept(PUBLIC, 1, 49, 0.0, False)
    assert not latch.locked
    latch.accept(PUBLIC, 1, 50, 0.0, True)
    assert latch.locked


def test_locked_after_5_s() -> None:
    latch = make()
    latch.accept(PUBLIC, 1, 0, 100.0, True)
    latch.accept(PUBLIC, 1, 1, 104.99, True)
    assert not latch.locked
    latch.accept(PUBLIC, 1, 2, 105.0, True)
    assert latch.locked


def test_the_lock_holds_against_rank_2() -> None:
    latch = make()
    send(latch, NATTED, 251)
    assert (latch.rank, latch.locked) == (3, True)
    assert set(send(latch, (PUBLIC[0], 4002), 100, start=6.0)) == {Verdict.REFUSED}
    assert latch.target == NATTED


def test_what_sdp_does_not_name_is_locked_after_5_s_and_not_after_50_packets() -> None:
    latch = make()
    send(latch, NATTED, 250)
    assert not latch.locked
    latch.accept(NATTED, 1, 250, 5.0, True)
    assert latch.locked


def test_the_lock_yields_to_the_sdp_address_but_not_to_one_packet_of_it() -> None:
    latch = make()
    send(latch, NATTED, 251)
    assert send(latch, PUBLIC, 4, start=6.0) == [Verdict.PROBATION] * 3 + [Verdict.CHANGED]
    assert (latch.rank, latch.locked) == (1, False)
    send(latch, PUBLIC, 50, start=7.0)
    assert latch.locked


def test_strangers_are_heard_only_behind_a_nat_and_after_a_second() -> None:
    assert set(send(make(PUBLIC), STRANGER, 100)) == {Verdict.REFUSED}
    latch = make(PRIVATE)
    verdicts = send(latch, STRANGER, 52)
    assert verdicts[:50] == [Verdict.PROBATION] * 50
    assert verdicts[50:] == [Verdict.CHANGED, Verdict.ACCEPTED]
    assert (latch.target, latch.rank) == (STRANGER, 4)


def test_a_private_address_that_signalling_uses_too_is_no_nat() -> None:
    latch = make(PRIVATE, PRIVATE[0])
    assert set(send(latch, STRANGER, 100)) == {Verdict.REFUSED}


@pytest.mark.parametrize("host", ["10.1.2.3", "172.16.9.9", "100.64.0.1", "127.0.0.1"])
def test_addresses_that_show_a_nat(host: str) -> None:
    assert send(make((host, 4000)), STRANGER, 60)[-1] is Verdict.ACCEPTED


def test_a_stranger_never_locks_the_caller_out() -> None:
    latch = make(PRIVATE)
    send(latch, STRANGER, 1000)
    assert (latch.rank, latch.locked) == (4, False)
    assert send(latch, NATTED, 4, start=30.0)[-1] is Verdict.CHANGED
    assert latch.target == NATTED


def test_the_same_answer_again_unlocks_and_keeps_the_source() -> None:
    latch = make(PRIVATE)
    send(latch, NATTED, 251)
    latch.set_remote(PRIVATE, SIGNALLING)
    assert (latch.locked, latch.source, latch.target) == (False, NATTED, NATTED)
    assert send(latch, NATTED, 251, start=9.0) == [Verdict.ACCEPTED] * 251
    assert latch.locked


def test_another_address_forgets_the_source() -> None:
    latch = make()
    send(latch, PUBLIC, 60)
    latch.set_remote(("198.51.100.8", 5000), SIGNALLING)
    assert (latch.locked, latch.source, latch.rank) == (False, None, None)
    assert latch.target == ("198.51.100.8", 5000)
    assert latch.accept(PUBLIC, 1, 61, 2.0, True) is Verdict.REFUSED
    assert latch.accept(("198.51.100.8", 5000), 2, 0, 2.0, True) is Verdict.CHANGED


def test_policy_sdp_never_learns_where_to_send() -> None:
    latch = make(PRIVATE, SIGNALLING, Policy.SDP)
    assert set(send(latch, NATTED, 100)) == {Verdict.REFUSED}
    assert set(send(latch, STRANGER, 100)) == {Verdict.REFUSED}
    assert send(latch, (PRIVATE[0], 4002), 4)[-1] is Verdict.CHANGED
    assert (latch.rank, latch.target) == (2, PRIVATE)


def test_policy_any_hears_strangers_without_a_nat() -> None:
    latch = make(PUBLIC, SIGNALLING, Policy.ANY)
    assert send(latch, STRANGER, 52)[-1] is Verdict.ACCEPTED
    assert latch.target == STRANGER


def test_without_an_sdp_only_policy_any_learns() -> None:
    latch = make(None, SIGNALLING)
    assert set(send(latch, NATTED, 100)) == {Verdict.REFUSED}
    assert latch.target is None
    latch = make(None, SIGNALLING, Policy.ANY)
    assert send(latch, NATTED, 4)[-1] is Verdict.CHANGED
    assert (latch.rank, latch.target) == (3, NATTED)


@pytest.mark.parametrize(
    "address",
    [
        ("0.0.0.0", 4000),
        ("::", 4000),
        ("239.1.2.3", 4000),
        ("255.255.255.255", 4000),
        ("198.51.100.7", 0),
        ("198.51.100.7", 70000),
        ("pbx.example.com", 4000),
        ("", 4000),
    ],
)
def test_S7_addresses_that_no_audio_may_go_to(address: Address) -> None:
    latch = make(address)
    assert latch.target is None
    assert set(send(latch, STRANGER, 100)) == {Verdict.REFUSED}


def test_ipv6_addresses_are_compared_in_their_short_form() -> None:
    latch = make(("2001:DB8:0:0::7", 4000))
    assert latch.accept(("2001:db8::7", 4000), 1, 0, 0.0, True) is Verdict.CHANGED


@pytest.mark.parametrize(
    ("signalling", "natted"),
    [("2001:db8::9", True), ("fd00::7", False), ("192.0.2.1", False), (None, True)],
)
def test_R1_signalling_over_ipv4_shows_no_nat_of_ipv6(signalling: str | None, natted: bool) -> None:
    """A phone with both families: its private IPv6 address is no reason to hear strangers."""
    latch = SourceLatch()
    latch.set_remote(("fd00::7", 4000), signalling)
    verdict = latch.accept(("2001:db8::666", 4000), 1, 0, 0.0, True)
    assert verdict is (Verdict.PROBATION if natted else Verdict.REFUSED)


def test_R2_a_stranger_finds_no_room_among_better_candidates() -> None:
    latch = make(PRIVATE)
    for port in range(16):
        latch.accept((SIGNALLING, 31000 + port), 1, 0, 0.0, True)
    assert latch.accept(STRANGER, 1, 0, 0.0, True) is Verdict.PROBATION
    assert STRANGER not in latch._candidates.by_address
    assert len(latch._candidates.by_address) == 16


def test_R2_a_spray_of_forged_sources_takes_no_memory_and_no_turn() -> None:
    latch = make(PRIVATE)
    verdicts = []
    for index in range(5000):
        now = index * 0.0001
        forged = (f"192.0.2.{index % 256}", 1024 + index)
        latch.accept(forged, index, index & 0xFFFF, now, True)
        assert len(latch._candidates.by_address) <= 16
        if index % 200 == 0:  # the caller, each 20 ms in the middle of it
            verdicts.append(latch.accept(NATTED, 7, index // 200, now, True))
    assert verdicts[3] is Verdict.CHANGED
    assert set(verdicts[4:]) == {Verdict.ACCEPTED}

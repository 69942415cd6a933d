"""R1: the caller and an attacker on the same address, whom the SDP does not tell apart."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.rtp.events import Address
from sipua.rtp.latch.latch import Policy, SourceLatch, Verdict
from support.media.natted import (
    BEHIND_NAT,
    ELSEWHERE,
    KEPT,
    NATTED,
    NEIGHBOUR,
    PUBLIC,
    SIGNALLING,
    Evidence,
    natted_session,
    offer,
)
from support.media.rivals import FRAME_S, Sender, compete

CALLER, ATTACKER = 1, 2
LATE = (0.0, 0.04, 0.1, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
LEADS = (-8.0, -4.0, -2.0, -0.8, -0.1, -0.01, 0.0, 0.01, 0.1, 0.8, 2.0, 3.5)


KNOWN_BY = {
    "the port that its NAT kept": Evidence(source=KEPT),
    "the SSRC that its offer announced": Evidence(ssrcs=(CALLER,)),
    "its reports": Evidence(reports_at=(1.0, 6.0)),
    "the attacker having sent before our port was told": Evidence(early=(NEIGHBOUR,)),
}


def assert_R1(caller: Sender, attacker: Sender) -> None:
    """From the caller's first packet on; before it the attacker is all that there is."""
    assert caller.served_since() <= max(caller.begins, attacker.begins) + 2.0
    assert sum(at > caller.begins + 0.08 for at in attacker.sent_to) <= 4
    assert max(attacker.sent_to, default=0) <= max(caller.begins, attacker.begins) + 2.0
    assert [at for at in attacker.heard if at > caller.heard[0]] == []
    assert max(later - earlier for earlier, later in pairwise(caller.sent_to)) <= 2.0
    assert max(caller.sent_to) >= caller.begins + 9


@pytest.mark.parametrize("lead_s", LEADS)
@pytest.mark.parametrize("known_by", KNOWN_BY)
def test_R1_the_caller_is_known_by(known_by: str, lead_s: float) -> None:
    evidence = KNOWN_BY[known_by]
    begins = max(0.0, lead_s) + 0.1
    caller = Sender(evidence.source, CALLER, begins=begins, reports_at=evidence.reports_at)
    attacker = Sender(NEIGHBOUR, ATTACKER, begins=begins - lead_s)
    session = natted_session(evidence)
    compete(session, caller, attacker, until=begins + 12)
    assert_R1(caller, attacker)
    assert session.latch.source == evidence.source
    assert session.latch.locked


@pytest.mark.parametrize("late_s", LATE)
def test_R1_who_sent_before_our_port_was_told_gets_nothing_for_5_s(late_s: float) -> None:
    caller = Sender(NATTED, CALLER, begins=late_s)
    attacker = Sender(NEIGHBOUR, ATTACKER)
    compete(natted_session(Evidence(early=(NEIGHBOUR,))), caller, attacker, until=late_s + 12)
    assert_R1(caller, attacker)
    assert len(attacker.sent_to) <= 4
    assert [at for at in attacker.heard if at < 4.9] == []


def test_R1_who_sent_before_our_port_was_told_is_never_locked() -> None:
    attacker = Sender(NEIGHBOUR, ATTACKER)
    caller = Sender(NATTED, CALLER, begins=30.0)
    session = natted_session(Evidence(early=(NEIGHBOUR,)))
    compete(session, caller, attacker, until=40)
    assert caller.served_since() < caller.begins + 0.1
    assert max(attacker.sent_to) < caller.heard[0] + FRAME_S


def test_the_sdps_own_address_may_have_sent_before_our_port_was_told() -> None:
    latch = natted_session(Evidence(early=(PUBLIC,)), PUBLIC).latch
    assert latch.accept(PUBLIC, 1, 1, 0.0, True) is Verdict.CHANGED


@pytest.mark.parametrize("lead_s", [-8.0, -5.5, -4.0, -2.0, -0.8, -0.2, -0.1])
def test_R1_without_evidence_the_earlier_one_stays_and_the_other_gets_four_packets(
    lead_s: float,
) -> None:
    """The answer makes the caller speak; who comes later is taken for what he is."""
    caller = Sender(NATTED, CALLER, begins=0.1)
    attacker = Sender(NEIGHBOUR, ATTACKER, begins=0.1 - lead_s)
    session = natted_session()
    compete(session, caller, attacker, until=20)
    assert_R1(caller, attacker)
    assert attacker.heard == []
    assert len(attacker.sent_to) == (4 if lead_s > -5 else 0)
    pauses = [b - a for a, b in pairwise(caller.heard) if b - a > 0.1]
    assert len(pauses) <= 1


@pytest.mark.parametrize("late_s", [0.0, 0.1, 0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("stays_s", [0.0, 0.1, 0.5, 1.0, 1.4, 1.6, 2.0, 4.0])
def test_R1_the_attacker_stops_and_the_caller_persists(late_s: float, stays_s: float) -> None:
    attacker = Sender(NEIGHBOUR, ATTACKER, ends=late_s + stays_s)
    caller = Sender(NATTED, CALLER, begins=late_s)
    session = natted_session()
    compete(session, caller, attacker, until=late_s + 20)
    began = next(at for at in caller.heard if at >= attacker.ends - 0.5 or not attacker.heard)
    assert began <= max(attacker.ends, caller.begins) + 2.0
    assert [at for at in attacker.heard if at > began] == []
    assert [at for at in attacker.sent_to if at > began + FRAME_S] == []
    assert caller.sent_to[-1] > 19
    assert session.latch.locked


def test_neither_is_locked_while_both_speak_for_10_s() -> None:
    first, second = Sender(NATTED, CALLER), Sender(NEIGHBOUR, ATTACKER, begins=1.0)
    session = natted_session()
    compete(session, first, second, until=9.9)
    assert not session.latch.locked
    compete(session, first, second, until=9.9)  # nothing is left over
    session = natted_session()
    compete(session, Sender(NATTED, CALLER), Sender(NEIGHBOUR, ATTACKER, begins=1.0), until=10.1)
    assert session.latch.locked


def test_R1_reports_decide_after_the_earlier_one_was_taken_for_the_caller() -> None:
    """Many phones make their first report after three seconds."""
    attacker = Sender(NEIGHBOUR, ATTACKER)
    caller = Sender(NATTED, CALLER, begins=2.0, reports_at=(3.1,))
    session = natted_session()
    compete(session, caller, attacker, until=20)
    assert caller.heard[0] == pytest.approx(5.1, abs=0.03)
    assert max(attacker.sent_to) < 5.2
    assert session.latch.source == NATTED


def test_R1_a_report_that_does_not_quote_us_is_no_evidence() -> None:
    """A source that forges the caller's address does not get our packets."""
    latch = natted_session().latch
    session = natted_session()
    forger = Sender(NEIGHBOUR, ATTACKER)
    session.receive_control(forger.report(0xCAFE), (SIGNALLING, 9), 0.0)
    assert latch._reported == session.latch._reported


def test_R1_a_report_from_the_sdps_own_address_is_evidence_by_itself() -> None:
    session = natted_session(sdp=PUBLIC)
    session.update(
        law_by_pt={0: "PCMU"},
        send_pt=0,
        telephone_event_pt=None,
        remote=PUBLIC,
        signalling_ip=SIGNALLING,
        sending=True,
        on_hold=False,
        now=0.0,
        rtcp_remote=(PUBLIC[0], PUBLIC[1] + 1),
    )
    caller = Sender((PUBLIC[0], 5000), CALLER, begins=0.5)
    attacker = Sender((PUBLIC[0], 5002), ATTACKER)
    early = Sender(PUBLIC, CALLER).report(0)
    session.receive_control(early, (PUBLIC[0], PUBLIC[1] + 1), 0.0)
    compete(session, caller, attacker, until=20)
    assert caller.heard[0] < 0.6
    assert attacker.sent_to == []


@pytest.mark.parametrize("begins", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("policy", list(Policy))
def test_R1_an_attacker_elsewhere_gets_nothing(policy: Policy, begins: float) -> None:
    caller = Sender(PUBLIC, CALLER, begins=0.3)
    attacker = Sender(ELSEWHERE, ATTACKER, begins=begins)
    compete(natted_session(sdp=PUBLIC, policy=policy), caller, attacker, until=20)
    assert_R1(caller, attacker)
    assert (attacker.sent_to, attacker.heard) == ([], [])


@pytest.mark.parametrize("at", [0.3, 1.0, 3.0, 7.0])
@pytest.mark.parametrize("lead_s", [-2.0, -0.1])
def test_R1_the_callers_ssrc_changes(at: float, lead_s: float) -> None:
    caller = Sender(NATTED, CALLER)
    attacker = Sender(NEIGHBOUR, ATTACKER, begins=-lead_s)

    def change(_now: float) -> None:
        caller.ssrc = 77

    compete(natted_session(), caller, attacker, until=20, then={at: change})
    assert_R1(caller, attacker)
    assert attacker.heard == []


def test_R1_on_hold_the_caller_is_silent_and_the_attacker_is_not() -> None:
    session = natted_session()
    caller = Sender(NATTED, CALLER, ends=6.0)
    resumed = Sender(NATTED, CALLER, begins=30.0, _sequence=900)
    attacker = Sender(NEIGHBOUR, ATTACKER, begins=5.5)
    compete(
        session,
        caller,
        resumed,
        attacker,
        until=45,
        then={
            6.0: lambda now: offer(session, BEHIND_NAT, on_hold=True, now=now),
            30.0: lambda now: offer(session, BEHIND_NAT, on_hold=False, now=now),
        },
    )
    assert (attacker.sent_to, attacker.heard) == ([], [])
    assert resumed.served_since() < resumed.begins + 0.1
    assert session.latch.locked


def test_R1_after_a_hold_the_caller_is_the_earlier_one_even_with_another_ssrc() -> None:
    session = natted_session()
    caller = Sender(NATTED, CALLER, ends=6.0)
    resumed = Sender(NATTED, 77, begins=30.0)
    attacker = Sender(NEIGHBOUR, ATTACKER, begins=5.5)
    compete(
        session,
        caller,
        resumed,
        attacker,
        until=45,
        then={
            6.0: lambda now: offer(session, BEHIND_NAT, on_hold=True, now=now),
            29.9: lambda now: offer(session, BEHIND_NAT, on_hold=False, now=now),
        },
    )
    assert attacker.heard == []
    assert len(attacker.sent_to) <= 4
    assert resumed.served_since() <= resumed.begins + 2.0
    assert session.latch.source == NATTED


def test_R1_a_nat_forgets_the_caller_on_hold_and_the_ssrc_tells() -> None:
    session = natted_session()
    caller = Sender(NATTED, CALLER, ends=6.0)
    moved = Sender((SIGNALLING, 40000), CALLER, begins=30.1, _sequence=900)
    attacker = Sender(NEIGHBOUR, ATTACKER, begins=8.0)
    compete(
        session,
        caller,
        moved,
        attacker,
        until=45,
        then={
            6.0: lambda now: offer(session, BEHIND_NAT, on_hold=True, now=now),
            30.0: lambda now: offer(session, BEHIND_NAT, on_hold=False, now=now),
        },
    )
    assert (attacker.sent_to, attacker.heard) == ([], [])
    assert moved.served_since() < moved.begins + 0.1
    assert session.latch.source == moved.source


def test_R1_a_new_offer_unlocks_and_what_was_locked_is_known_at_its_new_port() -> None:
    session = natted_session()
    caller = Sender(NATTED, CALLER, ends=6.0)
    moved = Sender((SIGNALLING, 40000), CALLER, begins=8.0, _sequence=900)
    attacker = Sender(NEIGHBOUR, ATTACKER, begins=5.5)
    new = (BEHIND_NAT[0], 4010)
    compete(
        session,
        caller,
        moved,
        attacker,
        until=20,
        then={6.0: lambda now: offer(session, new, on_hold=False, now=now)},
    )
    assert_R1(moved, attacker)
    assert session.latch.source == moved.source


def test_R1_a_second_rival_makes_no_second_pause() -> None:
    caller = Sender(NATTED, CALLER)
    rivals = [
        Sender((SIGNALLING, 32000 + number), 100 + number, begins=0.5 + number * 0.3)
        for number in range(12)
    ]
    compete(natted_session(), caller, *rivals, until=20)
    assert [rival.heard for rival in rivals] == [[]] * 12
    assert max(len(rival.sent_to) for rival in rivals) <= 4
    gaps = [later - earlier for earlier, later in pairwise(caller.heard)]
    assert sorted(gaps)[-2:] == [pytest.approx(FRAME_S, abs=1e-6), pytest.approx(1.5, abs=0.1)]


def test_R1_what_never_passes_its_probation_holds_nobody_up() -> None:
    """Two packets in order, and then the second one for ever."""
    latch = SourceLatch()
    latch.set_remote(BEHIND_NAT, SIGNALLING)
    verdicts = []
    for step in range(150):
        now = step * FRAME_S
        latch.accept(NEIGHBOUR, ATTACKER, min(step, 1), now, True)
        verdicts.append(latch.accept(NATTED, CALLER, step, now + 0.001, True))
    assert verdicts[int(1.6 / FRAME_S) :] == [Verdict.ACCEPTED] * len(
        verdicts[int(1.6 / FRAME_S) :]
    )


def test_R1_policy_sdp_sends_to_nobody_but_the_sdps_address() -> None:
    session = natted_session(sdp=PUBLIC, policy=Policy.SDP)
    one, two = Sender((PUBLIC[0], 5000), 1), Sender((PUBLIC[0], 5002), 2, begins=0.5)
    compete(session, one, two, until=12)
    assert (one.sent_to, two.sent_to) == ([], [])
    assert two.heard == []


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from([31002, 31004, 31006]), st.floats(0.1, 6), st.floats(0.02, 6)),
        max_size=8,
    )
)
def test_R1_whoever_comes_later_the_caller_has_audio_within_2_s(
    attacks: list[tuple[int, float, float]],
) -> None:
    caller = Sender(NATTED, CALLER)
    attackers = [
        Sender((SIGNALLING, port), 100 + number, begins=begins, ends=begins + lasts)
        for number, (port, begins, lasts) in enumerate(attacks)
    ]
    session = natted_session()
    compete(session, caller, *attackers, until=14)
    assert session.latch.source == NATTED
    assert max(later - earlier for earlier, later in pairwise(caller.sent_to)) <= 2.0
    assert all(attacker.heard == [] for attacker in attackers)
    for port in {attacker.source for attacker in attackers}:
        times = {at for one in attackers if one.source == port for at in one.sent_to}
        assert len(times) <= 4


SOURCES = (NATTED, NEIGHBOUR, KEPT, BEHIND_NAT, PUBLIC, (PUBLIC[0], 5000), ELSEWHERE)


@given(
    sdp=st.sampled_from([BEHIND_NAT, PUBLIC]),
    policy=st.sampled_from(list(Policy)),
    early=st.sets(st.sampled_from(SOURCES), max_size=2),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["packet"] * 12 + ["burst"] * 6 + ["vouch", "offer", "other offer"]),
            st.sampled_from(SOURCES),
            st.integers(1, 4),
            st.sampled_from([0.0, 0.001, 0.02, 0.02, 0.3, 1.2, 6.0]),
        ),
        max_size=120,
    ),
)
def test_R1_whatever_comes_the_promises_hold(
    sdp: Address,
    policy: Policy,
    early: set[Address],
    steps: list[tuple[str, Address, int, float]],
) -> None:
    latch = SourceLatch(policy)
    latch.set_early(early)
    latch.set_remote(sdp, SIGNALLING)
    sequences = dict.fromkeys(SOURCES, 0)
    probes = dict.fromkeys(SOURCES, 0)
    known: set[int] = set()
    now = 0.0
    for kind, source, ssrc, gap in steps:
        now += gap
        if kind == "vouch":
            known |= {ssrc} if ssrc == 4 else set()
            latch.vouch(ssrc, certain=ssrc == 4)
        elif kind == "offer":
            known.add(ssrc)
            latch.set_remote(sdp, SIGNALLING, {ssrc})
        elif kind == "other offer":
            sdp = (sdp[0], sdp[1] + 2)
            latch.set_remote(sdp, SIGNALLING)
        if "offer" in kind:
            assert not latch.locked
            probes = dict.fromkeys(SOURCES, 0)
        for _ in range({"packet": 1, "burst": 10}.get(kind, 0)):
            now += FRAME_S
            sequences[source] += 1
            before = (latch.source, latch.locked, latch.rank)
            verdict = latch.accept(source, ssrc, sequences[source], now, True)
            assert (verdict is Verdict.CHANGED) == (latch.source == source and before[0] != source)
            assert (verdict in (Verdict.ACCEPTED, Verdict.CHANGED)) == (latch.source == source)
            if before[1]:  # under a lock only what signalling named may come in
                assert latch.source in (before[0], sdp) or ssrc in known
            if before[0] == sdp:
                assert latch.source == sdp
            while latch.probes:
                probes[latch.probes.pop()] += 1
            assert latch.target in (sdp, latch.source)
            assert policy is not Policy.SDP or latch.target == sdp
            assert (latch.source is None) == (latch.rank is None)
            assert latch.source != ELSEWHERE or latch.rank == 4
            assert latch.source not in early - {sdp} or not latch.locked
    assert max(probes.values()) <= 4

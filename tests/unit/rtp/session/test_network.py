"""R7: sessions on a bad network. Simulated time, one seed per case."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.rtp.session.config import RtpConfig
from support.media.netmodel import Network, Talker, audio, play, samples, waits_ms
from support.media.rtp_session import make_session

COUNT = 1000  # 20 s


def check(
    network: Network,
    talker: Talker | None = None,
    *,
    max_hold_ms: float = 200,
    count: int = COUNT,
) -> float:
    """Exactly-once accounting, order and bounded delay; the share of frames that were heard."""
    talker = talker or Talker(first_sequence=65_000, first_timestamp=2**32 - 100_000)
    session = make_session(config=RtpConfig(max_hold_ms=max_hold_ms))
    arrivals = network.carry(talker.talk(count))
    happened = play(session, arrivals)

    heard = audio(happened)
    assert heard == sorted(set(heard)), "in order, none twice"
    assert max(waits_ms(happened), default=0) <= max_hold_ms + 1e-6

    frame_samples = talker.ptime_ms * 8
    total = samples(happened)
    assert total["frames"] == len(heard) * frame_samples
    assert sum(total.values()) == (heard[-1] - heard[0] + 1) * frame_samples
    assert total["silence"] == 0

    stats = session.stats()["streams"]
    assert isinstance(stats, list)
    (one,) = stats
    assert one["received"] == len(arrivals) == len(heard) + one["late"] + one["duplicates"]
    distinct = len({packet.index for packet in arrivals})
    assert one["duplicates"] + one["late"] >= len(arrivals) - distinct
    assert one["lost_samples"] == total["lost"]
    assert one["resets"] == one["timestamp_resets"] == one["stray"] == 0
    return len(heard) / count


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.03, 0.1, 0.2])
@pytest.mark.parametrize("jitter_ms", [0, 15, 60, 200])
def test_R7_loss_and_jitter_in_a_queue(loss: float, jitter_ms: float) -> None:
    network = Network(loss=loss, jitter_ms=jitter_ms, in_order=True, seed=int(loss * 100) + 1)
    heard = check(network)
    # Nothing comes out of order, so nothing is late: what arrived is heard.
    assert heard == pytest.approx(1 - loss, abs=0.03)


@pytest.mark.parametrize("loss", [0.0, 0.03, 0.2])
@pytest.mark.parametrize("jitter_ms", [15, 60, 120, 200])
def test_R7_jitter_that_reorders(loss: float, jitter_ms: float) -> None:
    heard = check(Network(loss=loss, jitter_ms=jitter_ms, seed=5))
    assert heard >= (1 - loss) * 0.97 - 0.03


@pytest.mark.parametrize("burst", [0.5, 0.8])
def test_R7_bursts_of_loss(burst: float) -> None:
    check(Network(loss=0.03, burst=burst, jitter_ms=30, seed=6))


def test_R7_duplicates_are_heard_once() -> None:
    assert check(Network(duplicate=0.3, jitter_ms=50, seed=7)) > 0.99


def test_R7_swapped_neighbours_lose_nothing() -> None:
    network = Network(reorder=0.05, reorder_ms=25, seed=8)
    assert check(network) > 0.99


@pytest.mark.parametrize("ptime_ms", [10, 30, 40, 60])
def test_R7_R9_all_at_once_with_other_packet_lengths(ptime_ms: int) -> None:
    network = Network(
        loss=0.05, burst=0.3, jitter_ms=60, reorder=0.02, duplicate=0.02, seed=ptime_ms
    )
    check(network, Talker(ptime_ms=ptime_ms))


@pytest.mark.slow
@pytest.mark.parametrize("drift_ppm", [-200, 200])
def test_R13_clock_drift_holds_nothing_back(drift_ppm: float) -> None:
    session = make_session()
    # 60 ms packets, to save the test's time.
    talker = Talker(drift_ppm=drift_ppm, ptime_ms=60)
    packets = talker.talk(round(2 * 3600 / 0.06))
    happened = play(session, packets)
    assert audio(happened) == list(range(len(packets)))
    assert max(waits_ms(happened)) == 0
    assert sum(samples(happened).values()) == 2 * 3600 * 8000


@settings(max_examples=50, deadline=None)
@given(
    loss=st.floats(0, 0.2),
    burst=st.floats(0, 0.7),
    jitter_ms=st.floats(0, 200),
    in_order=st.booleans(),
    reorder=st.floats(0, 0.1),
    duplicate=st.floats(0, 0.1),
    seed=st.integers(0, 10**6),
    max_hold_ms=st.sampled_from([20, 60, 200]),
)
def test_R7_any_network(
    *,
    loss: float,
    burst: float,
    jitter_ms: float,
    in_order: bool,
    reorder: float,
    duplicate: float,
    seed: int,
    max_hold_ms: float,
) -> None:
    network = Network(
        loss=loss,
        burst=burst,
        jitter_ms=jitter_ms,
        in_order=in_order,
        reorder=reorder,
        duplicate=duplicate,
        seed=seed,
    )
    check(network, max_hold_ms=max_hold_ms, count=200)


def test_the_same_seed_gives_the_same_network() -> None:
    packets = Talker().talk(200)
    network = Network(loss=0.1, jitter_ms=50, duplicate=0.1, seed=3)
    assert network.carry(packets) == network.carry(packets)
    assert network.carry(packets) != Network(loss=0.1, jitter_ms=50, seed=4).carry(packets)

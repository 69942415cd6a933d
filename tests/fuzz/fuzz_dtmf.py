"""Any sequence of telephone events gives keys of a keypad, a bounded number of them."""

import sys

import atheris

with atheris.instrument_imports():
    from sipua.rtp.dtmf import DIGITS, DtmfReceiver

MOST_A_SECOND = 32


def test_one_input(data: bytes) -> None:
    given = atheris.FuzzedDataProvider(data)
    receiver = DtmfReceiver()
    now = 0.0
    told = []
    while given.remaining_bytes():
        now += given.ConsumeIntInRange(0, 300) / 1000
        told += receiver.push(
            given.ConsumeIntInRange(0, 2),
            given.ConsumeIntInRange(0, 3) * 400,
            given.ConsumeBool(),
            given.ConsumeBytes(given.ConsumeIntInRange(0, 12)),
            now,
        )
    told += receiver.expire(now + 10)
    assert receiver.deadline is None
    assert all(key.digit in DIGITS and key.duration_ms >= 0 for key in told)
    assert len(told) <= MOST_A_SECOND * (now + 11)


atheris.Setup(sys.argv, test_one_input)
atheris.Fuzz()

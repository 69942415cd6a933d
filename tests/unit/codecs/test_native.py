"""The compiled kernel against the numpy path, bit by bit."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from sipua.codecs import native, resample
from sipua.codecs.g711 import Law
from sipua.codecs.pcm import Pcm
from sipua.codecs.resample import Downsampler, Upsampler

ROOT = Path(__file__).parents[3]
CHUNKS = [160] * 20 + [1, 7, 480, 481, 1000, 3, 0, 159, 160, 5000, 2]


def noise(seed: int, samples: int, *, loud: bool) -> Pcm:
    random = np.random.default_rng(seed)
    if loud:  # every sum of taps that there is, and saturation
        return random.choice(np.array([-32768, 32767], np.int16), samples)
    return random.integers(-32768, 32768, samples, dtype=np.int16)


@pytest.fixture(params=[False, True], ids=["noise", "full scale"])
def signals(request: pytest.FixtureRequest) -> list[Pcm]:
    return [noise(seed, samples, loud=request.param) for seed, samples in enumerate(CHUNKS)]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> native.Kernel:
    """Of these sources, whatever is installed."""
    out = tmp_path_factory.mktemp("kernel") / "_kernel.abi3.so"
    build = [str(ROOT / "scripts" / "build_native.sh"), sys.executable, str(out)]
    result = subprocess.run(build, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert not result.stderr, "no warning"
    loader = ExtensionFileLoader("sipua.codecs._kernel", str(out))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    assert native.REVISION == module.REVISION
    return cast("native.Kernel", module)


@pytest.fixture
def compiled(kernel: native.Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "kernel", kernel)


RATES = pytest.mark.parametrize("rate_hz", [16_000, 24_000])


def by_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "kernel", None)


@RATES
@pytest.mark.usefixtures("compiled")
def test_up(rate_hz: int, signals: list[Pcm], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Upsampler(rate_hz)
    fast = [stream.process(pcm).tobytes() for pcm in signals]
    by_numpy(monkeypatch)
    stream = Upsampler(rate_hz)
    assert fast == [stream.process(pcm).tobytes() for pcm in signals]


@RATES
@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("law", list(Law))
def test_up_from_g711_between_samples(
    law: Law, rate_hz: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that changes between the two ways goes on as one."""

    def made() -> list[bytes]:
        random, stream = np.random.default_rng(1), Upsampler(rate_hz)
        out = []
        for samples in CHUNKS:
            codes = random.integers(0, 256, samples, dtype=np.uint8).tobytes()
            out.append(stream.decode(codes, law))
            out.append(stream.process(noise(samples, samples, loud=False)[::-1]).tobytes())
        return out

    fast = made()
    by_numpy(monkeypatch)
    assert fast == made()


@RATES
@pytest.mark.usefixtures("compiled")
def test_down(rate_hz: int, signals: list[Pcm], monkeypatch: pytest.MonkeyPatch) -> None:
    def made() -> list[bytes]:
        stream = Downsampler(rate_hz)
        return [stream.process(pcm).tobytes() for pcm in signals] + [stream.flush().tobytes()]

    fast = made()
    by_numpy(monkeypatch)
    assert fast == made()


@pytest.mark.parametrize(
    ("history", "source", "table", "taps"),
    [
        (bytearray(44), b"", None, bytes(576)),
        (bytearray(46), b"", bytes(511), bytes(576)),
        (bytearray(46), b"", None, bytes(568)),
        (bytearray(46), b"", None, b""),
        (bytearray(46), b"", None, bytes(768)),
    ],
)
def test_a_buffer_of_another_size_is_refused(
    kernel: native.Kernel,
    history: bytearray,
    source: bytes,
    table: bytes | None,
    taps: bytes,
) -> None:
    with pytest.raises(ValueError, match="bytes, not"):
        kernel.upsample(history, source, table, taps, 1.0)


def test_what_cannot_be_read_or_written_is_refused(kernel: native.Kernel) -> None:
    with pytest.raises((TypeError, BufferError)):
        kernel.upsample(bytes(46), b"", None, bytes(576), 1.0)
    with pytest.raises(TypeError):
        kernel.upsample(bytearray(46), "text", None, bytes(576), 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        kernel.downsample(b"")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        kernel.downsample(b"", bytes(576), None)  # type: ignore[arg-type]
    assert kernel.downsample(b"", bytes(576), 1.0) == b""


def test_the_environment_does_without_it() -> None:
    code = "from sipua.codecs import native; print(native.kernel, native.why_not)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "SIPUA_NATIVE": "0"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert result.stdout == "None turned off by SIPUA_NATIVE=0\n"


def test_a_kernel_of_other_sources_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        REVISION = native.REVISION - 1

    def old(_name: str) -> type[Old]:
        return Old

    monkeypatch.setattr(importlib, "import_module", old)
    monkeypatch.delenv("SIPUA_NATIVE", raising=False)
    assert native._load() == (None, "built of other sources")

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from sipua.codecs import native
from sipua.doctor import doctor
from sipua.doctor.doctor import BuildInfo
from sipua.doctor.findings import Finding, Level
from sipua.process.exits import Exit

PRODUCTION = BuildInfo(
    "2.17", "2.17+sipua9", 1024, "epoll", "OpenSSL 3.0.19 27 Jan 2026", asks=True, asks_calls=True
)
INDEX = BuildInfo(
    "2.15.1",
    "2.15.1.post1",
    4,
    "select",
    "OpenSSL 1.0.2k-fips  26 Jan 2017",
    asks=False,
    bounds=False,
    asks_calls=False,
)


def test_the_production_build_has_nothing_to_complain_about() -> None:
    assert PRODUCTION.production
    assert {finding.level for finding in doctor.check_pjsua2(PRODUCTION)} == {Level.OK}


def test_the_index_build_is_warned_about_with_what_to_type() -> None:
    assert not INDEX.production
    version, *others = doctor.check_pjsua2(INDEX)
    assert "CVE-2026-33069" in version.advice
    for finding in (version, *others):
        assert finding.level is Level.WARN
        assert "make pjsua2" in finding.advice


def test_H12_an_edge_that_starts_on_the_index_build_warns_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    (finding,) = doctor.check_running(INDEX, max_calls=4, workers=1)
    assert finding.level is Level.WARN
    for word in ("2.15.1", "calls at once 4", "select", "OpenSSL 1.0.2k"):
        assert word in finding.value
    assert finding.advice.count("make pjsua2") == 1
    assert doctor.check_running(PRODUCTION, max_calls=4, workers=1) == []
    (other,) = doctor.check_running(PRODUCTION, max_calls=1024, workers=1)
    assert other.name == "open files"


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("2.16", Level.WARN),
        ("2.17", Level.WARN),
        ("2.17+sipua8", Level.WARN),
        ("2.17+sipua9", Level.OK),
        ("2.17+sipua10", Level.OK),
        ("2.17.1", Level.OK),
        ("3.0", Level.OK),
    ],
)
def test_crash_bugs_end_with_the_release_that_fixed_them(version: str, level: Level) -> None:
    build = BuildInfo(
        version.partition("+")[0],
        version,
        1024,
        "epoll",
        "OpenSSL 3.0.19",
        asks=True,
        asks_calls=True,
    )
    assert doctor.check_pjsua2(build)[0].level is level


def test_a_build_without_tls_is_named() -> None:
    build = BuildInfo("2.17", "2.17", 1024, "epoll", "none", asks=True, asks_calls=True)
    assert doctor.check_pjsua2(build)[-1].level is Level.WARN


def test_descriptors_are_counted_against_the_calls() -> None:
    finding = doctor.check_descriptors(1024, 4096, max_calls=1024, workers=1)
    assert finding.level is Level.WARN
    assert "enough for 298 calls of 1024" in finding.advice
    assert "ulimit -n 3200" in finding.advice
    assert doctor.check_descriptors(3200, 4096, max_calls=1024, workers=1).level is Level.OK
    assert doctor.check_descriptors(1024, 4096, max_calls=4, workers=1).level is Level.OK
    none = doctor.check_descriptors(10, 10, max_calls=4, workers=1)
    assert none.advice.startswith("enough for 0 calls")


def test_each_worker_holds_descriptors_for_its_share_of_the_calls() -> None:
    two = doctor.check_descriptors(1024, 4096, max_calls=1024, workers=2)
    assert "enough for 596 calls of 1024: `ulimit -n 1664`" in two.advice
    many = doctor.check_descriptors(1024, 4096, max_calls=1024, workers=16)
    assert "enough for 896 calls of 1024: `ulimit -n 1152`" in many.advice, "SIP, in the edge"
    assert doctor.check_descriptors(1664, 4096, max_calls=1024, workers=2).level is Level.OK


def test_unlimited_descriptors_are_enough() -> None:
    unlimited = resource.RLIM_INFINITY
    finding = doctor.check_descriptors(unlimited, unlimited, max_calls=1024, workers=1)
    assert (finding.level, finding.value) == (Level.OK, "unlimited")


def test_udp_buffers() -> None:
    assert doctor.check_udp_buffers(212_992).level is Level.OK
    assert doctor.check_udp_buffers(65_536).level is Level.WARN
    assert doctor.check_udp_buffers(None).level is Level.OK


def test_native_code_is_looked_for() -> None:
    assert doctor.check_base64("1.5.1 (C extension active - AVX2)").level is Level.OK
    assert doctor.check_base64("1.5.1 (C extension inactive)").level is Level.WARN
    assert doctor.check_speedups("uvloop", "0.23.0", native=True).level is Level.OK
    assert doctor.check_speedups("uvloop", None, native=True).value == "not installed"
    assert doctor.check_speedups("websockets", "17.4", native=False).level is Level.WARN


def test_text_has_one_line_each_and_the_advice_below() -> None:
    findings = [Finding(Level.OK, "a", "1"), Finding(Level.WARN, "long", "2", "do this")]
    assert doctor.render_text(findings) == (
        "ok     a     1\nwarn   long  2\n             -> do this\n"
    )


def test_json_carries_every_field() -> None:
    finding = Finding(Level.ERROR, "pjsua2", "gone", "install it")
    assert json.loads(doctor.render_json([finding])) == [
        {"level": "error", "name": "pjsua2", "value": "gone", "advice": "install it"}
    ]


def test_the_installed_build_answers() -> None:
    build = doctor.build_info()
    assert build.max_calls >= 4
    assert build.ioqueue in {"epoll", "select"}
    assert build.version[0] == "2"


def test_the_compiled_kernel_is_optional_and_one_that_is_stale_is_told() -> None:
    assert doctor.check_kernel("").level is Level.OK
    not_built = doctor.check_kernel(native.NOT_BUILT)
    assert (not_built.level, "make native" in not_built.value) == (Level.OK, True)
    assert doctor.check_kernel(native.TURNED_OFF).level is Level.OK
    stale = doctor.check_kernel("built of other sources")
    assert (stale.level, stale.value) == (Level.WARN, "numpy: built of other sources")


def test_run_prints_and_succeeds_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.run(json=False) == 0
    assert "calls at once" in capsys.readouterr().out
    assert doctor.run(json=True) == 0
    assert {"level", "name", "value", "advice"} == set(json.loads(capsys.readouterr().out)[0])


def test_a_pjsua2_that_does_not_start_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "pjprobe.py"
    broken.write_text("raise ImportError('libsrtp2.so.1: cannot open shared object file')")
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "doctor.py"))
    monkeypatch.setattr(doctor, "build_info", doctor.build_info.__wrapped__)
    assert doctor.run(json=False) == Exit.UNFIT
    assert "does not start: ImportError: libsrtp2.so.1" in capsys.readouterr().out


def test_ipv6_of_machine_and_build() -> None:
    loopback = "00000000000000000000000000000001 01 80 10 80       lo\n"
    link = "fe800000000000000000000000000001 02 40 20 80     eth0\n"
    routed = "".join(
        f"20010db800000000000000000000000{n} 02 40 00 80     eth0\n" for n in range(1, 6)
    )
    assert doctor.check_ipv6(None, in_build=False).level is Level.OK
    assert "only" in doctor.check_ipv6(loopback + link, in_build=True).value
    assert doctor.check_ipv6(loopback + link + routed, in_build=True).value == (
        "2001:db8::1, 2001:db8::2, 2001:db8::3 and 2 more"
    )
    without = doctor.check_ipv6(routed, in_build=False)
    assert (without.level, "make pjsua2" in without.value) == (Level.OK, True)

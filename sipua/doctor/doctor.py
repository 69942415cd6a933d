"""`sipua doctor`: what is installed, how much it can carry, and what is wrong with it.

Each check is a pure function of what was looked up; `examine` does the looking.
"""

import dataclasses
import functools
import importlib.metadata
import importlib.util
import ipaddress
import json as json_format
import math
import os
import platform
import re
import resource
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pybase64

from sipua.codecs import native
from sipua.doctor import edges
from sipua.doctor.findings import Finding, Level
from sipua.process import cores
from sipua.process.exits import Exit

# Published bugs of pjproject before 2.17 with which an unknown peer can crash the edge.
FIXED_IN = (2, 17)
CRASHES_BEFORE = {
    "CVE-2026-33069": "multipart SIP bodies",
    "CVE-2026-41415": "Content-ID of a body part",
    "CVE-2026-41416": "ptime in SDP",
    "CVE-2026-28799": "SUBSCRIBE that ends a subscription",
    "CVE-2026-32945": "DNS answers",
}

# Bugs that became known after 2.17, and are closed in our builds of it from this one on.
CLOSED_IN_BUILD = 9
CRASHES_WITHOUT = {
    "CVE-2026-57162": "keys in SDP",
    "Service-Route": "of a registrar",
    "Contact: *": "of a registrar",
}

# Below this a build is for trying out only; the package index's wheel takes 4 calls.
PRODUCTION_CALLS = 64
BUILD_ADVICE = "`make pjsua2` builds one for 1,024 calls in about three minutes"

# In its worker a call holds an RTP, an RTCP and a websocket; in the edge it may have a SIP
# connection of its own. The rest is listeners, logs, libraries.
DESCRIPTORS_PER_CALL = 3
SIP_DESCRIPTORS_PER_CALL = 1
DESCRIPTORS_BESIDES = 128

# Linux' number of the scope of an address that others can reach, in /proc/net/if_inet6.
_GLOBAL = "00"
_SHOWN = 3

# Linux' default. Below it, a stall of the loop of some hundred milliseconds loses packets.
UDP_BUFFER_BYTES = 212_992


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """The pjsua2 that is installed."""

    version: str  # of pjproject
    distribution: str  # of the wheel
    max_calls: int
    ioqueue: str
    openssl: str
    asks: bool
    """Of each new request, before anything is spent on it."""
    asks_calls: bool
    """The same of each request within a call."""
    ipv6: bool = True
    bounds: bool = True
    """Of connections by TCP and TLS."""

    @property
    def production(self) -> bool:
        return self.max_calls >= PRODUCTION_CALLS


class ProbeError(Exception):
    """pjsua2 is not there or does not start; the text says how it failed."""


@functools.cache
def build_info() -> BuildInfo:
    """Ask the installed pjsua2, in a process of its own (a fifth of a second, once)."""
    probe = Path(__file__).with_name("pjprobe.py")
    # -I: the folder of the probe is ours, and modules in it hide the standard library's.
    result = subprocess.run(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-I", probe], capture_output=True, text=True, timeout=30, check=False
    )
    # pjsua2 logs to standard output too, from C and out of order.
    found = next((line for line in result.stdout.splitlines() if line.startswith("{")), None)
    if result.returncode or found is None:
        last_words = result.stderr.strip().splitlines()[-1:] or [f"exit code {result.returncode}"]
        raise ProbeError(last_words[0])
    answer = json_format.loads(found)
    return BuildInfo(
        version=answer["pjproject"],
        distribution=answer["distribution"],
        max_calls=answer["max_calls"],
        ioqueue=answer["ioqueue"],
        openssl=answer["openssl"] or "none",
        asks=answer["asks"],
        asks_calls=answer["asks_calls"],
        ipv6=answer["ipv6"],
        bounds=answer["bounds"],
    )


def _known_bugs(build: BuildInfo) -> str:
    """That a peer can crash it by; empty: none."""
    version = tuple(int(number) for number in re.findall(r"\d+", build.version))
    ours = re.search(r"\+sipua(\d+)", build.distribution)
    if version < FIXED_IN:
        return f"an unknown peer can crash it, fixed in 2.17: {_named(CRASHES_BEFORE)}"
    if version == FIXED_IN and not (ours and int(ours[1]) >= CLOSED_IN_BUILD):
        return f"a peer can crash it, closed in a newer build: {_named(CRASHES_WITHOUT)}"
    return ""


def _named(bugs: dict[str, str]) -> str:
    return ", ".join(f"{name} ({what})" for name, what in bugs.items())


def check_pjsua2(build: BuildInfo) -> list[Finding]:
    bugs = _known_bugs(build)
    openssl = re.search(r"\d+", build.openssl)
    return [
        _check(
            not bugs,
            "pjsua2",
            f"{build.version} (wheel {build.distribution})",
            f"{bugs}. {BUILD_ADVICE}",
        ),
        _check(
            build.production,
            "calls at once",
            str(build.max_calls),
            "this build is for trials; further calls get 486 Busy Here: `make pjsua2`",
        ),
        _check(
            build.ioqueue == "epoll",
            "SIP sockets",
            build.ioqueue,
            "select() cannot use descriptors above 1023: `make pjsua2`",
        ),
        _check(
            build.asks,
            "OPTIONS",
            "answered by the edge's state" if build.asks else "always answered with 200",
            "a dispatcher sends calls to an edge that is full, draining or without an engine, and "
            "each refused INVITE holds 66 kB for 32 s: `make pjsua2`",
        ),
        _check(
            build.bounds,
            "connections",
            "bounded (admission)" if build.bounds else "not bounded",
            "strangers may hold all sockets of SIP over TCP and TLS, and pjsip keeps them: "
            "`make pjsua2`, or a firewall",
        ),
        _check(
            build.asks_calls,
            "requests within calls",
            "taken from the source of their call" if build.asks_calls else "taken from any source",
            "an attacker that has read Call-ID and tags of a call ends it from any address; what "
            "says to be within a call is not counted (`admission`): `make pjsua2`",
        ),
        _check(
            openssl is not None and int(openssl[0]) >= 3,
            "TLS of pjsua2",
            build.openssl,
            "OpenSSL before 3 gets no security fixes, and SIP over TLS does not start with it: "
            "`make pjsua2`",
        ),
    ]


def check_running(build: BuildInfo, max_calls: int, workers: int) -> list[Finding]:
    """What an edge that starts should warn about."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    findings = [sum_up(build), check_descriptors(soft, hard, max_calls, workers)]
    return [finding for finding in findings if finding.level is not Level.OK]


def sum_up(build: BuildInfo) -> Finding:
    """What is wrong with this pjsua2 as one finding, because one command mends it all."""
    bad = [finding for finding in check_pjsua2(build) if finding.level is not Level.OK]
    wrong = ", ".join(f"{finding.name} {finding.value}" for finding in bad)
    advice = f"for trials only, not for a public address (`sipua doctor` says why); {BUILD_ADVICE}"
    return _check(not bad, "pjsua2", wrong or build.version, advice)


def check_descriptors(soft: int, hard: int, max_calls: int, workers: int) -> Finding:
    """The limit is each process's: the edge's, and that of each worker with its share of calls."""
    share = math.ceil(max_calls / workers) * DESCRIPTORS_PER_CALL
    needed = max(share, max_calls * SIP_DESCRIPTORS_PER_CALL) + DESCRIPTORS_BESIDES
    left = max(0, soft - DESCRIPTORS_BESIDES)
    calls = min(left // DESCRIPTORS_PER_CALL * workers, left // SIP_DESCRIPTORS_PER_CALL)
    enough = soft == resource.RLIM_INFINITY or soft >= needed
    return _check(
        enough,
        "open files",
        "unlimited" if soft == resource.RLIM_INFINITY else f"{soft} (hard limit {hard})",
        f"enough for {calls} calls of {max_calls}: `ulimit -n {needed}`, or "
        f"LimitNOFILE={needed} in the systemd unit",
    )


def check_ipv6(table: str | None, *, in_build: bool) -> Finding:
    """`table`: /proc/net/if_inet6; None: this kernel has none."""
    addresses = _ipv6_addresses(table or "")
    if not addresses:
        return Finding(Level.OK, "IPv6", "this machine has none: IPv4 only")
    if not in_build:
        return Finding(Level.OK, "IPv6", "this pjsua2 is built without it: `make pjsua2`")
    usable = [address for address, scope in addresses if scope == _GLOBAL]
    if not usable:
        return Finding(Level.OK, "IPv6", "on this machine only: it has no global address")
    more = f" and {len(usable) - _SHOWN} more" if len(usable) > _SHOWN else ""
    return Finding(Level.OK, "IPv6", ", ".join(usable[:_SHOWN]) + more)


def _ipv6_addresses(table: str) -> list[tuple[str, str]]:
    """Each address with its scope."""
    rows = [line.split() for line in table.splitlines()]
    return [(str(ipaddress.IPv6Address(int(row[0], 16))), row[3]) for row in rows if len(row) > 3]


def check_udp_buffers(receive_default: int | None) -> Finding:
    if receive_default is None:
        return Finding(Level.OK, "UDP buffer", "unknown on this system")
    return _check(
        receive_default >= UDP_BUFFER_BYTES,
        "UDP buffer",
        f"{receive_default} bytes",
        f"a short stall loses packets: `sysctl -w net.core.rmem_default={UDP_BUFFER_BYTES}`",
    )


def check_base64(version: str) -> Finding:
    """`version` is what pybase64 says of itself: 1.5.1 (C extension active - AVX2)."""
    return _check(
        "inactive" not in version,
        "base64",
        version,
        "the slow fallback is in use: install pybase64 from a wheel for this machine",
    )


def check_speedups(name: str, version: str | None, *, native: bool) -> Finding:
    return _check(
        version is not None and native,
        name,
        version or "not installed",
        f"calls cost more without its C code: install {name} from a wheel for this machine",
    )


def check_kernel(why_not: str) -> Finding:
    """Optional: without it the same work is numpy's."""
    if not why_not:
        return Finding(Level.OK, "audio kernel", "compiled (C)")
    if why_not == native.NOT_BUILT:
        return Finding(Level.OK, "audio kernel", "numpy (`make native` compiles a faster one)")
    if why_not == native.TURNED_OFF:
        return Finding(Level.OK, "audio kernel", f"numpy, {why_not}")
    return Finding(Level.WARN, "audio kernel", f"numpy: {why_not}", "build it anew: `make native`")


def examine() -> list[Finding]:
    """Look at this machine and this installation."""
    findings = [
        Finding(Level.OK, "sipua", _version("sipua") or "not installed"),
        Finding(Level.OK, "Python", f"{platform.python_version()} ({sys.executable})"),
        Finding(Level.OK, "system", platform.platform()),
        Finding(Level.OK, "CPUs", str(len(os.sched_getaffinity(0)))),
        Finding(Level.OK, "workers", f'{cores.usable()} with `edge.workers = "auto"`'),
    ]
    try:
        build = build_info()
    except ProbeError as error:
        findings.append(Finding(Level.ERROR, "pjsua2", f"does not start: {error}", BUILD_ADVICE))
    else:
        findings += check_pjsua2(build)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        findings.append(check_descriptors(soft, hard, build.max_calls, cores.usable()))
        findings.append(check_ipv6(_text(Path("/proc/net/if_inet6")), in_build=build.ipv6))
    websockets_native = importlib.util.find_spec("websockets.speedups") is not None
    return [
        *findings,
        check_udp_buffers(_kernel_number("net/core/rmem_default")),
        check_speedups("uvloop", _version("uvloop"), native=True),
        check_speedups("websockets", _version("websockets"), native=websockets_native),
        check_base64(pybase64.get_version()),
        *edges.findings(),
        check_kernel(native.why_not),
    ]


def render_text(findings: Iterable[Finding]) -> str:
    findings = list(findings)
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:5}  {finding.name:{width}}  {finding.value}")
        if finding.advice:
            lines.append(f"{'':5}  {'':{width}}  -> {finding.advice}")
    return "\n".join(lines) + "\n"


def render_json(findings: Iterable[Finding]) -> str:
    return json_format.dumps([dataclasses.asdict(finding) for finding in findings], indent=2) + "\n"


def run(json: bool, more: Iterable[Finding] = ()) -> int:
    """Print what was found; UNFIT if something keeps the edge from working."""
    findings = [*examine(), *more]
    sys.stdout.write(render_json(findings) if json else render_text(findings))
    unfit = any(finding.level is Level.ERROR for finding in findings)
    return Exit.UNFIT if unfit else Exit.OK


def _check(good: bool, name: str, value: str, advice: str) -> Finding:
    return Finding(Level.OK, name, value) if good else Finding(Level.WARN, name, value, advice)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _kernel_number(name: str) -> int | None:
    try:
        return int(_text(Path("/proc/sys", name)) or "")
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None

"""SIPp as a bounded child process: scenarios in, figures and messages out.

A scenario (tests/sipp/*/*.xml) is SIPp's XML with `@NAME@` placeholders: the pieces below, and the
values that a test gives. A line that holds nothing but an empty placeholder is left out. Options
of SIPp's that a scenario needs stand in a comment of its own, `<!-- sipp: … -->`.
"""

import csv
import re
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from support.media.rtp_far_end import RtpFarEnd
from support.ports import LOOPBACK, LOOPBACK6, PortBlock
from support.process import Child, wait_until
from support.signalling import offers

SCENARIOS = {path.stem: path for path in (Path(__file__).parents[2] / "sipp").rglob("*.xml")}

# The header fields that every request of a dialog and every response repeats.
_PIECES = {
    "VIA": "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
    "DIALOG": "From: <sip:@FROM@@[local_ip]:[local_port]>;tag=[pid]c[call_number]\n"
    "To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]\n"
    "Call-ID: [call_id]\n"
    "Max-Forwards: 70",
    "CONTACT": "Contact: <sip:@FROM@@[local_ip]:[local_port];transport=[transport]>",
    "REPLY": "[last_Via:]\n[last_Record-Route:]\n[last_From:]\n"
    "[last_To:];tag=[pid]s[call_number]\n"
    "[last_Call-ID:]\n[last_CSeq:]",
    "REPLY_IN_DIALOG": "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]",
}
_DEFAULTS = {
    "FROM": "caller",
    "OFFER": offers.AUDIO,
    "MACHINE": offers.offer(port="[field1]"),
    "REOFFER": offers.offer(version=2),
    "RESUME": offers.RESUME,
    "HELD_ANSWER": offers.offer(direction="recvonly", version=2),
    "HEADERS": "",
    "TYPE": "application/dtmf-relay",
    "INFO_STATUS": "200",
    "AFTER": "700",
    "STATUS": "200",
}


@dataclass(frozen=True, slots=True)
class SipMessage:
    """One line of SIPp's message trace."""

    at_s: float  # within the day
    sent: bool
    text: str

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class SippResult:
    exit_status: int  # 0: every call went as the scenario says
    successful: int
    failed: int
    retransmissions: int
    errors: str
    messages: list[SipMessage]

    @property
    def ok(self) -> bool:
        return self.exit_status == 0 and not self.failed

    def received(self, first_line: str) -> list[SipMessage]:
        """Without repetitions: on a busy machine an answer may take longer than 500 ms."""
        found: dict[str, SipMessage] = {}
        for message in self.messages:
            if not message.sent and first_line in message.first_line:
                found.setdefault(message.text, message)
        return list(found.values())

    def __str__(self) -> str:
        """Enough to see in a failed assertion what went wrong."""
        ladder = "\n".join(
            f"  {'>' if message.sent else '<'} {message.first_line}"
            for message in self.messages[:60]
        )
        return (
            f"SIPp exited with {self.exit_status}: {self.successful} calls as expected, "
            f"{self.failed} not\n{self.errors[:2000]}\n{ladder}"
        )


class SippRun:
    """A SIPp that is under way."""

    def __init__(self, child: Child, home: Path, ports: PortBlock, port: int) -> None:
        self.port = port
        self.home = home
        self._child = child
        self._ports = ports

    @property
    def address(self) -> str:
        """As SIP URIs name it."""
        return f"{LOOPBACK}:{self.port}"

    def wait(self, timeout_s: float = 60, *, check: bool = True) -> SippResult:
        """Until all calls are done; with `check`, each must have gone as the scenario says."""
        try:
            self._child.wait(timeout_s)
        finally:
            result = self.stop()
        if check and not result.ok:
            raise AssertionError(str(result))
        return result

    def hang_up(self) -> None:
        """Ends the pause of each call that was started with `until_told`, and is up."""
        up = [m for m in self.messages() if m.sent and m.first_line.startswith("ACK ")]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as test:
            for number, ack in enumerate(up):
                dialog = re.findall("^(?:From|To|Call-ID): .*$", ack.text, re.MULTILINE)
                lines = (
                    "OPTIONS sip:over@test SIP/2.0",
                    f"Via: SIP/2.0/UDP {LOOPBACK}:9;branch=z9hG4bKtest{number}",
                    *dialog,
                    "CSeq: 1 OPTIONS",
                    "Content-Length: 0",
                )
                text = "\r\n".join(lines) + "\r\n\r\n"
                test.sendto(text.encode(), (LOOPBACK, self.port))

    def stop(self) -> SippResult:
        """Whatever state it is in: for scenarios without an end, such as a registrar."""
        if self._child.exit_status is None:
            self._child.kill()
        self._ports.close()
        return self.result()

    def messages(self) -> list[SipMessage]:
        """The trace so far."""
        return _messages(self.home / "messages")

    def result(self) -> SippResult:
        rows: list[dict[str, str]] = []
        if (self.home / "stat.csv").exists():
            with (self.home / "stat.csv").open() as file:
                rows = list(csv.DictReader(file, delimiter=";"))
        last = rows[-1] if rows else {}
        console = self._child.log.read_text(errors="replace") if not rows else ""
        return SippResult(
            exit_status=self._child.exit_status if self._child.exit_status is not None else -1,
            successful=int(last.get("SuccessfulCall(C)", 0)),
            failed=int(last.get("FailedCall(C)", 0)),
            retransmissions=int(last.get("Retransmissions(C)", 0)),
            errors=_read(self.home / "errors") + console,
            messages=self.messages(),
        )


class Sipp:
    """Starts scenarios; the `sipp` fixture ends those that a test leaves behind."""

    def __init__(self, home: Path) -> None:
        if shutil.which("sipp") is None:
            raise RuntimeError("there is no SIPp on this machine: run make peers")
        self._home = home
        self._runs: list[SippRun] = []

    def run(
        self,
        scenario: str,
        remote: tuple[str, int],
        *,
        media: RtpFarEnd | None = None,
        service: str = "agent",
        calls: int = 1,
        rate: int = 20,
        pause_ms: int = 500,
        transport: str = "u1",
        timeout_s: int = 40,
        check: bool = True,
        **values: str,
    ) -> SippResult:
        """Calls `service` at `remote`, and waits for the end of all calls, as `wait()` does."""
        return self.start(
            scenario,
            remote,
            media=media,
            service=service,
            calls=calls,
            rate=rate,
            pause_ms=pause_ms,
            transport=transport,
            timeout_s=timeout_s,
            **values,
        ).wait(timeout_s + 10, check=check)

    def start(
        self,
        scenario: str,
        remote: tuple[str, int] | None = None,
        *,
        media: RtpFarEnd | None = None,
        second: RtpFarEnd | None = None,
        service: str = "agent",
        calls: int = 1,
        rate: int = 20,
        pause_ms: int = 500,
        transport: str = "u1",
        timeout_s: int = 40,
        until_told: bool = False,
        **values: str,
    ) -> SippRun:
        """Goes on by itself; without `remote` it waits for calls at its `port`. `second`: the
        sound of calls whose SDP has `[field1]`.

        `pause_ms` is the length of each pause of the scenario that names none; with `until_told`
        its only pause lasts until `hang_up()`, so that the test takes as long as it takes, and the
        call is up however slow the machine is. `media` carries
        the calls' sound; without it their media goes to a port where no socket is. SIPp and its
        SDP are of the family of `remote`.
        """
        home = self._home / f"{len(self._runs)}-{scenario}"
        home.mkdir(parents=True)
        xml = render(scenario, values)
        if until_told:
            assert xml.count("<pause/>") == 1, scenario
            xml = xml.replace("<pause/>", '<recv request="OPTIONS"/>')
        (home / "scenario.xml").write_text(xml)
        ports = PortBlock()
        port = ports.port()
        host = LOOPBACK6 if remote and ":" in remote[0] else LOOPBACK
        lines = [f"{number};" for number in (media.ports if media else [ports.range(2)[0]])]
        if media and second:
            lines = [
                f"{one};{other};" for one, other in zip(media.ports, second.ports, strict=True)
            ]
            second.targets.symlink_to(media.targets)
        (home / "media.csv").write_text("\n".join(["SEQUENTIAL", *lines, ""]))
        command = [
            *("sipp", "-sf", home / "scenario.xml", "-inf", home / "media.csv"),
            *("-i", host, "-p", port, "-mp", ports.range(4)[0], "-cp", ports.port()),
            *("-m", calls, "-l", calls, "-r", rate, "-d", pause_ms, "-s", service, "-t", transport),
            *("-timeout", f"{timeout_s}s", "-timeout_error", "-nostdin"),
            *("-trace_stat", "-stf", home / "stat.csv", "-fd", "1"),
            *("-trace_err", "-error_file", home / "errors"),
            *("-trace_msg", "-message_file", home / "messages"),
            *("-trace_logs", "-log_file", media.targets if media else home / "log"),
            *" ".join(re.findall("<!-- sipp: (.*) -->", xml)).split(),
            *((f"{_in_brackets(remote[0])}:{remote[1]}",) if remote else ()),
        ]
        child = Child([str(word) for word in command], home / "console")
        run = SippRun(child, home, ports, port)
        self._runs.append(run)
        wait_until(
            lambda: child.exit_status is not None or _is_bound(port, tcp=transport[0] == "t"),
            30,
            "SIPp's start",
        )
        return run

    def close(self) -> None:
        for run in self._runs:
            run.stop()


def render(scenario: str, values: dict[str, str]) -> str:
    """The scenario's XML with its placeholders filled; complains about any too many or too few."""
    text = SCENARIOS[scenario].read_text()
    known = _PIECES | _DEFAULTS | values
    used: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in known:
            raise KeyError(f"{scenario} needs a value for {name}")
        used.add(name)
        return known[name]

    for _ in range(2):  # a piece may hold a placeholder itself
        lines = (
            re.sub("@(?P<name>[A-Z_]+)@", fill, line)
            for line in text.splitlines()
            if known.get(line.strip().strip("@")) != "" or not line.strip().startswith("@")
        )
        text = "\n".join(lines) + "\n"
    if unused := values.keys() - used - {name for name, value in values.items() if not value}:
        raise KeyError(f"{scenario} has no use for {', '.join(sorted(unused))}")
    return text


def _messages(path: Path) -> list[SipMessage]:
    found = []
    for part in re.split(r"^-{40,} ", _read(path), flags=re.MULTILINE)[1:]:
        head, _, text = part.partition("\n\n")
        hours, minutes, seconds = re.split("[ \t]", head.partition("\n")[0])[1].split(":")
        at_s = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        found.append(SipMessage(at_s, " sent " in head, text.replace("\r", "").strip()))
    return found


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _is_bound(port: int, *, tcp: bool) -> bool:
    """A socket listens there; SIPp's first retransmission timer is too long to wait for."""
    name = "tcp" if tcp else "udp"
    tables = [Path("/proc/net", table).read_text().splitlines() for table in (name, f"{name}6")]
    return any(line.split()[1].endswith(f":{port:04X}") for table in tables for line in table[1:])


def _in_brackets(host: str) -> str:
    return f"[{host}]" if ":" in host else host

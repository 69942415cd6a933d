"""A real Asterisk as a child process: own ports, own folders, several at once."""

import contextlib
import json
import re
import shutil
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.certificates import Issued
from support.peers import asterisk_config
from support.peers.installation import installation
from support.peers.stir_asterisk import Stir
from support.peers.websocket_asterisk import Agent
from support.ports import LOOPBACK, PortBlock
from support.process import Child, wait_until

# For tests that each of them has to pass; the others have the newest one only.
EVERY_ASTERISK = pytest.mark.parametrize(
    "shared_asterisk", ["asterisk", "asterisk16"], indirect=True
)
_RTP_PORTS = 800  # RTP and RTCP of 400 channels


@dataclass(frozen=True, slots=True)
class Contact:
    """A registration that Asterisk holds."""

    aor: str
    uri: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Channel:
    name: str
    extension: str
    state: str
    application: str


@dataclass(frozen=True, slots=True)
class Recording:
    """What extension 602 recorded of one call."""

    mixed: Path
    received: Path  # what the far side sent: the agent's voice
    sent: Path  # what was played at it


class Asterisk:
    """Up when the constructor returns. `stop()` or the `asterisk` fixture ends it."""

    def __init__(
        self,
        home: Path,
        peer: str = "asterisk",
        *,
        host: str = LOOPBACK,
        tls: tuple[Issued, Path] | None = None,
        inside: Sequence[str] = (),
        stir: Stir | None = None,
        agent: Agent | None = None,
    ) -> None:
        """`tls`: its certificate, and the authority of others; None: no TLS. `inside`: a command
        that takes it elsewhere, as into a network namespace. `stir`: None: it neither signs nor
        verifies. `agent`: behind extension 650."""
        self._ports = PortBlock(_RTP_PORTS + 50)
        self._run = Path(tempfile.mkdtemp(prefix="sipua-asterisk-"))
        self.port = self._ports.port()
        self.layout = asterisk_config.Layout(
            install=installation(peer),
            home=home,
            run=self._run,
            host=host,
            sip_port=self.port,
            rtp_ports=self._ports.range(_RTP_PORTS),
            tls=tls and asterisk_config.Tls(self._ports.port(), *tls),
            stir=stir,
            agent=agent,
        )
        asterisk_config.write(self.layout)
        self._command: list[str | Path] = [
            *inside,
            *(stir.trusting if stir else ()),
            self.layout.install / peer,
            "-C",
            self.layout.home / "asterisk.conf",
        ]
        self._seen: set[Path] = set()
        self.start()

    @property
    def address(self) -> tuple[str, int]:
        return self.layout.host, self.port

    def start(self) -> None:
        self.process = Child([*self._command, "-f"], self.layout.home / "console.log")
        self.process.wait_up(self._booted, 60)

    def restart(self) -> None:
        """Goes down as a service does, and comes back with the same registrations and ports."""
        self.process.stop()
        self.start()

    def reset(self) -> None:
        """As if just started: up, without calls and registrations."""
        if self.process.exit_status is not None:
            self.start()
        self.cli("channel request hangup all")
        self.cli("database deltree registrar")
        self.wait_idle()

    def stop(self) -> None:
        """At once: nothing of it is wanted any more."""
        self.process.kill()
        self._ports.close()
        shutil.rmtree(self._run, ignore_errors=True)

    def cli(self, command: str) -> str:
        """What `asterisk -rx` answers. Asked on its socket: a test waits by asking fifty times a
        second, and each would be another process.
        """
        with socket.socket(socket.AF_UNIX) as console:
            console.settimeout(60)
            console.connect(str(self._run / "asterisk.ctl"))
            with console.makefile("rb") as answer:
                answer.readline()  # who it is
                console.sendall(b"cli quit after %s\0" % command.encode())
                return answer.read().decode(errors="replace")

    def _booted(self) -> bool:
        with contextlib.suppress(ConnectionError, FileNotFoundError):
            return "fully booted" in self.cli("core waitfullybooted")
        return False

    def originate(self, dial: str, extension: str) -> None:
        """Calls `dial`, for instance `PJSIP/sipua`; when it answers, it is in `extension`."""
        self.cli(f"channel originate {dial} extension {extension}@sipua")

    def contacts(self, aor: str | None = None) -> list[Contact]:
        found = []
        for name, value in re.findall(
            r"^/registrar/contact/([^;]+);\S+\s*: (\{.*\})\s*$",
            self.cli("database show registrar"),
            re.MULTILINE,
        ):
            contact = json.loads(value)
            if aor in (None, name):
                uri = str(contact["uri"]).replace("^3B", ";")
                found.append(Contact(name, uri, str(contact.get("user_agent", ""))))
        return found

    def wait_contact(self, aor: str = "sipua", timeout_s: float = 30) -> Contact:
        """The registration of an endpoint; a new one replaces the old."""
        return wait_until(lambda: self.contacts(aor), timeout_s, f"registration of {aor}")[0]

    def channels(self) -> list[Channel]:
        rows = [row.split("!") for row in self.cli("core show channels concise").splitlines()]
        return [Channel(row[0], row[2], row[4], row[5]) for row in rows if len(row) > 5]

    def wait_idle(self, timeout_s: float = 30) -> None:
        """Until no call is left."""
        wait_until(lambda: not self.channels(), timeout_s, "the end of Asterisk's calls")

    def wait_recording(self, timeout_s: float = 60) -> Recording:
        """The next complete recording of extension 602 that this method has not given yet."""

        def fresh() -> list[Path]:
            return sorted(set(self.layout.recordings.glob("*.done")) - self._seen)

        done = wait_until(fresh, timeout_s, "a recording of extension 602")[0]
        self._seen.add(done)
        parts = (
            done.with_name(f"{done.stem}-{kind}.wav") for kind in ("mixed", "received", "sent")
        )
        return Recording(*parts)

    @property
    def log(self) -> str:
        """Everything so far, SIP messages included."""
        return (self.layout.home / "log" / "full").read_text(errors="replace")

    def sip_messages(self, first_line: str, *, sent: bool | None = None) -> list[str]:
        """SIP messages whose first line contains `first_line`; `sent`: by Asterisk, or to it.
        Without repetitions: on a busy machine an answer may take longer than 500 ms.
        """
        found: dict[tuple[bool, str, str], str] = {}
        for message in re.split(r"^<--- |^\[[^\n]*?<--- ", self.log, flags=re.MULTILINE)[1:]:
            head, _, text = message.partition("\n")
            by_asterisk = head.startswith("Transmitting")
            line = text.partition("\n")[0]
            if sent in (None, by_asterisk) and first_line in line:
                branch = text.partition("branch=")[2].partition("\n")[0]
                found.setdefault((by_asterisk, line, branch), text.replace("\r", ""))
        return list(found.values())

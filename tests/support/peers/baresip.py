"""A real baresip: own ports and folder, WAV files in place of sound, driven by JSON over TCP."""

import json
import os
import socket
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from support.certificates import Issued
from support.media import audio
from support.media.audio import Pcm
from support.peers.installation import installation
from support.ports import LOOPBACK, PortBlock
from support.process import Child, wait_until

_MODULES = {
    "module": ["g711", "aufile", "sndfile"],
    "module_tmp": ["uuid", "account"],
    "module_app": ["menu", "ctrl_tcp"],
}
_SILENCE_MS = 60_000  # after what it says: at the file's end the call would be over
_PATIENCE_S = 45

Message = dict[str, Any]


class Baresip:
    """Up when the constructor returns, and answers each call. `close()` ends it.

    `said` is spoken from the moment on that a call is up. With `registrar` (`host:port`) it is
    reached there as `user`.
    """

    def __init__(
        self,
        home: Path,
        said: Pcm,
        *,
        transport: str = "udp",
        user: str = "phone",
        registrar: str = "",
        password: str = "",
        srtp: str = "",
        tls: tuple[Issued, Path] | None = None,
    ) -> None:
        """`srtp`: how it encrypts, as `mediaenc` of baresip has it: `srtp`, `srtp-mand`,
        `dtls_srtp`. `tls`: its certificate, and the authority of others, for SIP over TLS."""
        home.mkdir(parents=True)
        self._home = home
        self._ports = PortBlock()
        port, for_tls = self._ports.range(2)
        control = self._ports.port()
        listens = for_tls if transport == "tls" else port
        self.uri = f"sip:{user}@{LOOPBACK}:{listens};transport={transport}"
        speech = np.concatenate([said, audio.silence(_SILENCE_MS)])
        audio.write_wav(home / "said.wav", speech, rate_hz=audio.PHONE_RATE_HZ)
        where = installation("baresip")
        first, last = self._ports.range(20)
        settings = {
            "sip_listen": f"{LOOPBACK}:{port}",
            "net_interface": LOOPBACK,
            "rtp_ports": f"{first}-{last}",
            "audio_source": f"aufile,{home / 'said.wav'}",
            "audio_player": f"aufile,{home / 'player.wav'}",
            "audio_alert": f"aufile,{home / 'alert.wav'}",
            **dict.fromkeys(("audio_srate", "ausrc_srate", "auplay_srate"), audio.PHONE_RATE_HZ),
            "snd_path": home,  # where sndfile writes what is heard
            "ctrl_tcp_listen": f"{LOOPBACK}:{control}",
            "module_path": where / "usr/lib/baresip/modules",
        }
        if tls is not None:
            both = home / "own.pem"
            both.write_bytes(tls[0].certificate.read_bytes() + tls[0].key.read_bytes())
            settings |= {"sip_certificate": both, "sip_cafile": tls[1], "sip_verify_server": "yes"}
        lines = [f"{key} {value}" for key, value in settings.items()]
        lines += [f"{kind} {name}.so" for kind, names in _MODULES.items() for name in names]
        lines += [f"module {'dtls_srtp' if 'dtls' in srtp else 'srtp'}.so"] if srtp else []
        (home / "config").write_text("\n".join([*lines, ""]))
        domain = registrar or f"{LOOPBACK}:{listens}"
        (home / "accounts").write_text(
            f"<sip:{user}@{domain};transport={transport}>;regint={60 if registrar else 0};"
            f"auth_user={user};auth_pass={password};answermode=auto;"
            f"audio_codecs=pcmu/8000/1,pcma/8000/1{f';mediaenc={srtp}' if srtp else ''}\n"
        )
        (home / "contacts").touch()
        self.process = Child(
            [where / "baresip", "-f", home, "-s"],
            home / "console",
            env=os.environ | {"HOME": str(home)},
        )
        self.process.wait_up(lambda: b"baresip is ready" in self.process.log.read_bytes(), 60)
        self._control = socket.create_connection((LOOPBACK, control), timeout=_PATIENCE_S)
        self._unread = b""
        self.events: list[Message] = []

    def call(self, uri: str) -> None:
        self._command("dial", uri)  # it adds the transport of its account

    def hold(self) -> None:
        self._renegotiate("hold")

    def resume(self) -> None:
        self._renegotiate("resume")

    def press(self, key: str) -> None:
        self._command("sndcode", key)

    def hang_up(self) -> None:
        self._command("hangup")
        self.wait_ended()

    def wait_talking(self) -> None:
        self._wait(lambda: self._count("CALL_ESTABLISHED"), "CALL_ESTABLISHED")

    def wait_ended(self) -> None:
        self._wait(lambda: self._count("CALL_CLOSED"), "CALL_CLOSED")

    def heard(self) -> Pcm:
        """Everything that came out of it, once the call is over."""

        def whole() -> list[Path]:
            files = sorted(self._home.glob("dump-*-dec.wav"))
            return files if files and all(map(_has_length, files)) else []

        files = wait_until(whole, 5, "baresip's recording")
        return np.concatenate([audio.read_wav(file, rate_hz=audio.PHONE_RATE_HZ) for file in files])

    def close(self) -> None:
        self._control.close()
        self.process.kill()
        self._ports.close()

    def _renegotiate(self, command: str) -> None:
        count = self._count("CALL_REMOTE_SDP")
        self._command(command)
        self._wait(lambda: self._count("CALL_REMOTE_SDP") > count, f"the answer to {command}")

    def _count(self, kind: str) -> int:
        return sum(event["type"] == kind for event in self.events)

    def _command(self, command: str, parameters: str = "") -> None:
        """Done when it returns."""
        request = json.dumps({"command": command, "params": parameters, "token": command}).encode()
        self._control.sendall(b"%d:%s," % (len(request), request))
        while not (answer := self._read()).get("response"):
            self.events.append(answer)
        assert answer["ok"], f"baresip could not {command} {parameters}: {answer}"

    def _wait(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} of baresip: not within {_PATIENCE_S} s")
            self.events.append(self._read())

    def _read(self) -> Message:
        """The next message, a netstring: 5:hello,"""
        while b":" not in self._unread:
            self._receive()
        size, _, self._unread = self._unread.partition(b":")
        while len(self._unread) <= int(size):
            self._receive()
        message: Message = json.loads(self._unread[: int(size)])
        self._unread = self._unread[int(size) + 1 :]
        return message

    def _receive(self) -> None:
        data = self._control.recv(65536)
        if not data:
            raise ConnectionError(f"baresip has ended, see {self.process.log}")
        self._unread += data


def _has_length(file: Path) -> bool:
    """Its header is written last."""
    try:
        with wave.open(str(file), "rb") as opened:
            return opened.getnframes() > 0
    except (wave.Error, EOFError):
        return False

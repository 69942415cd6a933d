"""A real linphone (the one for the console): own ports and folder, WAV files in place of sound."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from support.media import audio
from support.media.audio import Pcm
from support.peers.installation import installation
from support.ports import LOOPBACK, PortBlock
from support.process import Child, wait_until

_SILENCE_MS = 60_000  # after what it says: the file would begin again else


class Linphone:
    """Up when the constructor returns, and answers each call. `close()` ends it.

    `said` is spoken once from the moment on that a call is up, and once more when a call is
    resumed. `address` is its own; `dual_stack` lets it take every address that the machine has, of
    both families, as a user's does. `rtp`: more of that section. `within` stands before the
    command, such as `["ip", "netns", "exec", "name"]`.
    """

    def __init__(
        self,
        home: Path,
        said: Pcm,
        *,
        address: str = LOOPBACK,
        transport: str = "udp",
        dual_stack: bool = False,
        within: Sequence[str] = (),
        rtp: str = "",
    ) -> None:
        # The folder of its database must be there, or it does not even open its ports.
        (home / ".local/share/linphone").mkdir(parents=True)
        self._ports = PortBlock()
        self._address = f"[{address}]" if ":" in address else address
        self._transport = transport
        self._port = self._ports.port()
        self.rtp_port, last = self._ports.range(8)
        self._heard = home / "heard.wav"
        audio.write_wav(
            home / "said.wav",
            np.concatenate([said, audio.silence(_SILENCE_MS)]),
            rate_hz=audio.PHONE_RATE_HZ,
        )
        bind = "" if dual_stack else f"bind_address={address}\n"
        (home / "linphonerc").write_text(
            f"[sip]\nsip_port={self._port}\nsip_tcp_port={self._port}\nsip_tls_port=0\n{bind}"
            f"use_ipv6={int(dual_stack or ':' in address)}\nipv6_migration_done=1\n"
            f"[rtp]\naudio_rtp_port={self.rtp_port}-{last}\n{bind}{rtp}"
        )
        where = installation("linphone")
        self.process = Child(
            [
                *(*within, where / "linphone", "-a", "-c", home / "linphonerc"),
                *("-d", "6", "-l", home / "linphone.log"),
            ],
            home / "console",
            env=os.environ | {"HOME": str(home)},
            cwd=where / "usr",  # it looks for its data there
            keyboard=True,
        )
        self.process.wait_up(lambda: "linphonec>" in self.told, 60)
        self.process.type("soundcard use files")
        self.process.type(f"record {self._heard}")
        self.process.type(f"play {home / 'said.wav'}")

    @property
    def uri(self) -> str:
        return f"sip:phone@{self._address}:{self._port};transport={self._transport}"

    @property
    def told(self) -> str:
        """What its console shows."""
        return self.process.log.read_text(errors="replace")

    def call(self, uri: str) -> None:
        self.process.type(f"call {uri};transport={self._transport}")

    def hold(self) -> None:
        self.process.type("pause")
        self._wait("is now paused")

    def resume(self) -> None:
        count = self.told.count("Media streams established")
        self.process.type("resume")
        self._wait("Media streams established", count + 1)

    def press(self, key: str) -> None:
        self.process.type(key)

    def hang_up(self) -> None:
        self.process.type("terminate")
        self.wait_ended()

    def wait_talking(self) -> None:
        self._wait("Media streams established")

    def wait_ended(self) -> None:
        self._wait(" ended (")

    def _wait(self, words: str, count: int = 1) -> None:
        wait_until(lambda: self.told.count(words) >= count, 45, f"“{words}” of linphone")

    def heard(self) -> Pcm:
        """Everything that came out of it, once the call is over."""
        return audio.read_wav(self._heard, rate_hz=audio.PHONE_RATE_HZ)

    def close(self) -> None:
        self.process.kill()
        self._ports.close()

"""A real Kamailio: registrar and proxy that stays in the path of every dialog (Record-Route).

Users register and call with the password `PASSWORD`; a call to a user is put through to where
that user is registered.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from support.peers.installation import installation
from support.ports import LOOPBACK, PortBlock
from support.process import Child, wait_until

PASSWORD = "only-for-tests"
REALM = "kamailio.test"

_MODULES = "tm sl rr pv maxfwd textops siputils usrloc registrar auth xlog"
_CONFIGURATION = """\
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
dns=no
listen=udp:{address}
listen=tcp:{address}
mpath="{modules}"
{load}
modparam("rr", "enable_full_lr", 1)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (has_totag()) {{
        # The route set leads here, or the request is none of ours.
        if (loose_route()) {{
            xlog("L_WARN", "followed $rm from $si:$sp\\n");
            route(RELAY);
        }} else if (is_method("ACK") && t_check_trans()) {{
            route(RELAY);
        }} else if (!is_method("ACK")) {{
            xlog("L_WARN", "strayed $rm from $si:$sp\\n");
            sl_send_reply("404", "Not here");
        }}
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) route(RELAY);
        exit;
    }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("{realm}", "{password}", "0")) {{
            www_challenge("{realm}", "0");
            exit;
        }}
        if (save("location")) xlog("L_WARN", "registered $tU from $si:$sp\\n");
        exit;
    }}
    if (!pv_proxy_authenticate("{realm}", "{password}", "0")) {{
        proxy_challenge("{realm}", "0");
        exit;
    }}
    consume_credentials();
    record_route();
    if (!lookup("location")) {{ sl_send_reply("404", "Not registered"); exit; }}
    route(RELAY);
}}

route[RELAY] {{
    if (!t_relay()) sl_reply_error();
    exit;
}}
"""


@dataclass(frozen=True, slots=True)
class Passed:
    """A request of a dialog that came with the right Route, or (`strayed`) without it."""

    verdict: str
    method: str
    port: int  # of the peer that sent it


class Kamailio:
    """Up when the constructor returns. `close()` ends it."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        self._ports = PortBlock()
        self.port = self._ports.port()
        self.address = f"{LOOPBACK}:{self.port}"
        where = installation("kamailio")
        modules = next(where.glob("usr/lib/*/kamailio/modules"))
        file = home / "kamailio.cfg"
        file.write_text(
            _CONFIGURATION.format(
                address=self.address,
                modules=modules,
                load="\n".join(f'loadmodule "{name}.so"' for name in _MODULES.split()),
                realm=REALM,
                password=PASSWORD,
            )
        )
        # It is several processes: SIGTERM to the first ends all of them, SIGKILL would not.
        self.process = Child(
            [where / "kamailio", "-DD", "-E", "-f", file, "-Y", home, "-m", "16", "-M", "4"],
            home / "console",
            end="TERM",
        )
        self.process.wait_up(lambda: _listens(self.port), 60)

    def wait_registered(self, user: str) -> None:
        wait_until(lambda: f"registered {user} from" in self._log, 45, f"registration of {user}")

    def passed(self) -> list[Passed]:
        """The requests within dialogs so far."""
        found = re.findall(r"(followed|strayed) (\w+) from [\d.]+:(\d+)", self._log)
        return [Passed(verdict, method, int(port)) for verdict, method, port in found]

    @property
    def _log(self) -> str:
        return self.process.log.read_text(errors="replace")

    def close(self) -> None:
        self.process.stop()
        self._ports.close()


def _listens(port: int) -> bool:
    """TCP comes up last."""
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in map(str.split, table))

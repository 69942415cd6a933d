"""The exit codes of the process, the same for every command."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    OK = 0
    UNFIT = 1
    USAGE = 2  # argparse's own number
    CONFIG = 3
    NETWORK = 4
    ENGINE = 5
    SIP = 6
    SIGNALLING = 69  # EX_UNAVAILABLE of sysexits.h
    INTERNAL = 70  # EX_SOFTWARE of sysexits.h
    WORKERS = 71  # EX_OSERR of sysexits.h
    INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
    BROKEN_PIPE = 141  # 128 + SIGPIPE
    TERMINATED = 143  # 128 + SIGTERM

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    Exit.OK: "done",
    Exit.UNFIT: "`doctor`: unfit; `bench compare`: worse; `record`, `cdr`, `hooks`: none; "
    "the API refused",
    Exit.USAGE: "wrong command line",
    Exit.CONFIG: "the configuration is wrong; every problem is named",
    Exit.NETWORK: "a port is taken, or an address is not ours",
    Exit.ENGINE: "the speech model cannot be reached or refuses us",
    Exit.SIP: "a call or a registration failed",
    Exit.SIGNALLING: "SIP signalling has stopped or hangs: let a supervisor restart the process",
    Exit.INTERNAL: "a bug of sipua; --debug shows where",
    Exit.WORKERS: "no worker process lives; the log names the cause: let a supervisor restart it",
    Exit.INTERRUPTED: "Ctrl-C",
    Exit.BROKEN_PIPE: "the reader of the output has closed the pipe",
    Exit.TERMINATED: "a second SIGTERM; the first one lets calls end",
}

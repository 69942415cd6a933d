"""What the installed pjsua2 is and can do: one line of JSON among pjsua2's own on standard output.

Run as a program of its own: a second Endpoint in the serving process would be fatal to it, and the
build of the wheel runs this file before anything else of ours is installed.
"""

import ctypes
import json
import sys
from importlib.metadata import version

import pjsua2 as pj


def probe() -> dict[str, object]:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    account = pj.AccountConfig()  # kept: its sipConfig is a part of it, and goes when it goes
    try:
        config = pj.EpConfig()
        config.uaConfig.maxCalls = 1 << 20  # clamped to the compiled limit
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.logConfig.level = config.logConfig.consoleLevel = 0
        config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
        endpoint.libInit(config)
        library = _library()
        return {
            "distribution": version("pjsua2-python"),
            "pjproject": endpoint.libVersion().full,
            "max_calls": library.pjsua_call_get_max_count(),
            "asks": hasattr(pj, "OnNewRequestParam"),
            "bounds": hasattr(pj, "OnNewConnectionParam"),
            "asks_calls": hasattr(pj, "OnCallRxRequestParam"),
            "ioqueue": (_text(library, "pj_ioqueue_name") or "").partition("[")[0],  # [flags]
            "openssl": _text(library, "OpenSSL_version", 0) or _text(library, "SSLeay_version", 0),
            # What was compiled shows in the default: to ask for more is a failed assertion.
            "ipv6": account.sipConfig.ipv6Use != pj.PJSUA_IPV6_DISABLED,
        }
    finally:
        endpoint.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)  # without its waiting second


def _library() -> ctypes.CDLL:
    """The extension as a C library: pjsua2's Python API has no way to ask for what was compiled."""
    name = next(name for name in sys.modules if name.rpartition(".")[2] == "_pjsua2")
    return ctypes.CDLL(str(sys.modules[name].__file__))


def _text(library: ctypes.CDLL, function: str, *arguments: int) -> str | None:
    try:
        call = getattr(library, function)
    except AttributeError:  # OpenSSL renamed its own in 1.1
        return None
    call.restype = ctypes.c_char_p
    text: bytes = call(*arguments)
    return text.decode()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(probe()) + "\n")

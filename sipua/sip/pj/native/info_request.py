"""INFO in a call: read for its digit, and answered. pjsua2 thread only.

pjsua answers it by itself: 500 to what it does not know, digits as `application/dtmf` and the empty
one of a PBX that looks after its calls among it.
"""

from __future__ import annotations

import time
from typing import Any

from sipua.sip.pj.native import in_dialog
from sipua.sip.wire.info_digits import Info, InfoDigits


def answered(event: Any, digits: InfoDigits) -> Info | None:
    """What an event of a transaction of the call has told; None: it is no INFO of the peer."""
    message = in_dialog.request(event, "INFO")
    if message is None:
        return None
    info = digits.read(message, time.monotonic())
    # A build without the functions for it answers as it likes: the digit counts all the same.
    in_dialog.respond(event, info.status)
    return info

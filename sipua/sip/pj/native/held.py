"""How many transactions and dialogs pjsip has: what grows where the end of something was missed.

pjsua2 does not tell; pjsip does, and every build exports it. pjsua2 thread only.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

from pjsua2 import _pjsua2

COUNT_EVERY_S = 1.0


def held() -> Mapping[str, int]:
    """Empty: this build has no functions for it."""
    library = ctypes.CDLL(_pjsua2.__file__)
    try:
        return {
            "transactions": int(library.pjsip_tsx_layer_get_tsx_count()),
            "dialogs": int(library.pjsip_ua_get_dlg_set_count()),
        }
    except AttributeError:
        return {}

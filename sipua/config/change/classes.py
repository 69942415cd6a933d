"""When a changed key takes effect in an edge that runs: one class for each key of the schema.

A call keeps what it began with; so what its worker reads is for new calls. What pjsip, sockets and
threads were made with needs a restart.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, TypeAlias


class When(enum.Enum):
    AT_ONCE = "applied"
    NEW_CALLS = "for_new_calls"
    RESTART = "needs_restart"


_ONCE, _NEW, _START = When.AT_ONCE, When.NEW_CALLS, When.RESTART

OfTable: TypeAlias = When | Mapping[str, When]
"""Of all its keys, or of each by its name."""

TABLES: Final[Mapping[str, OfTable]] = {
    "sip": {
        "host": _START,
        "port": _START,
        "transports": _START,
        "public_address": _START,
        "stun_servers": _START,
        "stun_refresh_s": _START,
        "user_agent": _START,
        "nameservers": _START,
        "max_calls": _ONCE,
        "session_expires_s": _START,
        "min_session_expires_s": _START,
        "accept": _ONCE,
    },
    "sip.networks.*": _ONCE,
    "sip.tls": {
        "port": _START,
        "certificate": _ONCE,
        "key": _ONCE,
        "verify": _ONCE,
        "ca_file": _ONCE,
        "client_ca_file": _ONCE,
        "client_certificates": _ONCE,
    },
    "admission": _ONCE,
    "rtp": {
        "host": _START,
        "public_address": _START,
        "port_min": _START,
        "port_max": _START,
        "ptime_ms": _START,
        "codecs": _START,
        "latch": _NEW,
        "hold_ms": _NEW,
        "max_hold_ms": _NEW,
        "timeout_s": _NEW,
        "hold_timeout_s": _NEW,
        "keepalive_s": _NEW,
        "rtcp_xr": _START,
        "port_rest_s": _START,
    },
    "accounts.*": _ONCE,
    "trunks.*": _ONCE,
    "trunks.*.servers.*": _ONCE,
    "trunks.*.users.*": _ONCE,
    "stir": _ONCE,
    "stir.sign": _ONCE,
    "outbound_routes.*": _ONCE,
    "outbound_routes.*.trunks.*": _ONCE,
    "number_pools.*": _ONCE,
    "number_uses": _START,
    "engine": _NEW,
    "engine.turn_detection": _NEW,
    "engines.NAME": _NEW,
    "engines.NAME.turn_detection": _NEW,
    "agent": _START,
    "recovery": _NEW,
    "calls": {
        "answer": _NEW,
        "greeting_timeout_s": _NEW,
        "ring_timeout_s": _NEW,
        "first_word": _NEW,
        "wait_s": _NEW,
        "answering": _NEW,
        "answering_wait_s": _NEW,
        "on_voicemail": _NEW,
        "voicemail_message": _NEW,
        "voicemail_text": _NEW,
        "sounds": _NEW,
        "max_duration_s": _NEW,
        "mask_dtmf": _NEW,
        "drain_s": _ONCE,
    },
    "calls.fallback.*": _NEW,
    "routes.*": _NEW,
    "routes.*.fallback.*": _NEW,
    "routes.*.closed": _NEW,
    "menus.*": _NEW,
    "menus.*.keys.NAME": _NEW,
    "menus.*.on_no_input": _NEW,
    "menus.*.on_invalid": _NEW,
    "outbound": {
        "directory": _START,
        "country": _ONCE,
        "do_not_call": _ONCE,
        "do_not_call_also": _ONCE,
        "list_unreadable": _ONCE,
        "hours": _ONCE,
        "timezone": _ONCE,
        "require_consent": _ONCE,
        "max_calls": _ONCE,
        "calls_per_second": _ONCE,
        "attempts_per_day": _ONCE,
        "attempts_per_week": _ONCE,
        "caller_id_calls_per_day": _ONCE,
        "abandoned_percent": _ONCE,
        "abandoned_days": _ONCE,
        "abandoned_least": _ONCE,
    },
    "menus.*.closed": _NEW,
    "queues.*": _NEW,
    "queues.*.members.*": _ONCE,
    "queues.*.keys.NAME": _NEW,
    "queues.*.on_timeout": _NEW,
    "queues.*.on_full": _NEW,
    "queues.*.on_empty": _NEW,
    "queues.*.closed": _NEW,
    "queue_members": {
        "sign_in_code": _ONCE,
        "sign_out_code": _ONCE,
        "pause_code": _ONCE,
        "pause_reasons": _ONCE,
        "accounts": _ONCE,
        "callers": _ONCE,
        "signed_in_sound": _NEW,
        "signed_out_sound": _NEW,
        "paused_sound": _NEW,
        "file": _START,
    },
    "hours.NAME": _NEW,
    "barge_in": _NEW,
    "sounds": _NEW,
    "edge": {"name": _START, "workers": _START, "worker_memory_mb": _ONCE},
    "api": {
        "enabled": _START,
        "host": _START,
        "port": _START,
        "tls_certificate": _START,
        "tls_key": _START,
        "requests_per_second": _ONCE,
        "max_connections": _START,
        "sip_ladder": _START,
        "page": _START,
        "ready_needs_registrations": _ONCE,
    },
    "api.tokens.*": _ONCE,
    "api.tokens.*.place": _ONCE,
    "twilio": _START,
    "metrics": _START,
    "traces": _START,
    "hep": _START,
    "log": {"level": _ONCE, "format": _START, "sip": _START, "state_s": _ONCE},
    "capture": {
        "enabled": _START,
        "directory": _NEW,
        "match": _NEW,
        "sip": _START,
        "rtp": _NEW,
        "max_mb_per_call": _NEW,
        "max_total_mb": _NEW,
    },
    "record": {
        "enabled": _START,
        "directory": _START,
        "transcripts": _NEW,
        "redact": _NEW,
        "numbers": _NEW,
        "keep_days": _START,
        "max_total_mb": _START,
        "currency": _NEW,
    },
    "recording": {
        "when": _NEW,
        "directory": _START,
        "format": _NEW,
        "consent": _NEW,
        "announcement": _NEW,
        "key": _NEW,
        "key_wait_s": _NEW,
        "pause_while_collecting": _NEW,
        "mask_digits": _NEW,
        "recipients": _NEW,
        "keep_days": _START,
        "keep_mb": _START,
    },
    "recording.s3": _START,
    "cdr": _START,
    "audit": _START,
    "webhooks.*": _ONCE,
    "webhook_spool": {
        "directory": _START,
        "retry_s": _ONCE,
        "max_age_h": _ONCE,
        "keep_dead_days": _ONCE,
    },
    "prices.NAME": _NEW,
    "supervise": {
        "account": _NEW,
        "ring_timeout_s": _NEW,
        "announcement": _NEW,
        "listen_key": _NEW,
        "whisper_key": _NEW,
        "barge_key": _NEW,
        "takeover_key": _NEW,
        "prefix": _ONCE,
        "accounts": _ONCE,
        "callers": _ONCE,
        "pin": _NEW,
        "pin_file": _NEW,
        "mode": _ONCE,
    },
    "park": {
        "slots": _ONCE,
        "timeout_s": _NEW,
        "prefix": _ONCE,
        "accounts": _ONCE,
        "callers": _ONCE,
    },
    "tools": _NEW,
    "tools.hang_up": _NEW,
    "tools.transfer": _NEW,
    "tools.transfer.warm": _NEW,
    "tools.transfer.destinations.*": _NEW,
    "tools.put_on_hold": _NEW,
    "tools.get_call_info": _NEW,
    "tools.webhooks.*": _NEW,
    "tools.mcp.*": _NEW,
}

_OTHERS: Final[Mapping[tuple[str, str], When]] = {
    ("accounts.*", "dtmf"): _NEW,
    ("trunks.*", "dtmf"): _NEW,
    ("accounts.*", "ptime_ms"): _NEW,
    ("trunks.*", "ptime_ms"): _NEW,
    **dict.fromkeys(
        [
            ("queues.*", key)
            for key in (
                *("max_calls", "strategy", "ring_s", "wrap_up_s", "retry_s", "account"),
                "max_callers",
            )
        ],
        _ONCE,
    ),
}
"""Keys of another class than their table."""


def when(table: tuple[str, ...], key: str) -> When:
    """Of a key, by the pattern of its table."""
    if other := _OTHERS.get((".".join(table), key)):
        return other
    of_table = TABLES[".".join(table)]
    return of_table if isinstance(of_table, When) else of_table[key]


def when_table(table: tuple[str, ...]) -> When:
    """Of a table that comes or goes as a whole."""
    of_table = TABLES[".".join(table)]
    assert isinstance(of_table, When)
    return of_table

"""From the configuration to what keeps calls of ours in bounds."""

from __future__ import annotations

from pathlib import Path

from sipua.campaigns.do_not_call import DoNotCallList
from sipua.campaigns.rules.settings import Policy
from sipua.config import Config


def directory(config: Config) -> Path:
    return Path(config.outbound.directory).expanduser()


def do_not_call_list(config: Config) -> DoNotCallList:
    file = directory(config) / "do_not_call.sqlite3"
    return DoNotCallList(file, config.outbound.country)


def policy(config: Config) -> Policy:
    section = config.outbound
    return Policy(
        country=section.country,
        timezone=section.timezone,
        hours=section.hours,
        require_consent=section.require_consent,
        max_calls=section.max_calls,
        calls_per_second=section.calls_per_second,
        attempts_per_day=section.attempts_per_day,
        attempts_per_week=section.attempts_per_week,
        caller_id_calls_per_day=section.caller_id_calls_per_day,
        abandoned_percent=section.abandoned_percent,
        abandoned_days=section.abandoned_days,
        abandoned_least=section.abandoned_least,
        numbers=config.record.numbers,
    )

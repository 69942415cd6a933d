"""From the configuration to how the calls of a worker are put through."""

from __future__ import annotations

from sipua.bridge.agent.speech.spoken_prompt import spoken_prompt
from sipua.bridge.playout import sounds
from sipua.calls.legs.briefing.warm import Warm
from sipua.calls.legs.briefing.words import ACCEPTING, DECLINING, SpokenAnswer
from sipua.calls.legs.dial import DialTimes
from sipua.calls.legs.targets import Destination, TransferSettings
from sipua.codecs.pcm import Pcm
from sipua.config import Config
from sipua.config.sections.transfer import DestinationSection, TransferSection, WarmSection


def transfer_settings(config: Config, hold_sound: Pcm) -> TransferSettings:
    """With its sounds, which `decode_sounds` has made before. Raises SoundError."""
    transfer = config.tools.transfer
    waiting = {
        "hold_sound": hold_sound,
        "ringing": sounds.ringing(),
        "early_media": sounds.ringing(),
        "silence": None,
    }[transfer.caller_hears]
    placing = {one.name for one in config.accounts}
    placing |= {one.name for one in config.trunks if one.every_server}
    return TransferSettings(
        mode=transfer.mode,
        account=transfer.account,
        placing=frozenset(placing),
        times=DialTimes(transfer.ring_timeout_s, transfer.settle_s, transfer.warm.accept_timeout_s),
        waiting=waiting,
        early_media=transfer.caller_hears == "early_media",
        hold_sound=hold_sound,
        leave_path=transfer.leave_path,
        warm=_warm(transfer.warm),
        destinations=_destinations(transfer),
    )


def decode_sounds(config: Config) -> None:
    """Before there are calls: a text takes a tenth of a second. Raises SoundError."""
    transfer = config.tools.transfer
    _warm(transfer.warm)
    _destinations(transfer)


def _destinations(transfer: TransferSection) -> dict[str, Destination]:
    short = {
        name: Destination((target,), transfer.mode, _warm(transfer.warm))
        for name, target in transfer.targets.items()
    }
    long = {
        one.name: Destination(one.to, one.mode or transfer.mode, _warm(transfer.warm, one))
        for one in transfer.destinations
    }
    return {**short, **long}


def _warm(section: WarmSection, own: DestinationSection | None = None) -> Warm:
    """`own`: of one destination."""
    text, file = section.briefing, section.briefing_file
    by, accept = section.briefing_by, section.accept
    if own is not None:
        if own.briefing or own.briefing_file:
            text, file = own.briefing, own.briefing_file
        by, accept = own.briefing_by or by, own.accept or accept
    return Warm(
        briefing=_sound(section, text, file, "a-caller-waits"),
        keys=_sound(section, section.keys, section.keys_file, "accept-or-decline"),
        gone=_sound(section, section.gone, section.gone_file, "caller-gone"),
        by=by,
        by_key=accept != "answer",
        accept_key=section.accept_key,
        decline_key=section.decline_key,
        detects=section.voicemail == "refuse",
        words=_words(section) if accept == "word" else None,
        agent_s=section.agent_max_s,
        agent_told=section.agent_instructions,
    )


def _words(section: WarmSection) -> SpokenAnswer:
    language = section.language
    return SpokenAnswer(
        section.accept_words or ACCEPTING[language], section.decline_words or DECLINING[language]
    )


def _sound(section: WarmSection, text: str, file: str, built_in: str) -> Pcm:
    if file:
        return sounds.named(file)
    if text:
        return spoken_prompt(text, section.voice, section.words_per_minute)
    return sounds.prompt(built_in)

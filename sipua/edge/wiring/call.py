"""From the configuration to the settings of a call's parts, in a worker."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cache

from sipua.bridge.call.media import MediaSettings
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.settings import EngineSettings, Past
from sipua.bridge.playout import sounds
from sipua.bridge.playout.sounds import Sounds, soft_filler
from sipua.bridge.turns.barge_in_settings import BargeIn
from sipua.bridge.turns.clock import Endpointing
from sipua.calls.profile import AgentProfile
from sipua.codecs.pcm import Pcm
from sipua.codecs.vad import VadConfig
from sipua.config import Config, EngineSection
from sipua.config.sections.barge_in import SoundsSection
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.edge.wiring import outbound, record
from sipua.edge.wiring.engine_options import engine_options
from sipua.record.engine_facts import EngineFacts
from sipua.record.recorder import Records
from sipua.rtp.latch.latch import Policy
from sipua.tools.do_not_call import DoNotCall
from sipua.tools.toolbox import Toolbox


def media_settings(config: Config, *, echoes: bool = True) -> MediaSettings:
    """`echoes`: False where the echo of our own audio is wanted."""
    rtp = config.rtp
    barge_in = BargeIn(**config.barge_in.model_dump())
    return MediaSettings(
        ptime_ms=rtp.ptime_ms,
        hold_ms=rtp.hold_ms,
        max_hold_ms=rtp.max_hold_ms,
        timeout_s=rtp.timeout_s,
        hold_timeout_s=rtp.hold_timeout_s,
        keepalive_s=rtp.keepalive_s,
        latch=Policy(rtp.latch),
        barge_in=barge_in if echoes else dataclasses.replace(barge_in, echo="off"),
        sounds=_sounds(config.sounds),
    )


def media_by_peer(config: Config, usual: MediaSettings) -> dict[str, MediaSettings]:
    """Of the trunks and accounts."""
    peers: list[AccountSection | TrunkSection] = [*config.accounts, *config.trunks]
    return {
        peer.name: dataclasses.replace(
            usual, dtmf=peer.dtmf, ptime_ms=peer.ptime_ms or usual.ptime_ms
        )
        for peer in peers
    }


def early_media(config: Config) -> dict[str, Pcm]:
    """What callers of these trunks and accounts hear before the answer. Raises SoundError."""
    peers: list[AccountSection | TrunkSection] = [*config.accounts, *config.trunks]
    return {
        peer.name: sounds.named(peer.early_media_sound)
        if peer.early_media_sound
        else sounds.ringing(peer.ringing_tone)
        for peer in peers
        if peer.early_media
    }


@cache
def _sounds(section: SoundsSection) -> Sounds:
    if not section.filler:
        return Sounds()
    file = section.filler_file
    if not file:
        return Sounds(soft_filler(), section.filler_delay_ms)
    return Sounds(filler=sounds.named(file), filler_delay_ms=section.filler_delay_ms)


def decode_sounds(config: Config) -> None:
    """Decode all sounds of calls before there are calls: later that would delay other calls in the
    moment of an outage. Raises SoundError.
    """
    _sounds(config.sounds)
    sounds.prompt("sorry")
    early_media(config)
    for steps in (config.calls.fallback, *(route.fallback for route in config.routes)):
        for step in steps:
            if step.prompt:
                sounds.named(step.prompt)
    messages = (config.calls.voicemail_message, *(one.voicemail_message for one in config.routes))
    for message in filter(None, messages):
        sounds.named(message)


def toolbox(config: Config) -> Toolbox:
    """Make all tools. Raises ToolLoadError, SoundError."""
    numbers = outbound.do_not_call_list(config)
    return Toolbox(
        config.tools,
        mask_dtmf=config.calls.mask_dtmf,
        do_not_call=DoNotCall(numbers, config.record.numbers),
    )


def dialogue_policy(config: Config) -> DialoguePolicy:
    return DialoguePolicy(**config.recovery.model_dump())


def engine_interrupts(config: Config) -> bool:
    """Whether a model may stop by itself when the caller speaks."""
    return config.barge_in.enabled and config.barge_in.detector != "local"


def engine_settings(
    engine: EngineSection,
    *,
    url: str = "",
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    instructions: str | None = None,
    greeting: str = "",
    tools: Sequence[Mapping[str, object]] = (),
    past: Sequence[Past] = (),
    interruptible: bool = True,
) -> EngineSettings:
    """`url`: its address, when the section has none. `api_key`, `instructions`: None, the
    section's. `headers`: added to the section's. `greeting`: for an engine that is not asked for
    it. `interruptible`: whether it may stop by itself when the caller speaks.
    """
    if instructions is None:
        instructions = engine.instructions
    if engine.kind.own_words:
        # The defaults are for models that have no words of their own.
        instructions, greeting = (
            "" if text == type(engine).model_fields[name].default else text
            for name, text in (("instructions", instructions), ("greeting", greeting))
        )
    else:
        greeting = ""
    options = engine_options(engine)
    if not interruptible and options["turn_detection"]:
        options["turn_detection"]["interrupt_response"] = False
    return EngineSettings(
        url=url or engine.url,
        api_key=engine.api_key.get_secret_value() if api_key is None else api_key,
        headers={
            **(headers or {}),
            **{name: value.get_secret_value() for name, value in engine.headers.items()},
        },
        instructions=instructions,
        greeting=greeting,
        tools=tools,
        past=past,
        **options,
    )


def records(config: Config) -> Records:
    return Records(record.record_settings(config), record.record_files(config))


def record_engines(config: Config, profile: AgentProfile) -> dict[str, EngineFacts]:
    """The facts of all engines that a call may use, by their names in its events."""
    return {engine.name: _engine_facts(config, engine.section) for engine in profile.engines}


def _engine_facts(config: Config, section: EngineSection) -> EngineFacts:
    kind, detection = section.kind, section.turn_detection
    endpointing = Endpointing()  # by meaning: its wait is not known
    if kind.tells_turns:
        pass  # nor that of its own detection
    elif "turn_detection" in kind.unused:  # our own detection takes its place
        barge_in = media_settings(config).barge_in
        usual = VadConfig(silence_duration_ms=barge_in.silence_ms)
        endpointing = Endpointing(usual.silence_duration_ms, usual.prefix_padding_ms)
    elif detection.type == "server_vad":
        endpointing = Endpointing(detection.silence_duration_ms, detection.prefix_padding_ms)
    return EngineFacts(
        model=(section.model or kind.model or section.agent_id or None) if kind.needs_key else None,
        transcription=section.transcription or None,
        endpointing=endpointing,
    )

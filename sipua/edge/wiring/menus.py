"""From the configuration to the menus and queues of calls, in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sipua.bridge.agent.speech.spoken_prompt import spoken_prompt
from sipua.bridge.playout import sounds
from sipua.calls import routes
from sipua.calls.facts import Notice
from sipua.calls.menus.menu import (
    Action,
    HangUp,
    Menu,
    Say,
    Sound,
    ToAgent,
    ToDocuments,
    ToMenu,
    ToQueue,
    ToTarget,
)
from sipua.calls.menus.queue.queue import Queue, Spoken
from sipua.calls.steer.commands import RunDocuments
from sipua.codecs.pcm import Pcm
from sipua.config import Config
from sipua.config.sections.actions import ActionSection
from sipua.config.sections.menus import MenuSection
from sipua.config.sections.queues import QueueSection
from sipua.config.sections.routes import RouteSection
from sipua.config.values.hours import Hours
from sipua.twilio import configured

_TONES_HZ: Final[Mapping[Notice, tuple[float, float]]] = {
    "signed_in": (523.3, 784.0),
    "signed_out": (784.0, 523.3),
    "paused": (659.3, 659.3),
}


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a call of a route begins with, where that is no agent."""

    first: Action | None
    """While it is open, or if it has no hours."""
    hours: Hours | None = None
    closed: Action | None = None


def menus(config: Config) -> dict[str, Menu]:
    """All, by name, with their sounds. Raises SoundError."""
    return {section.name: _menu(config, section) for section in config.menus}


def queues(config: Config, hold_sound: Pcm) -> dict[str, Queue]:
    """The same. `hold_sound`: for those without music of their own."""
    return {section.name: _queue(config, section, hold_sound) for section in config.queues}


def beginnings(config: Config) -> dict[str, Beginning]:
    """Of routes whose calls may begin without an agent, by name. Raises SoundError."""
    made = {route.name: _beginning(config, route) for route in config.routes}
    return {name: one for name, one in made.items() if one.first or one.closed}


def notices(config: Config) -> dict[Notice, Action]:
    """What members hear who have dialled a code. Raises SoundError."""
    section = config.queue_members
    files: dict[Notice, str] = {
        "signed_in": section.signed_in_sound,
        "signed_out": section.signed_out_sound,
        "paused": section.paused_sound,
    }
    return {
        name: Say(_sound(file) if file else Sound(name, sounds.two_tones(*_TONES_HZ[name])))
        for name, file in files.items()
    }


def leads(config: Config) -> bool:
    """Whether a call may be without an agent."""
    closes = any(one.closed.kinds for one in config.routes)
    return bool(config.menus or config.queues or closes or configured.leads(config))


def _beginning(config: Config, route: RouteSection) -> Beginning:
    if not route.closed.kinds:
        return Beginning(_first(route))
    return Beginning(_first(route), _hours(config, route.when), _action(config, route.closed))


def _first(route: RouteSection) -> Action | None:
    if route.menu:
        return ToMenu(route.menu)
    if route.queue:
        return ToQueue(route.queue, route.name, route.queue_priority)
    if route.voice_url:
        return ToDocuments(
            RunDocuments(route.voice_url, route.voice_method, route.voice_fallback_url)
        )
    return None


def _hours(config: Config, name: str) -> Hours | None:
    return routes.hours_named(config, name) if name else None


def _menu(config: Config, section: MenuSection) -> Menu:
    if section.text:
        pcm = spoken_prompt(section.text, section.voice, section.words_per_minute)
    else:
        pcm = sounds.named(section.prompt)
    return Menu(
        name=section.name,
        prompt=Sound(section.name, pcm),
        keys={key: _action(config, action) for key, action in section.keys.items()},
        no_input_s=section.no_input_s,
        retries=section.retries,
        on_no_input=_action(config, section.on_no_input),
        on_invalid=_action(config, section.on_invalid),
        hours=_hours(config, section.when),
        closed=_action(config, section.closed),
    )


def _queue(config: Config, section: QueueSection, hold_sound: Pcm) -> Queue:
    spoken = Spoken(
        section.position_text, section.wait_text, section.voice, section.words_per_minute
    )
    return Queue(
        name=section.name,
        route=section.agent,
        music=sounds.named(section.music) if section.music else hold_sound,
        announcement=_sound(section.announcement) if section.announcement else None,
        spoken=spoken,
        announce_every_s=section.announce_every_s,
        keys={key: _action(config, action) for key, action in section.keys.items()},
        max_wait_s=section.max_wait_s,
        on_timeout=_action(config, section.on_timeout),
        on_full=_action(config, section.on_full),
        on_empty=_action(config, section.on_empty),
        hours=_hours(config, section.when),
        closed=_action(config, section.closed),
    )


def _sound(file: str) -> Sound:
    return Sound(Path(file).stem, sounds.named(file))


def _action(config: Config, section: ActionSection) -> Action:
    """One that is left out ends the call."""
    if section.route:
        route = next(route for route in config.routes if route.name == section.route)
        return _first(route) or ToAgent(section.route)
    if section.agent:
        return ToAgent(section.agent)
    if section.menu:
        return ToMenu(section.menu)
    if section.queue:
        return ToQueue(section.queue)
    if section.transfer:
        return ToTarget(section.transfer)
    if section.prompt:
        return Say(_sound(section.prompt))
    return HangUp()

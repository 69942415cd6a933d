"""From the configuration to the menus of calls, in a worker."""

from __future__ import annotations

from pathlib import Path

from sipua.bridge.agent.speech.spoken_prompt import spoken_prompt
from sipua.bridge.playout import sounds
from sipua.calls.menus.menu import Action, HangUp, Menu, Say, Sound, ToAgent, ToMenu, ToTarget
from sipua.config import Config
from sipua.config.sections.menus import MenuActionSection, MenuSection


def menus(config: Config) -> dict[str, Menu]:
    """All, by name, with their sounds. Raises SoundError."""
    return {section.name: _menu(config, section) for section in config.menus}


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
    )


def _action(config: Config, section: MenuActionSection) -> Action:
    """One that is left out ends the call."""
    if section.route:
        menu = next(route.menu for route in config.routes if route.name == section.route)
        return ToMenu(menu) if menu else ToAgent(section.route)
    if section.agent:
        return ToAgent(section.agent)
    if section.menu:
        return ToMenu(section.menu)
    if section.transfer:
        return ToTarget(section.transfer)
    if section.prompt:
        return Say(Sound(Path(section.prompt).stem, sounds.named(section.prompt)))
    return HangUp()

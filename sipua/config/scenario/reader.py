"""The reader of scenarios for the local agent: a scenario, or all its problems by line."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sipua.bridge.agent.scenario.scenario import (
    ALWAYS,
    MAX_STEPS,
    SPEAKER,
    Connect,
    FunctionCall,
    Scenario,
    Step,
)
from sipua.bridge.agent.speech import recogniser_available
from sipua.config.scenario.file import ConnectEntry, ScenarioKeys, StepEntry
from sipua.config.toml import translate
from sipua.config.toml.lines import locate
from sipua.config.toml.toml_file import UnreadableError, read_toml
from sipua.config.values.fields import nearest
from sipua.config.values.problems import (
    ConfigError,
    KeyPath,
    Origin,
    Problem,
    Severity,
    key_name,
    shown,
    toml_value,
)

_ENTRIES: Mapping[str, type[BaseModel]] = {"connect": ConnectEntry, "steps": StepEntry}
_CONTENTS = ("say", "say_file", "tone_ms", "parrot")
_ENDS = ("silent", "fail", "cancel", "close", "cut", "freeze")
_TIMED_ENDS = ("close", "cut", "freeze", "garbage")
_TIMED = {"on", "at_s", "times", "scope", *_TIMED_ENDS}
_DEAF = ("greeting", "tool_result")


def load(path: Path) -> Scenario:
    """The scenario of a file. Raises ConfigError with every problem found."""
    scenario, problems = read(path)
    if scenario is None:
        raise ConfigError(str(path), problems)
    return scenario


def read(path: Path) -> tuple[Scenario | None, list[Problem]]:
    """The scenario, None where there is an error; warnings too."""
    try:
        text, data = read_toml(path)
    except UnreadableError as error:
        return None, [error.problem]
    reader = _Reader(path, locate(text))
    scenario = reader.scenario(data)
    problems = sorted(reader.problems, key=lambda problem: problem.origin.line or 0)
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    return scenario, problems


@dataclass(slots=True)
class _Reader:
    path: Path
    lines: Mapping[KeyPath, int]
    problems: list[Problem] = field(default_factory=list)

    def scenario(self, data: dict[str, Any]) -> Scenario | None:
        top = {name: value for name, value in data.items() if name not in _ENTRIES}
        keys = self._checked((), ScenarioKeys, top, also=tuple(_ENTRIES))
        connects = [entry for _, entry in self._entries(data, "connect")]
        steps = self._entries(data, "steps")
        if self.problems or keys is None:
            return None
        self._check_recogniser(keys, steps)
        for number, connect in enumerate(connects):
            self._judge_connect(("connect", number), connect)
        found = [self._step(("steps", number), entry) for number, entry in steps]
        self._unreached(found)
        return Scenario(
            connect=tuple(Connect(**_without(entry, "ok")) for entry in connects),
            steps=tuple(found),
            **keys.model_dump(),
        )

    def _entries(self, data: dict[str, Any], name: str) -> list[tuple[int, Any]]:
        given = data.get(name, [])
        if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
            self._complain(
                (name,), f"is a list: each entry begins with [[{name}]]", f"write [[{name}]]"
            )
            return []
        if len(given) > MAX_STEPS:
            self._complain((name,), f"has {len(given)} entries", f"at most {MAX_STEPS}")
            return []
        checked = [
            (number, self._checked((name, number), _ENTRIES[name], entry))
            for number, entry in enumerate(given)
        ]
        return [(number, entry) for number, entry in checked if entry is not None]

    def _checked(
        self,
        path: KeyPath,
        model: type[BaseModel],
        entry: dict[str, Any],
        also: tuple[str, ...] = (),
    ) -> BaseModel | None:
        try:
            return model.model_validate(entry)
        except ValidationError as error:
            for detail in error.errors():
                where = (*path, *detail["loc"])
                what, fix = _explained(where, detail, model, also)
                value = None if detail["type"] == "missing" else shown(detail["input"])
                self._complain(where, what, fix, value=value)
            return None

    def _judge_connect(self, path: KeyPath, entry: ConnectEntry) -> None:
        given = [name for name in ("ok", "status", "never", "close", "cut") if getattr(entry, name)]
        if len(given) > 1:
            self._complain((*path, given[1]), f"cannot be combined with {given[0]}", "keep one")
        if entry.retry_after_s and not entry.status:
            self._complain(
                (*path, "retry_after_s"), "is sent with a status, and there is none", "status = 429"
            )

    def _step(self, path: KeyPath, entry: StepEntry) -> Step:
        for name, what, fix in _contradictions(entry):
            self._complain((*path, name), what, fix, value=shown(getattr(entry, name)))
        fields = _without(entry, "call", "say_file")
        file = self._recording(path, entry)
        if entry.say and not entry.say_file and shutil.which(SPEAKER) is None:
            self._complain(
                (*path, "say"),
                f"needs the program {SPEAKER}, which is not installed",
                f'apt-get install {SPEAKER}, or say_file = "recording.wav"',
            )
        calls = tuple(
            FunctionCall(name=call.name, arguments=json.dumps(call.arguments, default=str))
            for call in entry.call
        )
        return Step(**fields, say_file=file, call=calls)

    def _check_recogniser(self, keys: BaseModel, steps: list[tuple[int, Any]]) -> None:
        """Check that there is a recogniser, and that it knows the words."""
        first = next((number for number, entry in steps if entry.heard), None)
        phrases: tuple[str, ...] = getattr(keys, "words", ())
        if first is None:
            if phrases:
                self._complain(
                    ("words",), "has no use: no step has `heard`", 'add heard = "yes|sure"'
                )
        elif not recogniser_available.is_installed():
            self._complain(
                ("steps", first, "heard"),
                "needs pocketsphinx, which is not installed",
                "pip install 'sipua[ears]'",
            )
        elif unknown := recogniser_available.unknown_words(phrases):
            self._complain(
                ("words",),
                f"has words that the dictionary does not have: {', '.join(unknown)}",
                "other words; those of the pronouncing dictionary (cmudict) can be heard",
            )

    def _recording(self, path: KeyPath, entry: StepEntry) -> str:
        if not entry.say_file:
            return ""
        from sipua.bridge.agent.speech.voice import VoiceError, recorded  # noqa: PLC0415 - numpy, soxr

        file = (self.path.parent / Path(entry.say_file).expanduser()).absolute()
        try:
            recorded(file, "")
        except VoiceError as error:
            self._complain(
                (*path, "say_file"),
                str(error),
                "a WAV file of 16 bit; the path is relative to the scenario's file",
                value=shown(entry.say_file),
            )
        return str(file)

    def _unreached(self, steps: list[Step]) -> None:
        """Report steps that are never reached: behind one that takes all requests of its kind."""
        taken: dict[str, int] = {}
        for number, step in enumerate(steps):
            blocker = taken.get(step.on, taken.get("any"))
            if blocker is not None and step.on != "time":
                self._complain(
                    ("steps", number),
                    f"is never reached: steps[{blocker}] takes all requests (times = 0)",
                    f"put it before steps[{blocker}]",
                    severity="warning",
                )
            elif step.times == ALWAYS and not step.heard and not step.at_s:
                taken[step.on] = number

    def _complain(
        self,
        path: KeyPath,
        what: str,
        fix: str,
        *,
        value: str | None = None,
        severity: Severity = "error",
    ) -> None:
        line = next(
            (self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), None
        )
        origin = Origin("file", str(self.path), line)
        self.problems.append(Problem(origin, key_name(path), value, what, fix, severity))


def _contradictions(step: StepEntry) -> Iterator[tuple[str, str, str]]:
    """Contradictions: the key, what is wrong with it, what to do."""
    contents = [name for name in _CONTENTS if getattr(step, name)]
    if len(contents) > 1 and contents != ["say", "say_file"]:  # a text and its recording
        yield contents[1], f"cannot be combined with {contents[0]}", "keep one"
    ends = [name for name in _ENDS if getattr(step, name)]
    if len(ends) > 1:
        yield ends[1], f"cannot be combined with {ends[0]}", "keep one"
    if step.after_ms and not ends and not step.stall_ms:
        yield "after_ms", "nothing happens then", f"add one of {', '.join(_ENDS)}, stall_ms"
    if step.call_first and not (step.call and contents):
        yield "call_first", "needs a call and something that is said", "remove it"
    if step.heard:
        try:
            re.compile(step.heard)
        except re.error as error:
            yield (
                "heard",
                f"is not a regular expression: {error}",
                'words are one: heard = "yes|sure"',
            )
        if step.on in _DEAF:
            yield "heard", f'the caller does not speak before on = "{step.on}"', 'on = "speech"'
    if step.on == "time":
        given = {name for name in step.model_fields_set if getattr(step, name)}
        for name in sorted(given - _TIMED):
            yield name, 'does not go with on = "time": no answer was asked for', "remove it"
        if not given & set(_TIMED_ENDS):
            yield "on", "nothing happens at that time", f"add one of {', '.join(_TIMED_ENDS)}"


def _explained(
    path: KeyPath, detail: ErrorDetails, model: type[BaseModel], also: tuple[str, ...]
) -> tuple[str, str]:
    key = str(path[-1])
    if detail["type"] == "extra_forbidden":
        known = [*also, *model.model_fields] if len(detail["loc"]) == 1 else ["name", "arguments"]
        near = nearest(key, known)
        fix = f"did you mean {near}?" if near else f"remove it; known: {', '.join(known)}"
        return "there is no such key", fix
    if detail["type"] == "literal_error":
        choices = [str(choice) for choice in get_args(model.model_fields[key].annotation)]
        near = nearest(str(detail["input"]), choices) or choices[0]
        listed = " or ".join(toml_value(choice) for choice in choices)
        return f"must be {listed}", f"{key} = {toml_value(near)}"
    if detail["type"] == "missing":
        return "is missing", f'{key} = "get_weather"'
    if detail["type"] == "string_pattern_mismatch":
        return "has characters that do not belong there", "letters, digits, _ and -"
    if detail["type"] == "string_too_long":
        return "is too long", f"at most {detail['ctx']['max_length']} characters"
    return translate.explain(path, detail)


def _without(entry: BaseModel, *names: str) -> dict[str, Any]:
    return entry.model_dump(exclude=set(names))

"""From a file and the environment to a `Config`, or to the list of all problems."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from sipua.config.checks.cross import Ephemeral, ephemeral_ports, findings
from sipua.config.load import environment
from sipua.config.load.draft import Draft
from sipua.config.sections.config import Config
from sipua.config.sections.schema import is_array, is_named, is_secret, tables, value_at
from sipua.config.toml import translate
from sipua.config.toml.lines import locate
from sipua.config.toml.toml_file import UnreadableError, read_toml
from sipua.config.values.problems import ConfigError, KeyPath, Origin, Problem, shown

# What `sipua serve` runs without a file: the local agent answers every call, and only this
# machine can call, because sip.host is 127.0.0.1 by default.
DEMO: dict[str, Any] = {"sip": {"accept": "any"}}
DEMO_NAME = "built-in demo configuration"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A usable configuration, with its warnings and its origins."""

    config: Config
    warnings: tuple[Problem, ...]
    source: str
    origins: Mapping[KeyPath, Origin]


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration of this file (None: the built-in demo) and this environment."""
    return read(path, environ).config


def read(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """As `load`, with warnings and origins. Raises ConfigError with every problem found."""
    draft = Draft()
    overrides, draft.problems = environment.parse(environ)
    if path is None:
        draft.data = copy.deepcopy(DEMO)
        draft.origins["sip", "accept"] = Origin("demo")
    else:
        _read_file(draft, path)
    for override in overrides:
        draft.apply(override)
    base = Path() if path is None else path.parent
    draft.read_secrets(base, environ)
    draft.read_documents(base, environ)
    draft.resolve_scenario(base)
    draft.resolve_sounds(base)
    if path is not None:
        draft.warn_of_exposed_file(path)
    config = _Checker(draft).run(ephemeral_ports())
    source = DEMO_NAME if path is None else str(path)
    problems = sorted(draft.problems, key=_order)
    if config is None:
        raise ConfigError(source, problems)
    return Loaded(config, tuple(problems), source, draft.origins)


def _read_file(draft: Draft, path: Path) -> None:
    try:
        text, draft.data = read_toml(path)
    except UnreadableError as error:
        raise ConfigError(str(path), [error.problem, *draft.problems]) from None
    for key, line in locate(text).items():
        draft.origins[key] = Origin("file", str(path), line)


def _order(problem: Problem) -> tuple[bool, int, int, str]:
    """Errors first; in the order of the file, then the environment."""
    origin = problem.origin
    rank = ("file", "env", "demo", "default").index(origin.kind)
    return problem.severity == "warning", rank, origin.line or 0, origin.name


@dataclass(slots=True)
class _Checker:
    draft: Draft
    # Keys that were wrong by themselves: their contradictions are not reported.
    bad: set[KeyPath] = field(default_factory=set)

    def run(self, ephemeral: Ephemeral | None) -> Config | None:
        """The configuration, or None when there were errors, which the draft holds."""
        self._sections()
        config = Config.model_validate({name: self._section(name) for name in Config.model_fields})
        for finding in findings(config, ephemeral):
            if not any(self._is_bad(path) for path in finding.paths):
                path = finding.paths[0]
                self.draft.complain(
                    path,
                    finding.what,
                    finding.fix,
                    severity=finding.severity,
                    value=self.draft.shown(path) or _default(config, path),
                )
        failed = any(problem.severity == "error" for problem in self.draft.problems)
        return None if failed else config

    def _sections(self) -> None:
        for name, value in self.draft.data.items():
            if name not in Config.model_fields:
                what, fix = translate.unknown_section(name, value)
                self.draft.complain((name,), what, fix)

    def _section(self, name: str) -> BaseModel | tuple[BaseModel, ...] | dict[str, BaseModel]:
        if is_named(name):
            return self._named(name)
        array = is_array(name)
        given = self.draft.data.get(name, [] if array else {})
        entries = given if array else [given]
        if not isinstance(entries, list) or not all(isinstance(item, dict) for item in entries):
            self.draft.complain((name,), *translate.wrong_shape(name))
            self.bad.add((name,))
            entries = [] if array else [{}]
        model = next(table.model for table in tables() if table.path[0] == name)
        if array:
            return tuple(
                self._checked((name, index), model, entry) for index, entry in enumerate(entries)
            )
        return self._checked((name,), model, entries[0])

    def _named(self, section: str) -> dict[str, BaseModel]:
        given = self.draft.data.get(section, {})
        entries = given if isinstance(given, dict) else {section: given}
        model = next(table.model for table in tables() if table.path[0] == section)
        found = {}
        for name, entry in entries.items():
            words = translate.wrong_name(section, name, entry)
            if words is None:
                found[name] = self._checked((section, name), model, entry)
            else:
                self.draft.complain((section, name), *words)
                self.bad.add((section,))
        return found

    def _checked(self, path: KeyPath, model: type[BaseModel], entry: dict[str, Any]) -> BaseModel:
        """The section; where keys are wrong, with their defaults or examples instead."""
        try:
            return model.model_validate(entry)
        except ValidationError as error:
            # A misspelt key is not also missing.
            meant = {
                (*detail["loc"][:-1], translate.meant_key((*path, *detail["loc"])))
                for detail in error.errors()
                if detail["type"] == "extra_forbidden"
            }
            wrong = {str(where[0]) for where in meant}
            for detail in error.errors():
                if detail["type"] == "missing" and detail["loc"] in meant:
                    continue
                where = (*path, *detail["loc"])
                known = detail["type"] != "extra_forbidden"
                value = self.draft.shown(where, known=known)
                self.draft.complain(where, *translate.explain(where, detail), value=value)
                wrong.add(str(detail["loc"][0]))
        self.bad |= {(*path, name) for name in wrong}
        rest = {name: value for name, value in entry.items() if name not in wrong}
        for name, info in model.model_fields.items():
            if info.is_required() and name in wrong:
                rest[name] = (info.examples or [None])[0]
        return model.model_validate(rest)

    def _is_bad(self, path: KeyPath) -> bool:
        return any(path[:length] in self.bad for length in range(1, len(path) + 1))


def _default(config: Config, path: KeyPath) -> str | None:
    node = value_at(config, path)
    if is_secret(path) or isinstance(node, SecretStr | tuple) or node == "":
        return None
    return shown(node)

"""The values before the checks, and the place where each was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sipua.bridge.playout import sound_files
from sipua.bridge.playout.sound_files import TEXTS, SoundError
from sipua.config.load.documents import DocumentError, read_document
from sipua.config.load.environment import Override
from sipua.config.load.secrets import SecretFileError, is_exposed, read_secret
from sipua.config.scenario import reader
from sipua.config.sections.engine import is_local, usual_key_variables
from sipua.config.sections.schema import (
    ANY,
    NAME,
    PREFIX,
    SEPARATOR,
    Key,
    Kind,
    Table,
    is_array,
    is_secret,
    key_at,
    tables,
)
from sipua.config.values.fields import Sound
from sipua.config.values.problems import (
    DEFAULT,
    KeyPath,
    Origin,
    Problem,
    Severity,
    key_name,
    shown,
)
from sipua.log.secret_masking import MASK, register_secret, secrets_in_url

_FILE = "_file"
_VALUE_STARTS = tuple('"0123456789')


@dataclass(slots=True)
class Draft:
    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def origin(self, path: KeyPath) -> Origin:
        """Where the key was written; for a missing key, its section."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        # `[a.b]` alone makes an `a` that has no line of its own.
        below = (at for key, at in self.origins.items() if key[: len(path)] == path)
        return next(below, DEFAULT)

    def complain(
        self,
        path: KeyPath,
        what: str,
        fix: str,
        *,
        severity: Severity = "error",
        value: str | None = None,
    ) -> None:
        if isinstance(path[-1], str) and fix.startswith(_VALUE_STARTS):
            fix = f"{path[-1]} = {fix}"  # a bare value, in the form of the file
        self.problems.append(Problem(self.origin(path), key_name(path), value, what, fix, severity))

    def shown(self, path: KeyPath, *, known: bool = True) -> str | None:
        """The value for a message. The value of an unknown key may be a secret."""
        if not known:
            return None
        try:
            value = self._at(path)
        except (LookupError, TypeError):  # not there, or another shape
            return None
        if is_secret(path):
            return f'"{MASK}"' if value else shown(value)
        entries = value if isinstance(value, list) else [value]
        if any(isinstance(one, Mapping) for one in entries):
            return None  # a table, which may have secrets
        return shown(value)

    def apply(self, override: Override) -> None:
        """Apply a variable: it replaces the file's key, and its secret the file's other form."""
        path = override.path
        table = self._table(path[:-1], override.origin)
        if table is None:
            return
        name = str(path[-1])
        other = name.removesuffix(_FILE) if name.endswith(_FILE) else name + _FILE
        rival: KeyPath = (*path[:-1], other)
        if key_at(rival) is not None and self.origin(rival).kind != "env":
            table.pop(other, None)
            self.origins.pop(rival, None)
        table[name] = override.value
        self.origins[path] = override.origin

    def read_secrets(self, base: Path, environ: Mapping[str, str]) -> None:
        """Fill in the secrets from files and from the variable that `api_key_env` names."""
        for path, table in self._secret_slots():
            self._read_secret(path, table, base, environ)
        self._engine_keys(environ)
        for value in self._secret_values():
            register_secret(value)

    def read_documents(self, base: Path, environ: Mapping[str, str]) -> None:
        """Fill in the tables from files: `parameters` by `parameters_file`."""
        for path, table in self._slots(lambda key: key.kind is Kind.TABLE and not key.secret):
            name = str(path[-1])
            file_path: KeyPath = (*path[:-1], name + _FILE)
            file_name = table.get(name + _FILE)
            if not isinstance(file_name, str) or not file_name:
                continue
            value = shown(file_name)
            if name in table:
                self._two_of_one(file_path, name, value)
                continue
            origin = self.origin(file_path)
            from_here = Path.cwd() if origin.kind == "env" else base
            try:
                table[name] = read_document(file_name, from_here, environ)
                self.origins[path] = origin
            except DocumentError as error:
                self.complain(file_path, error.what, error.fix, value=value)

    def resolve_scenario(self, base: Path) -> None:
        """Make the path absolute, and report all faults inside the file."""
        agent = self.data.get("agent")
        if not isinstance(agent, dict):
            return
        name = agent.get("scenario")
        if not isinstance(name, str) or not name:
            return
        # A path of the command line starts here, a path in a file starts at the file.
        here = self.origin(("agent", "scenario")).kind == "env"
        path = ((Path.cwd() if here else base) / Path(name).expanduser()).absolute()
        agent["scenario"] = str(path)
        if path.exists():
            self.problems += reader.read(path)[1]
        else:
            fix = f"correct the path; it is looked for as {path}"
            self.complain(("agent", "scenario"), "there is no such file", fix, value=shown(name))

    def resolve_sounds(self, base: Path) -> None:
        """Make the paths of WAV files absolute, and report each file that cannot be played."""
        for path, table in self._slots(lambda key: any(isinstance(m, Sound) for m in key.marks)):
            name = table.get(str(path[-1]))
            if not isinstance(name, str) or not name or name in TEXTS:
                continue
            # A path of the command line starts here, a path in a file starts at the file.
            here = Path.cwd() if self.origin(path).kind == "env" else base
            sound = (here / Path(name).expanduser()).absolute()
            table[str(path[-1])] = str(sound)
            try:
                sound_files.read(sound)
            except SoundError as error:
                self.complain(path, str(error), "correct the path, or the file", value=shown(name))

    def warn_of_exposed_file(self, path: Path) -> None:
        """Warn of secrets in a configuration file that every user can read."""
        for slot, table in self._secret_slots():
            inline = self.origins.get(slot)
            if inline is None or inline.kind != "file" or not table.get(str(slot[-1])):
                continue
            if f"{slot[-1]}{_FILE}" in table or not is_exposed(path, path.stat().st_mode):
                continue
            self.complain(
                slot,
                f"every user of this machine can read {path}",
                f"chmod 640 {path}, or {slot[-1]}{_FILE} = ...",
                severity="warning",
                value=f'"{MASK}"',
            )

    def _read_secret(
        self, path: KeyPath, table: dict[str, Any], base: Path, environ: Mapping[str, str]
    ) -> None:
        name = str(path[-1])
        file_path: KeyPath = (*path[:-1], name + _FILE)
        file_name = table.get(name + _FILE)
        if not isinstance(file_name, str) or not file_name:
            return
        value = shown(file_name)
        if table.get(name):
            self._two_of_one(file_path, name, value)
            return
        origin = self.origin(file_path)
        try:
            # A path of the command line starts here, a path in a file starts at the file.
            secret = read_secret(file_name, Path.cwd() if origin.kind == "env" else base, environ)
        except SecretFileError as error:
            self.complain(file_path, error.what, error.fix, value=value)
            table[name] = ""  # so that it is not reported as missing, too
            return
        if secret.exposed:
            self.complain(
                file_path,
                "every user of this machine can read this secret",
                f"chmod 600 {secret.path}",
                severity="error" if path[0] == "api" else "warning",  # it steers the calls of all
                value=value,
            )
        table[name] = secret.text
        self.origins[path] = origin

    def _two_of_one(self, file_path: KeyPath, name: str, value: str) -> None:
        self.complain(file_path, f"cannot be set together with `{name}`", "keep one", value=value)

    def _engine_keys(self, environ: Mapping[str, str]) -> None:
        named = self.data.get("engines")
        engines: list[tuple[KeyPath, Any]] = [(("engine",), self.data.get("engine"))]
        if isinstance(named, dict):
            engines += [(("engines", name), engine) for name, engine in named.items()]
        for path, engine in engines:
            if isinstance(engine, dict) and not _is_local(engine):
                self._engine_key(path, engine, environ)

    def _engine_key(
        self, path: KeyPath, engine: dict[str, Any], environ: Mapping[str, str]
    ) -> None:
        if any(engine.get(name) for name in ("api_key", "api_key_file", "api_key_command")):
            return
        for variable in _key_variables(engine):
            value = environ.get(variable, "").strip() if isinstance(variable, str) else ""
            if value:
                engine["api_key"] = value
                self.origins[*path, "api_key"] = Origin("env", str(variable))
                return

    def _secret_slots(self) -> list[tuple[KeyPath, dict[str, Any]]]:
        """The path of each secret that may also be in a file, with the table around it."""
        return self._slots(lambda key: key.kind is Kind.SECRET)

    def _slots(self, wanted: Callable[[Key], bool]) -> list[tuple[KeyPath, dict[str, Any]]]:
        return [
            ((*path, key.name), table)
            for schema in tables()
            for path, table in self._instances(schema)
            for key in schema.keys
            if wanted(key)
        ]

    def _secret_values(self) -> Iterator[str]:
        for schema in tables():
            for _, table in self._instances(schema):
                for key in schema.keys:
                    value = table.get(key.name)
                    if key.kind is Kind.SECRET and isinstance(value, str):
                        yield value
                    elif isinstance(value, str):
                        yield from secrets_in_url(value)
                    elif key.secret and isinstance(value, dict):
                        yield from (item for item in value.values() if isinstance(item, str))

    def _instances(self, schema: Table) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
        found: list[tuple[KeyPath, Any]] = [((), self.data)]
        for part in schema.path:
            if part == ANY:
                found = [
                    ((*path, index), item)
                    for path, node in found
                    if isinstance(node, list)
                    for index, item in enumerate(node)
                ]
            elif part == NAME:
                found = [
                    ((*path, name), item)
                    for path, node in found
                    if isinstance(node, dict)
                    for name, item in node.items()
                ]
            else:
                found = [
                    ((*path, part), node[part])
                    for path, node in found
                    if isinstance(node, dict) and part in node
                ]
        yield from ((path, node) for path, node in found if isinstance(node, dict))

    def _table(self, path: KeyPath, origin: Origin) -> dict[str, Any] | None:
        """The table at this path, made when it is missing. None: the value there is no table."""
        node: Any = self.data
        for depth, part in enumerate(path):
            here = path[: depth + 1]
            if isinstance(part, int):
                if not isinstance(node, list):
                    return None
                if part > len(node):
                    self._gap(path, path[:depth], len(node), origin)
                    return None
                if part == len(node):
                    node.append({})
                    self.origins[here] = origin
                node = node[part]
            elif isinstance(node, dict):
                node = node.setdefault(part, [] if is_array(*here) else {})
            else:
                return None
        return node if isinstance(node, dict) else None

    def _gap(self, path: KeyPath, array: KeyPath, length: int, origin: Origin) -> None:
        has = f"has {length} of them" if length else "has none"
        problem = Problem(
            origin,
            key_name(path),
            None,
            f"the configuration {has}: the next index is {length}",
            f"use {PREFIX}{SEPARATOR.join(str(part).upper() for part in array)}__{length}__...",
        )
        if problem not in self.problems:
            self.problems.append(problem)

    def _at(self, path: KeyPath) -> Any:
        node: Any = self.data
        for part in path:
            node = node[part]
        return node


def _key_variables(engine: Mapping[str, Any]) -> Sequence[Any]:
    """Where the key may be, unchecked."""
    if "api_key_env" in engine:
        return (engine["api_key_env"],)
    return usual_key_variables(engine.get("type", "local"), engine.get("dialect", "ga"))


def _is_local(engine: Mapping[str, Any]) -> bool:
    """Whether the engine is local: the vendor's usual variable is not for it."""
    if "api_key_env" in engine:
        return False
    return is_local(engine.get("type", "local"), engine.get("url", ""))

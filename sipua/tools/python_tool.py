"""Python functions as tools: found by name, described by their signature, run off the media loop.

    def find_order(order: Annotated[str, Field(description="As on the invoice.")], call: CallInfo):
        '''Looks up an order by its number.'''

A parameter annotated with `CallInfo` gets the facts of the call and is no argument of the model. A
function can bring its own schema in its attribute `parameters`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import json
import re
import threading
import typing
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, ClassVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model

from sipua.calls.facts import CallFacts as CallInfo
from sipua.process.side_loop import SideLoop
from sipua.tools.call_queue import Result, failure
from sipua.tools.context import ToolContext
from sipua.tools.wire.errors import ToolError, ToolLoadError
from sipua.tools.wire.schema import Declaration, SchemaError, compile_schema

GROUP = "sipua.tools"
_THREADS = 32
"""The most functions at once, including those that were given up but never returned."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECTION = re.compile(r"^\s*(Args|Arguments|Parameters|Returns|Raises|Yields|Examples?):\s*$")
_ARGUMENT = re.compile(r"^\s+(\w+)(?:\s*\([^)]*\))?:\s+(.+)$")


class PythonTools:
    """The shared threads: one loop for coroutines, one thread for each run of the others."""

    def __init__(self) -> None:
        self._side = SideLoop("python-tools")
        self._busy = threading.BoundedSemaphore(_THREADS)

    async def run(self, function: Callable[..., Any], arguments: dict[str, Any]) -> str:
        """Run a function; returns its result as text, which is made on that thread, too."""
        if inspect.iscoroutinefunction(function):
            return await self._side.run(_awaited(function, arguments))
        if not self._busy.acquire(blocking=False):
            raise ToolError("Too many tools are stuck. It does not work at the moment.")
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[str] = loop.create_future()
        work = (function, arguments, loop, outcome)
        # A daemon: a function that never returns must not keep the edge from ending.
        threading.Thread(target=self._work, args=work, name="python-tool", daemon=True).start()
        return await outcome

    def _work(
        self,
        function: Callable[..., Any],
        arguments: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
        outcome: asyncio.Future[str],
    ) -> None:
        value, error = "", None
        try:
            value = _text(function(**arguments))
        except BaseException as raised:  # noqa: BLE001 - raised where it is awaited
            error = raised
        finally:
            self._busy.release()

        def deliver() -> None:
            if outcome.done():
                return  # given up
            if error is None:
                outcome.set_result(value)
            else:
                # StopIteration and SystemExit would break the future, or the loop.
                bare = isinstance(error, Exception) and not isinstance(error, StopIteration)
                outcome.set_exception(error if bare else RuntimeError(repr(error)))

        with contextlib.suppress(RuntimeError):  # the loop has ended: no task waits any more
            loop.call_soon_threadsafe(deliver)

    async def close(self) -> None:
        await self._side.close()


class PythonTool:
    reveals: ClassVar[bool] = True

    def __init__(
        self, function: Callable[..., Any], pool: PythonTools, timeout_s: float, name: str = ""
    ) -> None:
        """Raises ToolLoadError."""
        self._function = function
        self._pool = pool
        self.timeout_s = timeout_s
        self._call_parameter, self._model = _signature(function)
        self.declaration = _declaration(function, self._model, name)

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None:
        if self._model is not None:
            try:
                checked = self._model.model_validate(arguments)
            except ValidationError as error:
                return failure(f"The arguments do not fit the tool: {_in_words(error)}.", "refused")
            arguments = {name: getattr(checked, name) for name in checked.model_fields_set}
        if self._call_parameter:
            arguments = {**arguments, self._call_parameter: context.call.facts()}
        try:
            return Result(await self._pool.run(self._function, arguments))
        except ToolError as error:
            return failure(str(error))


def load(spec: str, pool: PythonTools, timeout_s: float) -> PythonTool:
    """`package.module:function`, or an entry point's name. Raises ToolLoadError."""
    try:
        function = _function(spec)
    except (ImportError, AttributeError) as error:
        raise ToolLoadError(f"{spec}: {error}") from None
    except ToolLoadError:
        raise
    except Exception as error:
        raise ToolLoadError(f"{spec}: importing it failed: {_named(error)}") from error
    if not callable(function):
        raise ToolLoadError(f"{spec}: is no function")
    try:
        return PythonTool(function, pool, timeout_s, "" if ":" in spec else spec)
    except ToolLoadError as error:
        raise ToolLoadError(f"{spec}: {error}") from None


def _function(spec: str) -> Any:
    if ":" in spec:
        module, _, path = spec.partition(":")
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
        return found
    entries = entry_points(group=GROUP)
    if spec not in entries.names:
        known = ", ".join(sorted(entries.names)) or "none"
        raise ToolLoadError(
            f"{spec}: no installed package has an entry point of that name in {GROUP!r} "
            f"(there are: {known})"
        )
    return entries[spec].load()


def _signature(function: Callable[..., Any]) -> tuple[str, type[BaseModel] | None]:
    """The parameter for the call's facts, and the model of the others; None: its own schema."""
    by_hand = getattr(function, "parameters", None) is not None
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        parameters = inspect.signature(function).parameters.values()
    except (NameError, TypeError, ValueError) as error:
        raise ToolLoadError(f"its signature cannot be read: {error}") from None
    call_parameter = ""
    fields: dict[str, Any] = {}
    descriptions = _documented(function)
    for parameter in parameters:
        hint = hints.get(parameter.name)
        if hint is CallInfo:
            call_parameter = parameter.name
        elif by_hand:
            continue
        elif parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ToolLoadError(f"{parameter} cannot be given by name")
        elif hint is None:
            raise ToolLoadError(f"the parameter {parameter.name} has no type")
        else:
            default = ... if parameter.default is parameter.empty else parameter.default
            described = Field(default, description=descriptions.get(parameter.name))
            fields[parameter.name] = (hint, described)
    if by_hand:
        return call_parameter, None
    try:
        return call_parameter, create_model(
            "Arguments", __config__=ConfigDict(extra="forbid"), **fields
        )
    except (PydanticUserError, NameError, TypeError) as error:
        raise ToolLoadError(f"its types make no schema: {error}") from None


def _declaration(
    function: Callable[..., Any], model: type[BaseModel] | None, name: str
) -> Declaration:
    name = name or getattr(function, "__name__", "")
    if not _NAME.fullmatch(name):
        raise ToolLoadError(f"{name!r} is no name of a tool: 1 to 64 letters, digits, _ and -")
    description = getattr(function, "description", "") or _summary(function)
    if not description:
        raise ToolLoadError("has no docstring: the model would not know what it is for")
    try:
        schema = function.parameters if model is None else model.model_json_schema()  # type: ignore[attr-defined]
        schema = dict(schema)
        schema.pop("title", None)
        compile_schema(schema)
    except (SchemaError, PydanticUserError, TypeError) as error:
        raise ToolLoadError(f"its schema is none: {error}") from None
    return Declaration(name, description, schema)


def _summary(function: Callable[..., Any]) -> str:
    """The docstring up to its first section."""
    lines = []
    for line in (inspect.getdoc(function) or "").splitlines():
        if _SECTION.match(line):
            break
        lines.append(line.strip())
    return " ".join(filter(None, lines))


def _documented(function: Callable[..., Any]) -> dict[str, str]:
    """`name: text` below `Args:`."""
    descriptions: dict[str, str] = {}
    section = last = ""
    for line in (inspect.getdoc(function) or "").splitlines():
        if match := _SECTION.match(line):
            section, last = match[1], ""
        elif section in ("Args", "Arguments", "Parameters"):
            if match := _ARGUMENT.match(line):
                last = match[1]
                descriptions[last] = match[2].strip()
            elif last and line.strip():
                descriptions[last] += f" {line.strip()}"
    return descriptions


async def _awaited(function: Callable[..., Any], arguments: dict[str, Any]) -> str:
    return _text(await function(**arguments))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return '{"done": true}'
    try:
        if isinstance(value, BaseModel):
            return value.model_dump_json()
        return msgspec.json.encode(value, enc_hook=str).decode()
    except ValueError:  # half characters, which become unreadable ones
        plain = value.model_dump() if isinstance(value, BaseModel) else value
        return json.dumps(plain, default=str, ensure_ascii=False)


def _in_words(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"

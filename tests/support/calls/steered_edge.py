"""`sipua serve` whose calls a test steers: `EdgeCalls.steer` and `place`, asked by lines on stdin.

Each line is a JSON object; its outcome is the line `steered.test` among those of the log. The part
after `python -m` runs in the edge's process.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from sipua.calls.steer.commands import Command, name_of
from sipua.calls.steer.place_request import CannotPlaceError, PlaceRequest
from sipua.config import read
from sipua.edge import app
from sipua.log import logs
from support.calls.edge import Config, Edge, Event
from support.process import wait_until


class SteeredEdge(Edge):
    def __init__(
        self, home: Path, config: Config | None = None, *, env: Mapping[str, str] | None = None
    ) -> None:
        self._asked = 0
        module = [sys.executable, "-m", "support.calls.steered_edge"]
        path = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), *sys.path)))
        super().__init__(
            home, config, env={"PYTHONPATH": path, **(env or {})}, command=module, keyboard=True
        )

    def steer(self, call_id: str, command: Command, by: str = "test") -> Event:
        """The outcome."""
        told = msgspec.to_builtins(command)
        return self.ask({"call_id": call_id, "command": told, "by": by}, name_of(command))

    def place(self, to: str, **more: Any) -> Event:
        return self.ask({"place": {"to": to, **more}}, f"a call to {to}")

    def ask(self, asked: Mapping[str, Any], what: str) -> Event:
        number = self.begin(asked)
        return self.outcome(number, what)

    def begin(self, asked: Mapping[str, Any]) -> int:
        """Without waiting."""
        self._asked += 1
        self.process.type(json.dumps({"number": self._asked, **asked}))
        return self._asked

    def outcome(self, number: int, what: str = "a command") -> Event:
        def come() -> list[Event]:
            told = self.events(name="steered.test")
            return [event for event in told if event["number"] == number]

        return wait_until(come, 60, f"the outcome of {what}")[0]


class _Edge(app.Edge):
    async def run(self) -> Any:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        asking = loop.create_task(self._read(reader))
        try:
            return await super().run()
        finally:
            asking.cancel()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        tasks = set()
        while line := await reader.readline():
            task = asyncio.get_running_loop().create_task(self._answer(json.loads(line)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _answer(self, asked: dict[str, Any]) -> None:
        fields: dict[str, Any] = {"number": asked["number"]}
        if place := asked.get("place"):
            try:
                fields["placed"] = await self._placing.place(PlaceRequest(**place))
            except CannotPlaceError as error:
                fields |= {"kind": error.kind, "detail": str(error)}
        else:
            command = msgspec.convert(asked["command"], Command)
            done = await self._calls.steer(asked["call_id"], command, asked["by"])
            fields |= msgspec.to_builtins(done)
        logs.get().info("steered.test", **fields)


def _main() -> int:
    loaded = read(Path(sys.argv[sys.argv.index("--config") + 1]), os.environ)
    logs.configure(loaded.config.log.level, "json")
    app.Edge = _Edge  # type: ignore[misc]
    return app.run(loaded.config, show_banner=False)


if __name__ == "__main__":
    sys.exit(_main())

"""All tools of the edge, made once from the configuration; each call gets its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from structlog.typing import FilteringBoundLogger

from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.playout import sounds
from sipua.config.sections.tools import ToolsSection
from sipua.events.event import Event
from sipua.tools import mcp
from sipua.tools.call_queue import ToolCallQueue
from sipua.tools.context import CallControl, Tool
from sipua.tools.digits import CollectDigits, SendDtmf
from sipua.tools.do_not_call import DoNotCall
from sipua.tools.ending import HangUp, Transfer
from sipua.tools.hold import PutOnHold
from sipua.tools.info import GetCallInfo
from sipua.tools.python_tool import PythonTools, load
from sipua.tools.recording import PauseRecording, ResumeRecording
from sipua.tools.runner import ToolRunner
from sipua.tools.wire.errors import ToolLoadError
from sipua.tools.wire.schema import Registry

if TYPE_CHECKING:
    from sipua.tools.wire.http_client import HttpClient

# A model that has used up its tool calls must still be able to end the call.
_UNLIMITED = frozenset({"hang_up"})


class Toolbox:
    """The tools by name, MCP servers by label. Raises ToolLoadError, SoundError."""

    def __init__(
        self,
        section: ToolsSection,
        *,
        mask_dtmf: bool = True,
        ca_file: str = "",
        do_not_call: DoNotCall | None = None,
    ) -> None:
        """`do_not_call`: needed where `builtin` has it."""
        self._section = section
        self._python = PythonTools()
        self._http: HttpClient | None = None
        self._tools: dict[str, Tool] = {}
        for name in section.builtin:
            if name == "do_not_call":
                assert do_not_call is not None
                self._tools[name] = do_not_call
            else:
                self._tools[name] = _BUILTIN[name](section, mask_dtmf)
        if section.webhooks:
            self._add_webhooks(ca_file)
        for spec in section.python:
            tool = load(spec, self._python, section.python_timeout_s)
            if tool.declaration.name in self._tools:
                raise ToolLoadError(f"{spec}: there is another tool named {tool.declaration.name}")
            self._tools[tool.declaration.name] = tool
        self._registry = Registry(tool.declaration for tool in self._tools.values())
        sound = section.put_on_hold.sound
        self.hold = sounds.named(sound) if sound else sounds.soft_hold()
        self._servers = {server.label: mcp.declaration(server) for server in section.mcp}

    def _add_webhooks(self, ca_file: str) -> None:
        # Without webhooks the client is not loaded.
        from sipua.tools.webhook import Webhook  # noqa: PLC0415
        from sipua.tools.wire.http_client import HttpClient  # noqa: PLC0415

        self._http = HttpClient(ca_file)
        for webhook in self._section.webhooks:
            self._tools[webhook.name] = Webhook(webhook, self._http, self._section.max_result_bytes)

    @property
    def names(self) -> frozenset[str]:
        return frozenset((*self._tools, *self._servers))

    async def start(self) -> None:
        if self._http is not None:
            await self._http.warm_up()

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
        await self._python.close()

    def declarations(self, names: Sequence[str] | None = None) -> Sequence[Mapping[str, Any]]:
        """For `EngineSettings.tools`; None: all. Some hold secrets: shown to the engine only."""
        chosen = self.names if names is None else names
        servers = [server for label, server in self._servers.items() if label in chosen]
        return [*self._registry.only(chosen).functions(), *servers]

    def runner(
        self,
        call: CallControl,
        log: FilteringBoundLogger,
        names: Sequence[str] | None = None,
        *,
        faults: FaultOwner | None = None,
        tell: Callable[[Event], None] | None = None,
    ) -> ToolRunner:
        """The runner of one call; it runs only what was declared to the call's engine."""
        queue = ToolCallQueue(
            self._registry.only(self.names if names is None else names),
            max_running=self._section.max_running,
            max_per_minute=self._section.max_per_minute,
            max_result_bytes=self._section.max_result_bytes,
            unlimited=_UNLIMITED,
        )
        return ToolRunner(self._tools, queue, call, log, faults=faults, tell=tell)


_BUILTIN: Mapping[str, Callable[[ToolsSection, bool], Tool]] = {
    "hang_up": lambda section, _: HangUp(section.hang_up.goodbye_s),
    "transfer": lambda section, _: Transfer(
        section.transfer.names, outcome_s=section.transfer.longest_s
    ),
    "send_dtmf": lambda _section, _: SendDtmf(),
    "collect_digits": lambda _, mask: CollectDigits(mask=mask),
    "put_on_hold": lambda section, _: PutOnHold(section.put_on_hold.max_s),
    "recording_pause": lambda _section, _: PauseRecording(),
    "recording_resume": lambda _section, _: ResumeRecording(),
    "get_call_info": lambda section, _: GetCallInfo(
        section.get_call_info.reveal, section.get_call_info.timezone
    ),
}

"""The routes of calls to agents, and the fallbacks when there is no agent."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sipua.config.sections.actions import ActionSection, Target
from sipua.config.values.fields import (
    AS_TUPLE,
    Name,
    OneLine,
    OptionalHttpUrl,
    SoundFile,
    wrong,
)
from sipua.config.values.parties import SetHeaders
from sipua.config.values.section import Section
from sipua.config.values.uri import is_number


def _pattern(text: str) -> str:
    if not text or any(char.isspace() for char in text):
        raise wrong("is no pattern of a number or user", 'such as "100", "+4930*" or "*"')
    if text.lower().startswith(("sip:", "sips:", "tel:")):
        raise wrong("is a URI; only its user is compared", f'"{text.partition(":")[2]}"')
    return text


def _uri(text: str) -> str:
    if is_number(text):
        raise wrong("is a number without a host", f'"sip:{text.removeprefix("tel:")}@HOST"')
    return text


def _status(status: int) -> int:
    if status and not 400 <= status <= 699:
        raise wrong("is not the status of a refusal: 400 to 699", "503")
    return status


Patterns = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], AS_TUPLE]
ForwardTarget = Annotated[Target, AfterValidator(lambda text: _uri(text) if text else text)]
Answer = Literal["ready", "at_once", "greeting"]
FirstWord = Literal["greet", "wait"]
WhoAnswers = Literal["off", "detect"]
OnVoicemail = Literal["agent", "message", "hangup"]


class FallbackSection(Section):
    """One step when no engine can be reached; each step has exactly one key.

    The steps are tried one after the other, until one works: `{ engine = "backup" }` tries
    another engine, `{ prompt = "sorry.wav" }` answers the call if necessary and plays a file,
    `{ transfer = "sip:100@pbx" }` transfers the call, `{ menu = "main" }` leaves the choice to the
    caller, `{ queue = "people" }` lets the caller wait for somebody, `{ status = 503 }` ends it.
    After the last step the call is over.
    """

    engine: OneLine = Field(
        default="", description="Name of an `[engines.NAME]`, or `engine` for `[engine]`."
    )
    prompt: SoundFile = Field(
        default="",
        description="WAV file (16 bit PCM) that the caller hears; `sorry` is the built-in one.",
    )
    transfer: Target = Field(
        default="",
        description="SIP URI or number that takes the call: 302 before the answer, REFER after it.",
    )
    menu: OneLine = Field(
        default="",
        description="Name of a menu: the call is answered if necessary, and goes on in it.",
    )
    queue: OneLine = Field(default="", description="Name of a queue: the same.")
    status: Annotated[int, AfterValidator(_status)] = Field(
        default=0, description="SIP status that ends the call, 400 to 699; BYE after the answer."
    )

    @property
    def kinds(self) -> list[str]:
        """The keys that are set; exactly one in a valid entry."""
        return [name for name in type(self).model_fields if getattr(self, name)]


Fallback = Annotated[tuple[FallbackSection, ...], AS_TUPLE]


class RouteSection(Section):
    """Which agent takes a call: the first route that fits, from the top.

    A call without a route uses `[engine]` and `[calls]`. A key that a route leaves out is taken
    from there, too.
    """

    name: Name = Field(description="Name in logs; unique.", examples=["sales"])
    called: Patterns = Field(
        default=(),
        description="Dialled numbers or users, with `*` and `?`. A pattern with `@` is compared "
        "with user and host. Empty: all.",
    )
    caller: Patterns = Field(
        default=(),
        description="The same for the caller, by From, or by the header that is believed "
        "(`trust_identity`). Empty: all.",
    )
    origin: Patterns = Field(
        default=(), description="Names of accounts and trunks, with `*` and `?`. Empty: all."
    )
    engine: OneLine = Field(
        default="", description="Name of an `[engines.NAME]`. Left out: `[engine]`."
    )
    model: OneLine = Field(default="", description="Model. Left out: the engine's.")
    voice: OneLine = Field(default="", description="Voice. Left out: the engine's.")
    instructions: str = Field(
        default="",
        description="System prompt, with `{{caller}}` and such (docs/numbers.md). Left out: the "
        "engine's.",
    )
    greeting: str = Field(
        default="",
        description="What the model is told at the beginning of the call. Left out: the "
        "engine's. Empty: the caller speaks first.",
    )
    tools: Annotated[tuple[OneLine, ...], AS_TUPLE] = Field(
        default=(), description="Names of the tools on offer. Left out: all. `[]`: none."
    )
    answer: Literal["", "ready", "at_once", "greeting"] = Field(
        default="", description="When we answer. Left out: `calls.answer`."
    )
    first_word: Literal["", "greet", "wait"] = Field(
        default="", description="For calls that we place. Left out: `calls.first_word`."
    )
    headers_out: SetHeaders = Field(
        default={},
        description="Headers of the INVITEs of calls that we place or forward by it, beside the "
        "trunk's.",
    )
    answering: Literal["", "off", "detect"] = Field(
        default="", description="For calls that we place. Left out: `calls.answering`."
    )
    on_voicemail: Literal["", "agent", "message", "hangup"] = Field(
        default="", description="For calls that we place. Left out: `calls.on_voicemail`."
    )
    voicemail_message: SoundFile = Field(
        default="",
        description="WAV file that is left as a message. With neither this nor `voicemail_text`: "
        "those of `[calls]`.",
    )
    voicemail_text: OneLine = Field(
        default="", description="What the engine says as a message, in the place of a WAV file."
    )
    fallback: Fallback = Field(
        default=(), description="When there is no engine. Left out: as `calls.fallback`."
    )
    menu: OneLine = Field(
        default="",
        description="Name of a menu, which the caller hears first. The agent takes the call when a "
        "key leads to it.",
    )
    queue: OneLine = Field(
        default="",
        description="Name of a queue, in which callers wait when its agent is busy, or for its "
        "members.",
    )
    queue_priority: int = Field(
        default=0,
        ge=-100,
        le=100,
        description="Callers of a higher priority come first in the queue.",
    )
    when: OneLine = Field(
        default="",
        description="Name of an `[hours.NAME]`. Outside of these hours calls that come in get "
        "`closed`, or, where that is left out, the next route that fits.",
    )
    closed: ActionSection = ActionSection()
    forward: ForwardTarget = Field(
        default="",
        description="SIP URI of another SIP agent (a vendor's, another PBX), which takes the calls "
        "that come in, in the agent's place. `headers_out` are the headers of its INVITE. It is "
        "answered when that one answers; if not, `fallback`, else its status.",
        examples=["sip:agent@sip.example.com"],
    )
    forward_account: OneLine = Field(
        default="",
        description="`forward`: the account or trunk that it is called by. Empty: straight to its "
        "host.",
    )
    forward_early_media: bool = Field(
        default=True,
        description="`forward`: what its side sends before the answer, its ringing or an "
        "announcement, is heard by the caller: 183 with SDP. docs/trunks.md.",
    )
    voice_url: OptionalHttpUrl = Field(
        default="",
        description="URL of a web server that leads its calls by TwiML, as Twilio's voice URL: "
        "the engine is not asked. docs/twiml.md.",
        examples=["https://agent.example.com/voice"],
    )
    voice_method: Literal["GET", "POST"] = Field(
        default="POST", description="`voice_url`: how it is asked."
    )
    voice_fallback_url: OptionalHttpUrl = Field(
        default="",
        description="`voice_url`: asked when no document comes, or one that cannot be read. "
        "Without it: `fallback`, which has no engines then.",
    )
    voice_status_url: OptionalHttpUrl = Field(
        default="",
        description="`voice_url`: told of the end of each call that came in by this route, as "
        "Twilio's status callback of a number. docs/twiml.md.",
        examples=["https://agent.example.com/status"],
    )
    voice_status_method: Literal["GET", "POST"] = Field(
        default="POST", description="`voice_status_url`: how it is told."
    )
    recording: Literal["", "off", "on_demand", "always"] = Field(
        default="", description="Whether its calls are recorded. Left out: `recording.when`."
    )

    def has(self, name: str) -> bool:
        """Whether the route sets this key."""
        return name in self.model_fields_set

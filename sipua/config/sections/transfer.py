"""Putting the other side of a call through: to whom, how, and what a target hears before."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from sipua.config.sections.actions import QUEUE
from sipua.config.values.fields import AS_TUPLE, OneLine, SoundFile, wrong
from sipua.config.values.section import Section
from sipua.config.values.spoken import SpokenText, SpokenVoice
from sipua.config.values.uri import UriError, check_target
from sipua.rtp.dtmf import DIGITS

Mode = Literal["refer", "dial", "auto", "warm"]
_SPOKEN: Final = re.compile(r"[\w .'-]{1,64}")
_PHRASE: Final = re.compile(r"[\w '-]{1,40}")
_MOST_WORDS: Final = 32
MOST_OF_ONE: Final = 8
"""Numbers that one destination may have."""
_REFER_S: Final = 30.0
_BRIEFING_S: Final = 60.0
"""The longest ones, as `sipua.calls` has them."""


def _name(name: str) -> str:
    if not _SPOKEN.fullmatch(name):
        raise wrong(
            f"{name!r} is no name that the model could say",
            'letters, digits and blanks: sales = "sip:201@192.0.2.10"',
        )
    return name


def _targets(targets: dict[str, str]) -> dict[str, str]:
    for name, target in targets.items():
        _name(name)
        try:
            if not target.startswith(QUEUE):
                check_target(target)
        except UriError:
            raise wrong(
                f"{name} goes to {target!r}, which is neither a SIP URI with a user nor a number",
                f'{name} = "sip:201@192.0.2.10" (no headers, no brackets), or "+4930123456"',
            ) from None
    return targets


def _numbers(targets: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(targets) <= MOST_OF_ONE:
        raise wrong(
            f"has {len(targets)} targets: 1 to {MOST_OF_ONE}, which are tried in turn",
            '["sip:201@192.0.2.10"]',
        )
    for target in targets:
        try:
            check_target(target)
        except UriError as error:
            raise wrong(f"{target!r} {error.what}", error.fix) from None
    return targets


def _key(key: str) -> str:
    if len(key) != 1 or key.upper() not in DIGITS:
        raise wrong(f'"{key[:20]}" is on no keypad', f"one of {' '.join(DIGITS)}")
    return key.upper()


Key = Annotated[str, AfterValidator(_key)]


def _words(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(words) > _MOST_WORDS:
        raise wrong(f"has {len(words)} entries, {_MOST_WORDS} at most", '["yes", "go ahead"]')
    for one in words:
        if not _PHRASE.fullmatch(one) or not one.strip():
            raise wrong(
                f"{one[:60]!r} is nothing that a transcript could have",
                '"put them through": letters, digits, blanks, 40 characters at most',
            )
    return words


Words = Annotated[tuple[str, ...], AS_TUPLE, AfterValidator(_words)]


class WarmSection(Section):
    """`mode = "warm"`: what a target hears before it has the caller, and how it accepts."""

    briefing: SpokenText = Field(
        default="",
        description="Text that the target hears, spoken by espeak-ng. Empty, without "
        "`briefing_file`: a built-in sentence, which says that a caller waits.",
    )
    briefing_file: SoundFile = Field(
        default="", description="WAV file (16 bit PCM) in the place of `briefing`."
    )
    briefing_by: Literal["text", "model", "agent"] = Field(
        default="text",
        description="`model`: the model sums up in its own voice who waits, and why. `agent`: the "
        "target talks with an agent that has a session of its own and knows the conversation; it "
        "takes the call by saying so, or by `accept_key`. When either has not begun in time the "
        "target hears `briefing`.",
    )
    agent_instructions: str = Field(
        default="",
        max_length=4000,
        description='`briefing_by = "agent"`: what this agent is told beside our own words, such '
        "as what a colleague may know. `{{caller}}` and the like are filled in.",
    )
    agent_max_s: float = Field(
        default=60,
        ge=15,
        le=300,
        allow_inf_nan=False,
        description='`briefing_by = "agent"`: how long a target may talk with the agent before '
        "it takes the call or declines it.",
    )
    accept: Literal["key", "answer", "word"] = Field(
        default="key",
        description="How a target takes the call. `key`: by `accept_key`. `answer`: by listening "
        "to the briefing, if a person is heard and not a voicemail system. `word`: by saying so, "
        "or by `accept_key`; needs an engine with `transcription`.",
    )
    language: Literal["en", "de", "fr", "es"] = Field(
        default="en",
        description='`accept = "word"`: the language of the words that accept and decline.',
    )
    accept_words: Words = Field(
        default=(),
        description="Words and phrases in the place of the built-in ones that accept. Only an "
        "answer of eight words at most counts, which has none that decline.",
        examples=[["yes", "put them through"]],
    )
    decline_words: Words = Field(
        default=(),
        description="Words and phrases in the place of the built-in ones that decline.",
        examples=[["no", "not now"]],
    )
    accept_key: Key = Field(default="1", description="The key that takes the call.")
    decline_key: Key = Field(
        default="2", description='The key that declines it; with `accept = "answer"`, too.'
    )
    accept_timeout_s: float = Field(
        default=20,
        ge=1,
        le=120,
        allow_inf_nan=False,
        description="How long a target may take to decide, from the end of its briefing.",
    )
    keys: SpokenText = Field(
        default="",
        description="Text that tells the keys, behind the briefing. Empty, without `keys_file`: a "
        "built-in sentence, which tells 1 and 2.",
    )
    keys_file: SoundFile = Field(default="", description="WAV file in the place of `keys`.")
    gone: SpokenText = Field(
        default="",
        description="Text for a target whose caller has hung up meanwhile. Empty, without "
        "`gone_file`: a built-in sentence.",
    )
    gone_file: SoundFile = Field(default="", description="WAV file in the place of `gone`.")
    voice: SpokenVoice = Field(
        default="en-us+f3", description="Voice of espeak-ng for the texts here."
    )
    words_per_minute: int = Field(
        default=155, ge=80, le=450, description="Speed of espeak-ng for the texts here."
    )
    voicemail: Literal["refuse", "ignore"] = Field(
        default="refuse",
        description="`refuse`: a voicemail system, a screening service or a fax machine that is "
        "heard is hung up on. `ignore`: nothing is listened for.",
    )


class DestinationSection(Section):
    """A target with a mode, a briefing or several numbers of its own. Its empty keys are those of
    `[tools.transfer]` and `[tools.transfer.warm]`.
    """

    name: Annotated[OneLine, AfterValidator(_name)] = Field(
        description="Name that the model uses; no name of `targets`.", examples=["support"]
    )
    to: Annotated[tuple[str, ...], AS_TUPLE, AfterValidator(_numbers)] = Field(
        description="SIP URIs or numbers. They are tried in turn, until one takes the call.",
        examples=[["sip:201@192.0.2.10", "+4930123456"]],
    )
    mode: Literal["", "refer", "dial", "auto", "warm"] = Field(
        default="", description="As `tools.transfer.mode`."
    )
    briefing: SpokenText = Field(default="", description="As `tools.transfer.warm.briefing`.")
    briefing_file: SoundFile = Field(
        default="", description="As `tools.transfer.warm.briefing_file`."
    )
    briefing_by: Literal["", "text", "model", "agent"] = Field(
        default="", description="As `tools.transfer.warm.briefing_by`."
    )
    accept: Literal["", "key", "answer", "word"] = Field(
        default="", description="As `tools.transfer.warm.accept`."
    )


class TransferSection(Section):
    """`transfer`: the model transfers the caller, to one of these targets only. The other keys are
    for every transfer: of the model, of the HTTP interface, of a fallback. docs/transfer.md.
    """

    targets: Annotated[dict[str, str], AfterValidator(_targets)] = Field(
        default={},
        description="Name that the model uses → SIP URI, number, or `queue:` and the name of a "
        'queue: `sales = "sip:201@192.0.2.10"`.',
    )
    mode: Mode = Field(
        default="refer",
        description="`refer`: the other side is asked to call the target (REFER), and the call "
        "leaves us. `dial`: we call the target, and join it to the call. `auto`: REFER, and "
        "`dial` when the other side takes no REFER. `warm`: as `dial`, and the target hears first "
        "who waits, and accepts.",
    )
    account: str = Field(
        default="",
        description="`dial`, `warm`: the account or trunk that the target is called by. Empty: "
        "that of the call, or straight to the host of the target.",
    )
    ring_timeout_s: float = Field(
        default=30,
        ge=1,
        le=60,
        allow_inf_nan=False,
        description="`dial`, `warm`: how long the target may ring; then the agent is back.",
    )
    settle_s: float = Field(
        default=3,
        ge=0,
        le=30,
        allow_inf_nan=False,
        description="`dial`, `warm`: a target that hangs up within so long after it was joined "
        "to the call was not reached: the agent is back. After it the agent has left.",
    )
    caller_hears: Literal["hold_sound", "ringing", "early_media", "silence"] = Field(
        default="hold_sound",
        description="`dial`, `warm`: until the target has the call. `hold_sound`: that of "
        "`put_on_hold`. `ringing`: a ringing tone of ours. `early_media`: a ringing tone of ours "
        "until the target's side sends sound of its own before the answer.",
    )
    leave_path: bool = Field(
        default=False,
        description="`dial`, `warm`: once both have talked for `settle_s`, ask the caller's side "
        "to take over the call to the target (REFER with Replaces), and leave. For legs of one PBX "
        "or trunk. If it does not, nobody hears anything of it.",
    )
    warm: WarmSection = Field(default=WarmSection(), description="The briefing of a target.")
    destinations: Annotated[tuple[DestinationSection, ...], AS_TUPLE] = Field(
        default=(), description="Targets with more than a number."
    )

    @property
    def names(self) -> dict[str, str]:
        """All targets by the names that the model uses; of several numbers the first."""
        return {**self.targets, **{one.name: one.to[0] for one in self.destinations}}

    @property
    def longest_s(self) -> float:
        """How long the outcome of a transfer may take: a REFER, and then each number in turn."""
        one_s = self.ring_timeout_s + self.settle_s
        modes = {self.mode, *(one.mode for one in self.destinations)}
        if "warm" in modes:
            listens_s = _BRIEFING_S + self.warm.accept_timeout_s
            one_s += max(listens_s, self.warm.agent_max_s)
        return _REFER_S + one_s * max((len(one.to) for one in self.destinations), default=1)

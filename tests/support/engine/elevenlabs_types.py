"""ElevenLabs' own package as the judge of an agent's messages. Its types know what a conversation
begins with; the rest is what its client sends and reads.
"""

import base64
import json
import warnings
from types import SimpleNamespace
from typing import Any, get_args

from elevenlabs.types import (
    ClientEvent,
    ConversationInitiationClientDataRequestInput,
    TtsOutputFormat,
)

from support.engine.vendor_types import accept

with warnings.catch_warnings():  # it names a class of `websockets` that is old
    warnings.simplefilter("ignore", DeprecationWarning)
    from elevenlabs.conversational_ai.conversation import (
        BaseConversation,
        ContextualUpdateClientToOrchestratorEvent,
        UserMessageClientToOrchestratorEvent,
    )

Message = dict[str, Any]
SERVER_TYPES: frozenset[str] = frozenset(get_args(get_args(ClientEvent)[0]))
FORMATS: frozenset[str] = frozenset(get_args(get_args(TtsOutputFormat)[0]))


def accepted_client_message(message: bytes | str) -> Message:
    content: Message = json.loads(message)
    if "type" not in content:
        assert set(content) == {"user_audio_chunk"}
        base64.b64decode(content["user_audio_chunk"], validate=True)
        return content
    fields = {name: value for name, value in content.items() if name != "type"}
    match content["type"]:
        case "conversation_initiation_client_data":
            accept(ConversationInitiationClientDataRequestInput, fields, "initiation")
        case "user_message":
            assert content == _plain(UserMessageClientToOrchestratorEvent(fields["text"]))
        case "contextual_update":
            assert content == _plain(ContextualUpdateClientToOrchestratorEvent(fields["text"]))
        case "pong":
            assert set(fields) == {"event_id"}
            assert isinstance(fields["event_id"], int)
        case "client_tool_result":
            types = {name: type(value) for name, value in fields.items()}
            assert types == {"tool_call_id": str, "result": str, "is_error": bool}
        case other:
            raise AssertionError(f"no message of the vendor: {other}")
    return content


def accepted_server_message(message: bytes | str) -> Message:
    """It is one that the vendor's client would read, too."""
    content: Message = json.loads(message)
    assert content["type"] in SERVER_TYPES | {"error"}, content["type"]
    if content["type"] == "conversation_initiation_metadata":
        told = content["conversation_initiation_metadata_event"]
        assert {told["agent_output_audio_format"], told["user_input_audio_format"]} <= FORMATS
    _reader()._handle_message_core(content, _everything())
    return content


def _plain(event: Any) -> Message:
    plain: Message = json.loads(json.dumps(event.to_dict()))
    return plain


class _Reader(BaseConversation):
    def __init__(self) -> None:
        self._conversation_id = None
        self._last_interrupt_id = 0


def _reader() -> BaseConversation:
    return _Reader()


def _everything() -> Any:
    """A listener of the client's that wants to know everything."""

    def ignore(*_: object) -> None:
        """It was read; that is all."""

    names = ("agent_response", "agent_response_correction", "agent_chat_response_part")
    names += ("user_transcript", "latency_measurement", "audio_alignment")
    callbacks = {f"callback_{name}": ignore for name in names}
    handlers = {f"handle_{name}": ignore for name in (*names, "audio_output", "interruption")}
    others = {f"handle_{name}": ignore for name in ("ping", "client_tool_call")}
    return SimpleNamespace(**callbacks, **handlers, **others)

"""The settings of a response: the request's own before the session's."""

from msgspec import UNSET, UnsetType

from sipua.bridge.agent.realtime.answers import RequestTools
from sipua.bridge.agent.realtime.outputs import ResponsePlan
from sipua.bridge.agent.realtime.protocol import ResponseParams
from sipua.bridge.agent.realtime.response import TEXT_TOKEN_CHARS
from sipua.bridge.agent.realtime.session import AudioOutput, Session, VoiceId, wire_format


def planned(session: Session, params: ResponseParams, conversation_id: str) -> ResponsePlan:
    own = AudioOutput()
    if not isinstance(params.audio, UnsetType) and not isinstance(params.audio.output, UnsetType):
        own = params.audio.output
    voice = session.output.voice if isinstance(own.voice, UnsetType) else own.voice
    instructions = params.instructions or session.instructions
    return ResponsePlan(
        format=session.output_format if own.format is UNSET else wire_format(own.format),
        modality=(params.output_modalities or session.output_modalities)[0],
        voice=voice.id if isinstance(voice, VoiceId) else str(voice),
        max_output_tokens=params.max_output_tokens or session.max_output_tokens,
        metadata=params.metadata,
        conversation_id=None if params.conversation == "none" else conversation_id,
        input_text_tokens=-(-len(instructions) // TEXT_TOKEN_CHARS),
    )


def request_tools(session: Session, params: ResponseParams) -> RequestTools:
    config = session.config
    choice, parallel = params.tool_choice, params.parallel_tool_calls
    return RequestTools.of(
        config.tools if isinstance(params.tools, UnsetType) else params.tools,
        config.tool_choice if isinstance(choice, UnsetType) else choice,
        config.parallel_tool_calls if isinstance(parallel, UnsetType) else parallel,
    )

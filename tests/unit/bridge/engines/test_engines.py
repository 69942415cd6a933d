import pytest

from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines import ENGINES, create


@pytest.mark.parametrize("kind", sorted(ENGINES))
def test_each_engine_is_made_fresh_for_each_session(kind: str) -> None:
    settings = EngineSettings(url="ws://127.0.0.1:1/realtime")
    first, second = create(kind, settings), create(kind, settings)
    assert first.protocol is not second.protocol
    assert first.protocol.append_audio(b"\0\0")


def test_an_unknown_engine_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown engine 'opnai'.*openai_realtime"):
        create("opnai", EngineSettings())

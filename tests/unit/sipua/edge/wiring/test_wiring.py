from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.config import Config, EngineSection
from sipua.edge.wiring import accounts, wiring
from sipua.edge.wiring import call as wiring_call
from sipua.sip.dns.names import Name


def section(**keys: Any) -> EngineSection:
    return EngineSection.model_validate(keys)


@pytest.mark.parametrize(
    ("keys", "url", "shown"),
    [
        ({"type": "openai_realtime"}, "", "wss://api.openai.com"),
        ({"type": "openai_live"}, "", "wss://api.openai.com"),
        (
            {"type": "openai_realtime", "url": "wss://host:9/path?key=secret2"},
            "",
            "wss://host:9",
        ),
        ({"type": "local"}, "ws://127.0.0.1:5/v1/realtime", "ws://127.0.0.1:5"),
    ],
)
def test_H8_where_an_engine_is_can_be_shown(keys: dict[str, Any], url: str, shown: str) -> None:
    assert wiring.engine_host(wiring.engine_url(section(**keys), url)) == shown


def test_a_call_may_have_instructions_of_its_own() -> None:
    engine = section(instructions="Be kind.")
    assert wiring_call.engine_settings(engine).instructions == "Be kind."
    assert wiring_call.engine_settings(engine, instructions="").instructions == ""
    assert wiring_call.engine_settings(engine, instructions="Be brief.").instructions == "Be brief."


def test_secrets_of_an_engine_reach_it_and_nobody_else() -> None:
    settings = wiring_call.engine_settings(
        section(api_key="hunter22", headers={"X-Key": "hunter23"})
    )
    assert (settings.api_key, settings.headers["X-Key"]) == ("hunter22", "hunter23")
    assert "hunter2" not in repr(settings)


def test_S22_names_of_trunks_and_registrars_are_to_be_resolved_and_addresses_hold() -> None:
    config = Config.model_validate(
        {
            "trunks": ({"name": "carrier", "hosts": ["192.0.2.0/28", "Sbc.example"]},),
            "accounts": (
                {"name": "pbx", "registrar": "sip:pbx.example", "user": "1"},
                {"name": "port", "registrar": "sip:pbx.example:5070", "user": "2"},
                {"name": "address", "registrar": "sip:198.51.100.1", "user": "3"},
            ),
        }
    )
    gate = wiring.admission(config, max_calls=1)
    assert gate.names == (
        Name("sbc.example", services=True),
        Name("pbx.example", services=True),
        Name("pbx.example", services=False),
    )
    assert gate.origin("192.0.2.15") == "carrier"
    assert gate.origin("198.51.100.1") == "address"


def test_S25_an_account_by_tls_calls_numbers_by_tls() -> None:
    config = Config.model_validate(
        {
            "sip": {"transports": ["udp", "tls"], "tls": {"certificate": "~/c", "key": "k"}},
            "accounts": (
                {"name": "a", "registrar": "sip:pbx.test;transport=tls", "user": "1"},
                {"name": "b", "registrar": "sips:192.0.2.1:5070", "user": "1"},
                {"name": "c", "registrar": "sip:192.0.2.1", "user": "1"},
            ),
            "trunks": ({"name": "t", "proxy": "sips:sbc.test", "user": "me"},),
        }
    )
    peers = [wiring.peer_of(config, name, ("127.0.0.1", 9)) for name in "abct"]
    assert peers == [
        "pbx.test;transport=tls",
        "192.0.2.1:5070;transport=tls",
        "192.0.2.1",
        "sbc.test",
    ]
    ids = [account.id_uri for account in accounts.accounts(config)]
    assert ids == ["sip:1@pbx.test", "sips:1@192.0.2.1", "sip:1@192.0.2.1", "sips:me@sbc.test"]
    settings = wiring.tls_settings(config)
    assert settings is not None
    assert settings.certificate == str(Path("~/c").expanduser())
    assert settings.port == 5061
    assert settings.ca_file, "that of the system"
    assert wiring.tls_settings(Config()) is None


def test_an_agent_with_words_of_its_own_is_told_only_what_was_written() -> None:
    agent = section(type="elevenlabs_agent", agent_id="agent_1")
    defaults = {"instructions": agent.instructions, "greeting": agent.greeting}
    settings = wiring_call.engine_settings(agent, **defaults)
    assert (settings.agent_id, settings.instructions, settings.greeting) == ("agent_1", "", "")
    settings = wiring_call.engine_settings(agent, instructions="Be brief.", greeting="Good day.")
    assert (settings.instructions, settings.greeting) == ("Be brief.", "Good day.")


def test_all_others_are_asked_to_greet() -> None:
    settings = wiring_call.engine_settings(section(), greeting="Greet the caller.")
    assert settings.greeting == ""


def test_a_voice_agent_speaks_as_the_trunk_does_and_has_its_own_models() -> None:
    settings = wiring_call.engine_settings(
        section(type="deepgram_agent", transcription_language="de")
    )
    assert settings.audio is AudioFormat.PCMU
    assert settings.voice == "aura-2-thalia-en"
    assert settings.transcription == {"language": "de"}
    settings = wiring_call.engine_settings(section(type="deepgram_agent", audio="pcm16"))
    assert settings.audio is AudioFormat.PCM16

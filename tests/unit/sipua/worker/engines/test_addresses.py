"""Which key an engine is given, and what is read before there are calls."""

import ssl
from pathlib import Path

import pytest

from sipua.bridge.engine_link import upgrade
from sipua.bridge.playout import sounds
from sipua.config import Config, load
from sipua.config.values.problems import ConfigError
from sipua.worker.engines.addresses import EngineAddresses
from support.media import audio

VENDORS = {"OPENAI_API_KEY": "sk-vendor-0123456789"}


def config(home: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    path = home / "edge.toml"
    path.write_text(text)
    return load(path, VENDORS if environ is None else environ)


@pytest.mark.parametrize(
    ("engine", "key"),
    [
        ('type = "local"', ""),
        ('type = "local_live"', ""),
        ('type = "local"\napi_key_env = "OPENAI_API_KEY"', ""),
        ('type = "local"\napi_key = "left-from-before"', ""),
        ('type = "local"\nurl = "ws://127.0.0.1:8765/v1/realtime"', ""),
        ('type = "local"\nurl = "wss://agent.example/v1/realtime"', ""),
        ('type = "openai_realtime"\nurl = "ws://localhost:8000/v1/realtime"', ""),
        ('type = "openai_realtime"\nurl = "ws://[::1]:8000/v1/realtime"', ""),
        ('type = "openai_realtime"\nurl = "ws://127.0.0.1:1/x"\napi_key = "mine-01"', "mine-01"),
        (
            'type = "openai_realtime"\nurl = "ws://127.0.0.1:1/x"\napi_key_env = "OPENAI_API_KEY"',
            VENDORS["OPENAI_API_KEY"],
        ),
        ('type = "openai_realtime"', VENDORS["OPENAI_API_KEY"]),
        ('type = "openai_live"', VENDORS["OPENAI_API_KEY"]),
        (
            'type = "openai_realtime"\nurl = "wss://name.openai.azure.com/openai/v1/realtime"',
            VENDORS["OPENAI_API_KEY"],
        ),
        (
            'type = "local"\nurl = "wss://speech.example/v1/realtime"\napi_key = "mine-01"',
            "mine-01",
        ),
    ],
)
def test_the_vendors_key_goes_to_no_engine_of_this_machine_unless_it_is_said(
    engine: str, key: str, tmp_path: Path
) -> None:
    loaded = config(tmp_path, f"[engine]\n{engine}\n")
    assert EngineAddresses(loaded).api_key(loaded.engine) == key


def test_a_named_engine_follows_the_same_rule(tmp_path: Path) -> None:
    loaded = config(tmp_path, '[engine]\ntype = "openai_realtime"\n[engines.spare]\ntype = "local"')
    host = EngineAddresses(loaded)
    assert host.api_key(loaded.engine) == VENDORS["OPENAI_API_KEY"]
    assert host.api_key(loaded.engines["spare"]) == ""


def test_the_embedded_agent_that_wants_a_key_is_given_its_own(tmp_path: Path) -> None:
    loaded = config(tmp_path, '[agent]\napi_key = "agents-own"\n')
    assert EngineAddresses(loaded).api_key(loaded.engine) == "agents-own"


def test_a_server_of_this_machine_needs_no_key_and_the_vendor_does(tmp_path: Path) -> None:
    config(tmp_path, '[engine]\ntype = "openai_realtime"\nurl = "ws://127.0.0.1:1/x"\n', {})
    with pytest.raises(ConfigError, match="needs a key"):
        config(tmp_path, '[engine]\ntype = "openai_realtime"\n', {})


def test_certificates_are_read_at_the_start_where_an_engine_wants_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[ssl.SSLContext | None] = []
    monkeypatch.setattr(upgrade, "read_certificates", lambda: read.append(None))
    plain = '[engine]\ntype = "openai_realtime"\nurl = "ws://127.0.0.1:1/x"\n'
    EngineAddresses(config(tmp_path, plain)).warm_up()
    assert read == []
    spare = plain + '[engines.spare]\ntype = "openai_live"\n'
    EngineAddresses(config(tmp_path, spare)).warm_up()
    assert len(read) == 1


def test_what_is_decoded_once_is_shared_and_cannot_be_changed(tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "a.wav", audio.tone(300, 500), rate_hz=8000)
    first = sounds.load(tmp_path / "a.wav")
    (tmp_path / "a.wav").unlink()
    assert sounds.load(tmp_path / "a.wav") is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1
    assert sounds.named("sorry") is sounds.prompt("sorry")

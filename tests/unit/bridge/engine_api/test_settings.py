from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings
from sipua.bridge.engines import create


def test_a_millisecond_is_24_16_or_8_samples_of_two_bytes_or_8_of_one() -> None:
    assert [form.bytes_per_ms for form in AudioFormat] == [48, 32, 16, 8, 8]
    assert [form.rate_hz for form in AudioFormat] == [24_000, 16_000, 8000, 8000, 8000]
    assert [form for form in AudioFormat if form.is_g711] == [AudioFormat.PCMU, AudioFormat.PCMA]


def test_H8_no_secret_in_any_repr() -> None:
    settings = EngineSettings(
        url="wss://user:hunter22@example.net/?token=hunter22",
        api_key="hunter22",
        headers={"X-Key": "hunter22"},
    )
    engine = create("openai_realtime", settings)
    assert engine.headers["Authorization"] == "Bearer hunter22"
    for thing in (settings, engine, engine.protocol):
        assert "hunter22" not in repr(thing)

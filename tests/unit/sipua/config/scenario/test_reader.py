import textwrap
import wave
from pathlib import Path

import pytest

from sipua.bridge.agent.scenario.scenario import Connect, FunctionCall, Scenario, Step
from sipua.config import ConfigError, load
from sipua.config.scenario import reader as scenario_file
from sipua.config.scenario.file import GARBAGE
from sipua.config.values.problems import Problem
from support.engine.scenarios import scenario


def problems(tmp_path: Path, text: str) -> list[Problem]:
    path = tmp_path / "s.toml"
    path.write_text(textwrap.dedent(text))
    return scenario_file.read(path)[1]


def only(tmp_path: Path, text: str) -> tuple[str, int | None, str, str]:
    (problem,) = problems(tmp_path, text)
    return problem.key, problem.origin.line, problem.what, problem.fix


def test_all_of_it(tmp_path: Path) -> None:
    path = scenario(
        tmp_path,
        """
        words_per_minute = 150

        [[connect]]
        status = 429
        retry_after_s = 2
        times = 3

        [[connect]]
        ok = true

        [[steps]]
        on = "greeting"
        tone_ms = 400
        call = [{ name = "a", arguments = { n = [1, "x"] } }, { name = "b" }]
        call_first = true
        after_ms = 100
        close = 1011
        scope = "server"

        [[steps]]
        on = "time"
        at_s = 3
        garbage = ["json"]

        [[steps]]
        times = 0
        garbage = true
        """,
    )
    calls = FunctionCall(name="a", arguments='{"n": [1, "x"]}'), FunctionCall(name="b")
    assert scenario_file.load(path) == Scenario(
        words_per_minute=150,
        connect=(Connect(status=429, retry_after_s=2, times=3), Connect()),
        steps=(
            Step(
                on="greeting",
                tone_ms=400,
                call=calls,
                call_first=True,
                after_ms=100,
                close=1011,
                scope="server",
            ),
            Step(on="time", at_s=3.0, garbage=("json",)),
            Step(times=0, garbage=GARBAGE),  # type: ignore[arg-type]
        ),
    )


@pytest.mark.parametrize(
    ("text", "key", "line", "fix"),
    [
        ("[[step]]\ncut = true", "step", 1, "did you mean steps?"),
        ("[[steps]]\nsay_fiel = 'x'", "steps[0].say_fiel", 2, "did you mean say_file?"),
        ("[[steps]]\non = 'greting'", "steps[0].on", 2, 'on = "greeting"'),
        ("[[steps]]\n\ntone_ms = '5'", "steps[0].tone_ms", 3, "tone_ms = 5"),
        ("[[steps]]\nclose = 1005", "steps[0].close", 2, "1000 to 1003"),
        ("[[steps]]\ncut = true\nsilent = true", "steps[0].cut", 2, "keep one"),
        ("[[steps]]\ntone_ms = 1\nparrot = true", "steps[0].parrot", 3, "keep one"),
        ("[[steps]]\nafter_ms = 9", "steps[0].after_ms", 2, "stall_ms"),
        ("[[steps]]\ncall_first = true", "steps[0].call_first", 2, "remove it"),
        ("[[steps]]\nheard = '('", "steps[0].heard", 2, "yes|sure"),
        ("[[steps]]\non = 'greeting'\nheard = 'x'", "steps[0].heard", 3, 'on = "speech"'),
        ("[[steps]]\non = 'time'\nat_s = 1", "steps[0].on", 2, "add one of close"),
        ("[[steps]]\non = 'time'\ncut = true\ntone_ms = 5", "steps[0].tone_ms", 4, "remove it"),
        ("[[steps]]\ngarbage = ['jsn']", "steps[0].garbage[0]", 2, "known: json"),
        ("[[steps]]\ngarbage = 'json'", "steps[0].garbage", 2, '["json"]'),
        ("[[steps]]\ncall = [{ nam = 'x', name = 'y' }]", "steps[0].call[0].nam", 2, "name?"),
        ("[[steps]]\ncall = [{}]", "steps[0].call[0].name", 2, "get_weather"),
        ("[[steps]]\ncall = [{ name = 'a b' }]", "steps[0].call[0].name", 2, "letters"),
        ("[[steps]]\nsay_file = 'no.wav'", "steps[0].say_file", 2, "WAV file"),
        ("[[connect]]\nstatus = 200", "connect[0].status", 2, "from 400 to 599"),
        ("[[connect]]\nretry_after_s = 2", "connect[0].retry_after_s", 2, "status = 429"),
        ("[[connect]]\ncut = true\nnever = true", "connect[0].cut", 2, "keep one"),
        ("[connect]\ncut = true", "connect", 1, "write [[connect]]"),
        ("steps = [1]", "steps", 1, "write [[steps]]"),
        ("[[steps]]\ntimes = -1", "steps[0].times", 2, "at least 0"),
        ("[[steps]]\nfail = 'x'\n[[steps", "", 3, ""),
    ],
)
def test_a_problem_is_named_with_its_line_and_the_fix(
    tmp_path: Path, text: str, key: str, line: int, fix: str
) -> None:
    found = only(tmp_path, text)
    assert found[:2] == (key, line)
    assert fix in found[3]


def test_all_problems_are_named_in_the_file_s_order(tmp_path: Path) -> None:
    found = problems(tmp_path, "[[steps]]\ncut = 1\ntone_ms = -1\n[[connect]]\nstatus = 1")
    assert [problem.origin.line for problem in found] == [2, 3, 5]


def test_a_step_that_nothing_reaches_is_a_warning(tmp_path: Path) -> None:
    text = "[[steps]]\ntimes = 0\ntone_ms = 9\n[[steps]]\non = 'speech'\ntone_ms = 9"
    (problem,) = problems(tmp_path, text)
    assert (problem.key, problem.severity) == ("steps[1]", "warning")


def test_a_recording_is_looked_for_beside_the_scenario(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(1600))
    path = scenario(tmp_path, "[[steps]]\nsay_file = 'a.wav'\nsay = 'Nothing.'")
    (step,) = scenario_file.load(path).steps
    assert (step.say_file, step.say) == (str(tmp_path / "a.wav"), "Nothing.")


def test_without_the_program_a_text_cannot_be_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    key, line, what, fix = only(tmp_path, "[[steps]]\nsay = 'Hello'")
    assert (key, line) == ("steps[0].say", 2)
    assert "espeak-ng" in what
    assert "apt-get install espeak-ng" in fix
    assert "say_file" in fix


def test_words_must_be_listened_for_and_be_words(tmp_path: Path) -> None:
    heard = "[[steps]]\nheard = 'yes'\ntone_ms = 9\n"
    assert problems(tmp_path, "words = ['yes', 'hang up']\n" + heard) == []
    assert "xylofon" in only(tmp_path, "words = ['yes', 'xylofon']\n" + heard)[2]
    assert only(tmp_path, "words = ['yes|no']\n" + heard)[:2] == ("words[0]", 1)
    assert only(tmp_path, "words = ['yes']")[3].startswith("add heard")


def test_without_the_extra_nothing_can_be_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sipua.bridge.agent.speech.recogniser_available.is_installed", lambda: False
    )
    key, line, what, fix = only(tmp_path, "[[steps]]\nheard = 'yes'\ntone_ms = 9\n")
    assert (key, line, fix) == ("steps[0].heard", 2, "pip install 'sipua[ears]'")
    assert "pocketsphinx" in what
    with pytest.raises(ConfigError, match="pocketsphinx"):
        load(None, {"SIPUA_AGENT__EARS": "true"})


def test_the_configuration_names_what_is_wrong_in_its_scenario(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[[steps]]\ncut = 1\n")
    edge = tmp_path / "edge.toml"
    edge.write_text('[sip]\naccept = "any"\n[agent]\nscenario = "bad.toml"\nfault = "drip"\n')
    with pytest.raises(ConfigError) as caught:
        load(edge, {})
    found = {problem.key: problem.origin for problem in caught.value.problems}
    assert found["steps[0].cut"].name == str(tmp_path / "bad.toml")
    assert found["agent.fault"].line == 5
    (tmp_path / "bad.toml").write_text("[[steps]]\ncut = true\n")
    edge.write_text(edge.read_text().replace("drip", "drop:3"))
    assert load(edge, {}).agent.scenario == str(tmp_path / "bad.toml")
    with pytest.raises(ConfigError, match=r"(?s)agent.scenario = .*no such file"):
        load(edge, {"SIPUA_AGENT__SCENARIO": "nowhere.toml"})

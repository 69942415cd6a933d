"""From a file to a configuration, or to the words that a person reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.config import ConfigError, load, read
from sipua.config.sections.schema import ANY, Kind, keys
from sipua.config.values.problems import Origin, toml_value
from sipua.log.secret_masking import mask_text

CONFIGS = Path(__file__).parents[5] / "configs"
KEY = {"OPENAI_API_KEY": "sk-test-0123456789"}
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """A file named edge.toml in the working directory; errors then name it like that."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Path:
        path = Path("edge.toml")
        path.write_text(text)
        path.chmod(0o600)
        return path

    return write


def errors(path: Path | None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    return str(caught.value)


def test_without_a_file_it_is_the_demo() -> None:
    loaded = read(None, {})
    config = loaded.config
    assert config.sip.host == ("127.0.0.1",)
    assert (config.sip.port, config.sip.accept) == (5060, "any")
    assert config.engine.type == "local"
    assert loaded.warnings == ()


def test_an_empty_file_has_every_default(write: Write) -> None:
    loaded = read(write(""), {})
    assert loaded.config.sip.accept == "trunks"
    assert [warning.key for warning in loaded.warnings] == ["sip.accept"]


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({"GEMINI_API_KEY": "g", "GOOGLE_API_KEY": "h"}, "g"),
        ({"GOOGLE_API_KEY": "h", **KEY}, "h"),
        (KEY, ""),  # it is another vendor's
    ],
)
def test_each_vendors_key_comes_from_a_variable_of_its_own(
    write: Write, environ: dict[str, str], key: str
) -> None:
    path = write('[sip]\naccept = "any"\n[engine]\ntype = "gemini_live"\n')
    if not key:
        with pytest.raises(ConfigError, match="GEMINI_API_KEY is not set"):
            read(path, environ)
        return
    engine = read(path, environ).config.engine
    assert engine.api_key.get_secret_value() == key


@pytest.mark.parametrize("name", ["local-demo", "asterisk-extension", "ip-trunk"])
def test_every_example_is_good(name: str) -> None:
    loaded = read(CONFIGS / f"{name}.toml", KEY)
    # A checkout is readable for all; the example's password is none.
    assert {warning.key for warning in loaded.warnings} <= {"accounts[0].password"}
    if name != "local-demo":
        assert loaded.config.engine.api_key.get_secret_value() == KEY["OPENAI_API_KEY"]


KEYS = {"OPENAI_API_KEY": "sk-openai-01", "XAI_API_KEY": "xai-key-02", "DASHSCOPE_API_KEY": "q-3"}


@pytest.mark.parametrize(
    ("engine", "key"),
    [
        ("", "sk-openai-01"),
        ('dialect = "xai"', "xai-key-02"),
        ('dialect = "qwen"', "q-3"),
        ('dialect = "xai"\napi_key_env = "OPENAI_API_KEY"', "sk-openai-01"),
        ('dialect = "beta"\nurl = "wss://example.net/v1/realtime"', ""),
    ],
)
def test_a_key_goes_to_its_own_vendor_alone(write: Write, engine: str, key: str) -> None:
    config = load(write(f'[engine]\ntype = "openai_realtime"\n{engine}\n'), KEYS)
    assert config.engine.api_key.get_secret_value() == key


def test_the_demo_is_its_example() -> None:
    assert load(CONFIGS / "local-demo.toml", {}) == load(None, {})


def test_the_environment_wins(write: Write) -> None:
    path = write('[sip]\nport = 5060\naccept = "any"\n[rtp]\nptime_ms = 30\n')
    loaded = read(path, {"SIPUA_SIP__PORT": "5070", "SIPUA_RTP__CODECS": "PCMA"})
    assert loaded.config.sip.port == 5070
    assert loaded.config.rtp.codecs == ("PCMA",)
    assert loaded.config.rtp.ptime_ms == 30
    assert loaded.origins["sip", "port"] == Origin("env", "SIPUA_SIP__PORT")
    assert loaded.origins["rtp", "ptime_ms"] == Origin("file", "edge.toml", 5)


def test_an_account_from_the_environment_alone(write: Write) -> None:
    Path("secret").write_text("geheim-1\n")
    Path("secret").chmod(0o600)
    environ = {
        "SIPUA_SIP__HOST": "0.0.0.0",
        "SIPUA_ACCOUNTS__0__NAME": "pbx",
        "SIPUA_ACCOUNTS__0__REGISTRAR": "sip:10.0.0.5",
        "SIPUA_ACCOUNTS__0__USER": "100",
        "SIPUA_ACCOUNTS__0__PASSWORD_FILE": "secret",
    }
    (account,) = load(write(""), environ).accounts
    assert account.password.get_secret_value() == "geheim-1"


def test_secret_files_are_relative_to_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "key").write_text("sk-abcdefgh\r\n")
    (folder / "edge.toml").write_text(
        '[sip]\naccept = "any"\n[engine]\ntype = "openai_realtime"\napi_key_file = "key"\n'
    )
    (folder / "key").chmod(0o644)
    loaded = read(folder / "edge.toml", KEY)
    assert loaded.config.engine.api_key.get_secret_value() == "sk-abcdefgh"
    (warning,) = loaded.warnings
    assert (warning.key, warning.fix) == ("engine.api_key_file", f"chmod 600 {folder / 'key'}")


def test_a_secret_in_a_file_for_everybody_is_a_warning(write: Write) -> None:
    path = write(ACCOUNT)
    assert read(path, {}).warnings == ()
    path.chmod(0o644)
    (warning,) = read(path, {}).warnings
    assert (warning.key, warning.severity) == ("accounts[0].password", "warning")
    assert "hunter2" not in str(warning)


ACCOUNT = """\
[sip]
host = "0.0.0.0"
[[accounts]]
name = "pbx"
registrar = "sip:10.0.0.5"
user = "100"
password = "hunter2-hunter2"
"""


# --- golden texts: what a person reads ---------------------------------------------------------


def test_H8_every_problem_at_once(write: Write) -> None:
    path = write(
        """\
[sip]
host = "localhost"
prot = 5060

[[accounts]]
name = "office"
registrar = "pbx.example.com"
pasword = "hunter2"

[engine]
type = "openai_realtime"
api_key_env = "sk-hunter2-hunter2"
"""
    )
    assert (
        errors(path, {"SIPUA_RTP__HOLD_MS": "soon"})
        == """\
edge.toml: 7 errors

  edge.toml:2: sip.host = "localhost"
    error: must be an address, not a name
    fix: host = "127.0.0.1"

  edge.toml:3: sip.prot
    error: there is no such key in [sip]
    fix: did you mean port?

  edge.toml:5: accounts[0].user
    error: is missing
    fix: user = "100"

  edge.toml:7: accounts[0].registrar = "pbx.example.com"
    error: a SIP URI starts with sip:
    fix: registrar = "sip:pbx.example.com"

  edge.toml:8: accounts[0].pasword
    error: there is no such key in [[accounts]]
    fix: did you mean password?

  edge.toml:12: engine.api_key_env = "sk-********"
    error: is not the name of an environment variable (capitals, digits, underscores); the key \
itself does not belong here
    fix: api_key_env = "OPENAI_API_KEY", or name a file with api_key_file

  environment SIPUA_RTP__HOLD_MS: rtp.hold_ms = "soon"
    error: is not a whole number
    fix: SIPUA_RTP__HOLD_MS=123, or unset it"""
    )


def test_H8_missing_key(write: Write) -> None:
    path = write('[sip]\naccept = "any"\n\n[engine]\ntype = "openai_realtime"\n')
    assert (
        errors(path)
        == """\
edge.toml: 1 error

  edge.toml:4: engine.api_key
    error: openai_realtime needs a key; the environment variable OPENAI_API_KEY is not set
    fix: export OPENAI_API_KEY=..., or api_key_file = "/etc/sipua/openai.key" under [engine]
         (environment: SIPUA_ENGINE__API_KEY_FILE); api_key_env = "" for a server without keys"""
    )


def test_H8_both_spellings_of_a_secret(write: Write) -> None:
    path = write(ACCOUNT + 'password_file = "secret"\n')
    assert (
        errors(path)
        == """\
edge.toml: 1 error

  edge.toml:8: accounts[0].password_file = "secret"
    error: cannot be set together with `password`
    fix: keep one"""
    )


def test_H8_unreadable_secret(write: Write) -> None:
    path = write(ACCOUNT.replace('password = "hunter2-hunter2"', 'password_file = "none"'))
    assert (
        errors(path)
        == """\
edge.toml: 1 error

  edge.toml:7: accounts[0].password_file = "none"
    error: there is no file none
    fix: umask 077; cat > none   (type the secret, Enter, Ctrl-D); or correct the path"""
    )


def test_H8_syntax_and_environment_together(write: Write) -> None:
    path = write("[sip]\nhost = 127.0.0.1\n")
    assert (
        errors(path, {"SIPUA_SIP__PROT": "1"})
        == """\
edge.toml: 2 errors

  edge.toml:2: host = …
    error: is not valid TOML: Expected newline or end of document after a statement, column 13
    fix: text stands in double quotes: host = "127.0.0.1"; true and false in small letters

  environment SIPUA_SIP__PROT
    error: there is no such key
    fix: did you mean SIPUA_SIP__PORT?"""
    )


def test_port_range(write: Write) -> None:
    path = write('[sip]\naccept = "any"\n[rtp]\nport_min = 20000\nport_max = 20000\n')
    assert (
        errors(path)
        == """\
edge.toml: 1 error

  edge.toml:5: rtp.port_max = 20000
    error: a call takes two ports; the range from port_min = 20000 has no room
    fix: port_max = 28191"""
    )


# --- one mistake, one complaint ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[rtp]\nport_min = 20001\nport_max = 20000\n", ["rtp.port_min"]),
        ("[rtp]\nport_min = 'x'\nport_max = 10000\n", ["rtp.port_min"]),
        ("[[sip]]\nport = 1\n", ["sip"]),
        ("[accounts]\nname = 'a'\n", ["accounts"]),
        ("accounts = 3\n", ["accounts"]),
        ("port = 5070\n", ["port"]),
        ("[engine]\nturn_detection = 3\n", ["engine.turn_detection"]),
        ("[engine.turn_detection]\nthreshold = 3\n", ["engine.turn_detection.threshold"]),
        (ACCOUNT.replace("registrar", "registar"), ["accounts[0].registar"]),
        (
            ACCOUNT + "[[trunks]]\nname = 'pbx'\nhosts = 'x'\n",
            ["trunks[0].name", "trunks[0].hosts"],
        ),
    ],
)
def test_one_mistake_is_one_complaint(write: Write, text: str, named: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(text), {})
    problems = [problem for problem in caught.value.problems if problem.severity == "error"]
    assert [problem.key for problem in problems] == named


# --- no secret, whatever is wrong --------------------------------------------------------------


SECRET_KEYS = [key for key in keys().values() if key.kind is Kind.SECRET]


@pytest.mark.parametrize("key", SECRET_KEYS, ids=lambda key: key.variable)
@pytest.mark.parametrize("value", ["hunter2 ", '"hunter2"', "hunter2\n", "hunter2"])
def test_H8_no_secret_in_any_error(write: Write, key: object, value: str) -> None:
    assert key in SECRET_KEYS
    path = key.path  # type: ignore[attr-defined]
    header = f"[[{path[0]}]]" if ANY in path else f"[{path[0]}]"
    name = path[-1]
    for line in (
        f"{name} = {toml_value(value)}",
        f"{name} = [{toml_value(value)}]",
        f"{name}s = {toml_value(value)}",
        f"{name} = {{ {name} = {toml_value(value)} }}",
    ):
        with pytest.raises(ConfigError) as caught:
            load(write(f"{header}\n{line}\n[log]\nlevel = 3\n"), {})
        text = str(caught.value) + repr(caught.value.problems)
        assert "hunter2" not in text
    text = errors(write("[log]\nlevel = 3\n"), {key.variable: value})  # type: ignore[attr-defined]
    assert "hunter2" not in text


def test_H8_secrets_that_were_read_are_masked_in_logs(write: Write) -> None:
    load(write(ACCOUNT.replace("hunter2-hunter2", "kraut-und-rueben")), KEY)
    assert mask_text("x kraut-und-rueben y") == "x ******** y"


def test_H8_header_values_are_secret(write: Write) -> None:
    path = write('[engine.headers]\n"x-tenant" = "kohl-und-pinkel"\n"a b" = "grünkohl-4711"\n')
    text = errors(path, {"SIPUA_ENGINE__HEADERS": '{"k": "hunter2", "a b": "c"}'})
    assert "hunter2" not in text
    text = errors(path)
    assert "pinkel" not in text
    assert "4711" not in text


# --- anything at all ---------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.booleans() | st.integers(-9, 99999) | st.text(max_size=5) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([key.name for key in keys().values()]), inner, max_size=3)
    ),
    max_leaves=8,
)
FILES = st.dictionaries(
    st.sampled_from(
        [
            "sip",
            "rtp",
            "accounts",
            "trunks",
            "engine",
            "agent",
            "calls",
            "log",
            "capture",
            "tools",
            "x",
        ]
    ),
    ANYTHING,
    max_size=4,
)


@given(data=FILES)
def test_any_file_gives_a_configuration_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text("\n".join(f"{name} = {toml_value(value)}" for name, value in data.items()))
    try:
        load(path, {})
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - any other exception is the failure

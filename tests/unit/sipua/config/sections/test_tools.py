"""The tools' section, and with it arrays of tables inside a section."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sipua.config import ConfigError, Loaded, load, read
from sipua.config.report.show import as_dict, as_toml

SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
WEBHOOK = """
[[tools.webhooks]]
name = "find_order"
description = "Looks up an order by its number."
url = "https://crm.example.com/find"
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Path:
        path = Path("edge.toml")
        path.write_text('[sip]\naccept = "any"\n' + text)
        path.chmod(0o600)
        return path

    return write


def errors(path: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    return str(caught.value)


def warnings(loaded: Loaded) -> list[tuple[str, str]]:
    return [(warning.key, warning.what) for warning in loaded.warnings]


def test_webhooks_in_the_file(write: Write) -> None:
    path = write(
        WEBHOOK
        + f'secret = "{SECRET}"\nheaders = {{ "X-Api-Key" = "k-123456" }}\n'
        + '[tools.webhooks.parameters]\ntype = "object"\n'
        + "[tools.webhooks.parameters.properties.order]\n"
        + 'type = "string"\n'
        + WEBHOOK.replace("find_order", "find_other")
        + 'headers = { api-key = "k-99999999" }\n'
    )
    loaded = read(path, {})
    first, second = loaded.config.tools.webhooks
    assert first.parameters["properties"] == {"order": {"type": "string"}}
    assert first.secret.get_secret_value() == SECRET
    assert second.name == "find_other"
    assert loaded.warnings == ()
    shown = as_toml(loaded) + json.dumps(as_dict(loaded))
    assert "[[tools.webhooks]] # tools.webhooks[1]" in shown
    assert SECRET not in shown
    assert "k-123456" not in shown


def test_a_problem_names_the_entry_and_its_line(write: Write) -> None:
    text = WEBHOOK + WEBHOOK.replace("find_order", "find order").replace("https", "htps")
    text += "timeout_s = 0\nretires = 3\n"
    found = errors(write(text))
    assert 'edge.toml:10: tools.webhooks[1].name = "find order"' in found
    assert 'name = "find_order"' in found
    assert "edge.toml:12: tools.webhooks[1].url" in found
    assert "edge.toml:13: tools.webhooks[1].timeout_s" in found
    assert "did you mean retries?" in found


def test_a_misspelt_key_is_not_missing_as_well(write: Write) -> None:
    found = errors(write(WEBHOOK.replace("url =", "ulr =")))
    assert "did you mean url?" in found
    assert "is missing" not in found


def test_one_table_in_place_of_an_array(write: Write) -> None:
    found = errors(write(WEBHOOK.replace("[[", "[").replace("]]", "]")))
    assert "each entry begins with [[tools.webhooks]]" in found


def test_webhooks_from_the_environment(write: Write) -> None:
    environ = {
        "SIPUA_TOOLS__WEBHOOKS__0__TIMEOUT_S": "3",
        "SIPUA_TOOLS__WEBHOOKS__1__NAME": "find_other",
        "SIPUA_TOOLS__WEBHOOKS__1__DESCRIPTION": "Looks up another thing.",
        "SIPUA_TOOLS__WEBHOOKS__1__URL": "https://crm.example.com/other",
        "SIPUA_TOOLS__WEBHOOKS__1__PARAMETERS": '{"type": "object", "required": ["id"]}',
        "SIPUA_TOOLS__WEBHOOKS__1__SECRET": SECRET,
        "SIPUA_TOOLS__BUILTIN": "hang_up, get_call_info",
        "SIPUA_TOOLS__PUT_ON_HOLD__MAX_S": "30",
    }
    config = load(write(WEBHOOK), environ).tools
    assert [webhook.timeout_s for webhook in config.webhooks] == [3, 10]
    assert config.webhooks[1].parameters == {"type": "object", "required": ["id"]}
    assert config.builtin == ("hang_up", "get_call_info")
    assert config.put_on_hold.max_s == 30


def test_a_gap_in_the_environment_is_named(write: Write) -> None:
    found = errors(write(WEBHOOK), {"SIPUA_TOOLS__WEBHOOKS__2__NAME": "find_other"})
    assert "use SIPUA_TOOLS__WEBHOOKS__1__..." in found


def test_secrets_and_schemas_in_files(write: Write) -> None:
    text = WEBHOOK + 'secret_file = "hook.secret"\nparameters_file = "order.json"\n'
    path = write(text)
    secret = Path("hook.secret")
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    Path("order.json").write_text('{"type": "object", "required": ["order"]}')
    (webhook,) = load(path, {}).tools.webhooks
    assert webhook.secret.get_secret_value() == SECRET
    assert webhook.parameters["required"] == ["order"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "there is no file"),
        ("{", "is not JSON"),
        ("[]", "holds no JSON object"),
        (" " * 300_000, "is too long"),
        ('{"type": "array"}', "is no JSON schema"),
    ],
)
def test_schema_files_that_are_none(write: Write, content: str | None, what: str) -> None:
    if content is not None:
        Path("order.json").write_text(content)
    assert what in errors(write(WEBHOOK + 'parameters_file = "order.json"\n'))


def test_a_schema_twice(write: Write) -> None:
    text = WEBHOOK + 'parameters_file = "order.json"\nparameters = { type = "object" }\n'
    assert "cannot be set together with `parameters`" in errors(write(text))


@pytest.mark.parametrize(
    ("secret", "what"), [("whsec_short", "base64"), ("whsec_c2hvcnQ=", "5 bytes long")]
)
def test_secrets_that_sign_nothing(write: Write, secret: str, what: str) -> None:
    found = errors(write(WEBHOOK + f'secret = "{secret}"\n'))
    assert what in found
    assert secret not in found
    assert "openssl rand -base64 32" in found


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('builtin = ["hang_upp"]', 'fix: "hang_up"'),
        ('builtin = ["hang_up", "hang_up"]', 'has "hang_up" twice'),
        ('python = ["my tools"]', "package.module:function"),
        (
            'transfer = { targets = { sales = "his desk" } }',
            "neither a SIP URI with a user nor a number",
        ),
        (
            'transfer = { targets = { sales = "sip:a@b.example?Replaces=x" } }',
            "neither a SIP URI with a user nor a number",
        ),
        ('transfer = { targets = { "<x>" = "100" } }', "no name that the model could say"),
        ('transfer = { destinations = [{ name = "<x>", to = ["1"] }] }', "no name that the model"),
        ('transfer = { destinations = [{ name = "x", to = [] }] }', "which are tried in turn"),
        (
            'transfer = { destinations = [{ name = "x", to = ["sip:a@b.example?Replaces=x"] }] }',
            "neither a SIP URI with a user nor a number",
        ),
        ('transfer = { warm = { accept_key = "x" } }', "is on no keypad"),
        ('get_call_info = { timezone = "Berlin" }', "no time zone"),
        ('get_call_info = { reveal = ["name"] }', 'must be "from" or "to"'),
        ('builtin = ["transfer"]', "the tool has no target"),
    ],
)
def test_values_that_are_wrong(write: Write, line: str, what: str) -> None:
    assert what in errors(write(f"[tools]\n{line}\n"))


def test_names_are_unique(write: Write) -> None:
    hang_up = WEBHOOK.replace("find_order", "hang_up")
    assert "tools.webhooks[0].name" in errors(write(hang_up))
    assert "tools.webhooks[1].name" in errors(write(WEBHOOK + WEBHOOK))
    mcp = '[[tools.mcp]]\nlabel = "a"\nurl = "https://mcp.example.com"\n'
    assert "tools.mcp[1].label" in errors(write(mcp + mcp))


def test_plain_http_is_for_this_machine(write: Write) -> None:
    text = WEBHOOK.replace("https", "http") + f'secret = "{SECRET}"\n'
    ((key, what),) = warnings(read(write(text), {}))
    assert key == "tools.webhooks[0].url"
    assert "unencrypted" in what
    assert read(write(text.replace("crm.example.com", "127.0.0.1:8080")), {}).warnings == ()


def test_a_webhook_without_a_secret_is_worth_a_word(write: Write) -> None:
    ((key, _),) = warnings(read(write(WEBHOOK), {}))
    assert key == "tools.webhooks[0].secret"


def test_approval_cannot_be_given_in_a_call(write: Write) -> None:
    text = '[[tools.mcp]]\nlabel = "a"\nurl = "https://mcp.example.com"\n'
    loaded = read(write(text + 'require_approval = "always"\n'), {})
    assert [key for key, _ in warnings(loaded)] == ["tools.mcp[0].require_approval"]

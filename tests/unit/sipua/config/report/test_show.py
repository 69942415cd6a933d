from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sipua.config import read
from sipua.config.report.show import as_dict, as_toml
from sipua.config.sections.schema import keys

TEXT = """\
[sip]
host = "0.0.0.0"
[[accounts]]
name = "pbx"
registrar = "sip:10.0.0.5"
user = "100"
password = "hunter2-hunter2"
[engine]
headers = { "x-tenant" = "hunter2-hunter2" }
turn_detection = { threshold = 0.7 }
"""


def test_what_is_shown_is_toml_with_origins(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(TEXT)
    loaded = read(path, {"SIPUA_SIP__PORT": "5070"})
    text = as_toml(loaded)
    assert "hunter2" not in text
    shown = tomllib.loads(text)
    assert shown["sip"]["port"] == 5070
    assert shown["accounts"][0]["password"] == "********"
    assert shown["engine"]["headers"] == {"x-tenant": "********"}
    lines = {line.split(" = ")[0]: line.rpartition("# ")[2] for line in text.splitlines()}
    assert lines["host"] == "default"  # the last one is the agent's
    assert lines["registrar"] == "line 5"
    assert any(re.fullmatch("headers = .*# line 9", line) for line in text.splitlines())
    assert "port = 5070" in text
    assert "# environment SIPUA_SIP__PORT" in text
    threshold = next(line for line in text.splitlines() if line.startswith("threshold = 0.7"))
    assert threshold.endswith("# line 10")
    eagerness = next(line for line in text.splitlines() if line.startswith("eagerness"))
    assert eagerness.endswith("# default")


def test_every_key_is_shown() -> None:
    values = as_dict(read(None, {}))["values"]
    expected = {".".join(path) for path in keys() if not {"*", "NAME"} & set(path)}
    assert set(values) == expected
    assert values["sip.accept"] == {"value": "any", "origin": "demo", "source": "", "line": None}

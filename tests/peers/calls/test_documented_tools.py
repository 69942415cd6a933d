"""docs/tools.md as printed: its files, its commands, and what it promises of the log."""

import re
import secrets
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sipua.config.sections.tools import ToolsSection
from sipua.tools.toolbox import Toolbox
from support.calls.edge import Edge
from support.calls.tool_call import Table
from support.peers.sipp import Sipp
from support.ports import PortBlock
from support.process import Child, wait_until

pytestmark = pytest.mark.peer

PAGE = (Path(__file__).parents[3] / "docs" / "tools.md").read_text()


def block(language: str, start: str) -> str:
    """The block of the page that begins like this."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = [text for text in blocks if text.startswith(start)]
    return str(found)


@contextmanager
def orders(home: Path, port: int) -> Iterator[None]:
    (home / "orders.py").write_text(block("python", "import base64").replace("8080", str(port)))
    command = f"cd {home} && exec {sys.executable} -u orders.py"
    child = Child(["bash", "-c", command], home / "orders.log")
    try:
        wait_until(lambda: _listens(port), 10, "the server of the page")
        yield
    finally:
        child.kill()


def _listens(port: int) -> bool:
    return f":{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()


@pytest.fixture
def orders_port() -> Iterator[int]:
    ports = PortBlock(4)
    yield ports.port()
    ports.close()


@pytest.mark.parametrize("genuine", [True, False])
def test_the_webhook_of_the_page(
    edge_factory: Callable[..., Edge], sipp: Sipp, orders_port: int, tmp_path: Path, genuine: bool
) -> None:
    (tmp_path / "try.toml").write_text(block("toml", '[[steps]]\non = "greeting"'))
    edge_file = tmp_path / "edge.toml"
    edge_file.write_text(block("toml", "[sip]").replace("8080", str(orders_port)))
    command = re.search(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert command is not None
    subprocess.run(["bash", "-c", command[1]], cwd=tmp_path, check=True)
    with orders(tmp_path, orders_port):
        if not genuine:
            (tmp_path / "webhook.secret").write_text(
                "whsec_" + b64encode(secrets.token_bytes(32)).decode()
            )
        edge = edge_factory(file=edge_file)
        sipp.run("uac_call_ended_by_peer", edge.address)
    ended = edge.wait_event("call.ended")
    assert ended["end"]["detail"] == "hang_up: the order is told"
    finished = [event for event in edge.events() if event["event"] in ("tool.done", "tool.failed")]
    assert [(event["tool"], event["outcome"]) for event in finished] == [
        ("find_order", "ok" if genuine else "error"),
        ("hang_up", "ok"),
    ]
    told = str(edge.wait_event("tool.result")["result"])
    assert ("sent on Monday" if genuine else "status 401: Order unknown") in told


@pytest.fixture
def section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToolsSection:
    (tmp_path / "my_tools.py").write_text(block("python", "from typing import Literal"))
    monkeypatch.syspath_prepend(tmp_path)
    return ToolsSection.model_validate({"python": ["my_tools:book_table"]})


async def test_the_python_tool_of_the_page(section: ToolsSection) -> None:
    toolbox = Toolbox(section)
    table = Table(*toolbox._tools.values())
    (one,) = table.model_calls(("book_table", '{"day": "tuesday", "seats": 2}'))
    assert '"booked":2' in (await table.result(one))[0]
    (two,) = table.model_calls(("book_table", '{"day": "tuesday", "seats": 2}'))
    assert "only 1 seats left" in (await table.result(two))[0]
    schema: Any = toolbox.declarations(["book_table"])[0]
    assert schema["description"].startswith("Books a table. Use it when")
    assert schema["parameters"]["properties"]["seats"]["description"] == "For how many people."
    await toolbox.close()

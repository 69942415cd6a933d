"""What `sipua outbound` refuses before it calls, and which agent calls."""

import pytest

from sipua.config import Config
from sipua.edge import outbound
from sipua.edge.outbound import OutboundRequest, profile_of
from sipua.edge.placing.placing import RequestError
from sipua.process.exits import Exit

CONFIG = Config.model_validate(
    {
        "trunks": ({"name": "carrier", "proxy": "sip:192.0.2.1"},),
        "engine": {"greeting": "Hello."},
        "routes": (
            {"name": "sales", "called": ["2*"], "greeting": "Sell."},
            {"name": "dunning", "origin": ["carrier"], "greeting": "Ask for money."},
        ),
    }
)


@pytest.mark.parametrize(
    ("request_", "route", "greeting"),
    [
        (OutboundRequest("sip:201@192.0.2.1"), "sales", "Sell."),
        (OutboundRequest("sip:301@192.0.2.1", account="carrier"), "dunning", "Ask for money."),
        (OutboundRequest("sip:301@192.0.2.1"), "", "Hello."),
        (OutboundRequest("sip:201@192.0.2.1", route="dunning"), "dunning", "Ask for money."),
    ],
)
def test_the_agent_is_the_routes(request_: OutboundRequest, route: str, greeting: str) -> None:
    profile = profile_of(CONFIG, request_)
    assert (profile.route, profile.greeting) == (route, greeting)


def test_a_route_that_is_not_there() -> None:
    with pytest.raises(RequestError, match="there is: sales, dunning"):
        profile_of(CONFIG, OutboundRequest("sip:1@192.0.2.1", route="sale"))


@pytest.mark.parametrize(
    "request_",
    [
        OutboundRequest("nobody"),
        OutboundRequest("sip:1@192.0.2.1", account="unknown"),
        OutboundRequest("sip:1@192.0.2.1", route="unknown"),
    ],
)
def test_what_cannot_be_placed_is_a_wrong_command_line(
    request_: OutboundRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outbound.run(CONFIG, request_) == Exit.USAGE
    assert capsys.readouterr().err.startswith("sipua: ")


def test_beside_an_edge_it_says_that_it_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    trunk = {"name": "carrier", "proxy": "sip:192.0.2.1", "max_calls": 5}
    config = Config.model_validate({"trunks": (trunk,), "sip": {"port": 5099}})
    monkeypatch.setattr(outbound, "port_owner", lambda *_: None)
    assert outbound.not_counted(config, "carrier") == ""
    monkeypatch.setattr(outbound, "port_owner", lambda *_: "sipua (pid 7)")
    said = outbound.not_counted(config, "carrier")
    assert "sipua (pid 7) has port 5099" in said
    assert "(sip.max_calls, max_calls of trunk carrier)" in said

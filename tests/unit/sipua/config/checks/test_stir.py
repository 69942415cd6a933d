"""What is wrong with the keys of STIR/SHAKEN, and with the files that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest

from sipua.config.checks import stir as checks
from sipua.config.checks.stir import stir
from sipua.config.sections.config import Config
from sipua.edge.placing import placing
from sipua.edge.placing.outgoing import outgoing
from sipua.edge.wiring import wiring
from sipua.edge.wiring.stir import verifier
from support.signalling.stir import authority

ROOT = authority()
OWN = ROOT.issue("Ours")
URL = "https://certificates.example.com/own.pem"


def config(stir_keys: dict[str, Any], **trunk: Any) -> Config:
    named = {"name": "carrier", "hosts": ("192.0.2.1",), "proxy": "sip:192.0.2.1", **trunk}
    return Config.model_validate({"stir": stir_keys, "trunks": (named,)})


def found(stir_keys: dict[str, Any], **trunk: Any) -> list[tuple[str, str, str]]:
    """The key, the severity and the words of each finding."""
    every = stir(config(stir_keys, **trunk))
    return [(str(one.paths[0][-1]), one.severity, one.what) for one in every]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stir")
    ROOT.write(folder, "root")
    OWN.write(folder, "own")
    ROOT.issue("Other").write(folder, "other")
    ROOT.issue("Ends", days=(-2, 2)).write(folder, "ends")
    (folder / "empty.pem").write_text("nothing\n")
    return folder


def test_nothing_is_said_where_it_is_off() -> None:
    assert list(stir(Config())) == []
    assert found({}) == []


def test_H8_authorities(files: Path) -> None:
    assert found({"authorities": str(files / "root.pem")}, stir="verify") == []
    for file, what in (
        ("", "is missing"),
        (str(files / "none"), "cannot be read: No such file"),
        (str(files / "empty.pem"), "has no certificates"),
    ):
        ((key, severity, words),) = found({"authorities": file}, stir="require")
        assert (key, severity) == ("authorities", "error")
        assert what in words


def test_H8_what_is_signed_with(files: Path) -> None:
    own = {"key": str(files / "own.key"), "certificate_url": URL}
    assert found({"sign": own}, stir_attest="A") == []
    good = {**own, "certificate": str(files / "own.pem")}
    assert found({"sign": good}, stir_attest="A") == []
    for keys, key, what in (
        ({}, "certificate_url", "https"),
        ({**own, "certificate_url": "http://x/"}, "certificate_url", "https"),
        ({"certificate_url": URL}, "key", "is missing"),
        ({**own, "key": str(files / "none")}, "key", "cannot be read"),
        ({**own, "key": str(files / "own.pem")}, "key", "P-256"),
        ({**own, "certificate": str(files / "other.pem")}, "key", ""),
    ):
        first, *_ = found({"sign": keys}, stir_attest="A")
        assert first[:2] == (key, "error"), (keys, first)
        assert what in first[2]
    ends = {
        "key": str(files / "ends.key"),
        "certificate": str(files / "ends.pem"),
        "certificate_url": URL,
    }
    ((_, severity, words),) = found({"sign": ends}, stir_attest="A")
    assert (severity, words[:7]) == ("warning", "expires")


def test_keys_that_do_nothing(files: Path) -> None:
    keys = {"authorities": str(files / "root.pem")}
    ((key, severity, _),) = found(keys, stir="verify", stir_min_attest="A")
    assert (key, severity) == ("stir_min_attest", "warning")


@pytest.mark.parametrize("asserted", [False, True])
def test_a_number_that_is_withheld_is_not_signed(files: Path, *, asserted: bool) -> None:
    sign = {"sign": {"key": str(files / "own.key"), "certificate_url": URL}}
    keys: dict[str, Any] = {"stir_attest": "A", "caller_id": "+12155550150"}
    keys |= {"hide_caller_id": True, "assert_identity": asserted}
    warned = [] if asserted else [("stir_attest", "warning")]
    assert [one[:2] for one in found(sign, **keys)] == warned
    one = config(sign, **keys)
    signs = placing.sign(wiring.sip_settings(one, max_calls=0), "carrier")
    to, by = "+12155550199", "sip:us@192.0.2.1"
    out = outgoing(one, "carrier", to, id_uri=by, sign=signs, given={}, of_route={})
    assert ("Identity" in out.headers) == asserted
    assert any("2155550150" in value for value in out.headers.values()) == asserted


def test_H12_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda _: None)
    ((key, severity, words),) = found({}, stir="verify")
    assert (key, severity) == ("stir", "error")
    assert "cryptography" in words


# --- what is made of them ---------------------------------------------------------------------


def test_a_verifier_is_kept_over_a_reload(files: Path) -> None:
    keys = {"authorities": str(files / "root.pem"), "allow": ("10.0.0.0/8",)}
    assert verifier(config(keys)) is None
    first = verifier(config(keys, stir="verify"))
    assert first is not None
    assert verifier(config(keys, stir="require"), first) is first
    other = verifier(config({**keys, "max_age_s": 30}, stir="verify"), first)
    assert other is not first


def test_an_invite_of_ours_is_signed(files: Path) -> None:
    sign = {"key": str(files / "own.key"), "certificate_url": URL}
    keys: dict[str, Any] = {
        "stir_attest": "B",
        "caller_id": "+12155550150",
        "number_out": {"+": ""},
    }
    one = config({"sign": sign}, **keys)
    settings = wiring.sip_settings(one, max_calls=0)
    out = outgoing(
        one,
        "carrier",
        "+12155550199",
        id_uri=placing.id_uri(settings, "carrier"),
        sign=placing.sign(settings, "carrier"),
        given={},
        of_route={},
    )
    assert "Date" in out.headers
    token = out.headers["Identity"].partition(";")[0]
    claims = jwt.decode(token, OWN.key.public_key(), ["ES256"], options={"verify_iat": False})
    assert claims["orig"] == {"tn": "12155550150"}
    assert claims["dest"] == {"tn": ["12155550199"]}
    assert claims["attest"] == "B"
    again = wiring.sip_settings(one, max_calls=0)
    assert again.accounts == settings.accounts  # a reload registers no account again
    assert placing.sign(settings, "") is None


def test_what_is_no_number_is_not_signed(files: Path) -> None:
    sign = {"key": str(files / "own.key"), "certificate_url": URL}
    settings = wiring.sip_settings(config({"sign": sign}, stir_attest="A"), max_calls=0)
    signed = placing.sign(settings, "carrier")
    assert signed is not None
    assert signed("sipua", "+12155550199") == {}
    assert signed("+12155550150", "bob") == {}

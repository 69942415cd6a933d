"""What is wrong with the keys of `sip.tls`, and with the files that they name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sipua.config import ConfigError, load
from sipua.config.checks.tls import tls
from sipua.config.sections.config import Config
from support.certificates import Authority, Issued


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "ca")


@pytest.fixture(scope="module")
def own(authority: Authority) -> Issued:
    return authority.issue("edge.test")


def found(
    keys: dict[str, Any], trunks: Sequence[dict[str, Any]] = (), **sip: Any
) -> list[tuple[str, str, str]]:
    """The key, the severity and the words of each finding."""
    sip = {"transports": ["udp", "tcp", "tls"], "tls": _texts(keys), **sip}
    config = Config.model_validate({"sip": sip, "trunks": tuple(trunks)})
    return [(str(one.paths[0][-1]), one.severity, one.what) for one in tls(config)]


def _texts(keys: dict[str, Any]) -> dict[str, Any]:
    return {key: str(one) if isinstance(one, Path) else one for key, one in keys.items()}


def files(one: Issued) -> dict[str, Any]:
    return {"certificate": one.certificate, "key": one.key}


def test_without_tls_nothing_is_said() -> None:
    assert list(tls(Config())) == []


def test_good_files(authority: Authority, own: Issued) -> None:
    assert found(files(own)) == []
    assert found({}) == [], "it connects, and does not listen"
    assert found({**files(own), "ca_file": authority.file, "client_ca_file": authority.file}) == []


def test_S25_files_that_cannot_be_used(authority: Authority, own: Issued) -> None:
    old = authority.issue("old.test", days=(-3, -1))
    ((key, severity, what),) = found(files(old))
    assert (key, severity) == ("certificate", "error")
    assert "has expired" in what
    ((key, _, what),) = found({**files(own), "key": old.key})
    assert (key, what) == ("key", "does not belong to the certificate")
    ((key, _, what),) = found({**files(own), "client_ca_file": "/not/there.pem"})
    assert (key, what) == ("client_ca_file", "cannot be read: no such file or directory")
    soon = authority.issue("soon.test", days=(-3, 3))
    ((key, severity, what),) = found(files(soon))
    assert (key, severity) == ("certificate", "warning")
    assert "expires on" in what


def test_keys_that_contradict_each_other(authority: Authority, own: Issued) -> None:
    assert [one[:2] for one in found({"certificate": own.certificate})] == [("key", "error")]
    assert [one[:2] for one in found({"key": own.key})] == [("certificate", "error")]
    assert [one[:2] for one in found({}, transports=["tls"])] == [("certificate", "error")]
    required = {**files(own), "client_certificates": "required"}
    assert [one[:2] for one in found(required)] == [("client_ca_file", "error")]
    assert [one[:2] for one in found({"verify": False})] == [("verify", "warning")]
    assert [one[:2] for one in found({"port": 5060})] == [("port", "error")]
    assert [one[:2] for one in found(files(own), transports=["udp"])] == [("transports", "warning")]


def test_names_of_trunks(authority: Authority, own: Issued) -> None:
    trunks: list[dict[str, Any]] = [
        {"name": name, "certificate_names": ["SBC.example.com"]} for name in ("one", "two")
    ]
    believed = {**files(own), "client_ca_file": authority.file}
    assert [one[:2] for one in found(believed, trunks=trunks)] == [("certificate_names", "error")]
    trunks[1]["hosts"] = ["192.0.2.1"]
    assert found(believed, trunks=trunks) == [], "the addresses tell them apart"
    assert [one[0] for one in found(files(own), trunks=trunks)] == ["certificate_names"] * 2


def test_S25_the_start_ends_with_the_key_and_a_fix(authority: Authority, tmp_path: Path) -> None:
    old = authority.issue("past.test", days=(-3, -1))
    file = tmp_path / "edge.toml"
    file.write_text(
        '[sip]\naccept = "any"\ntransports = ["udp", "tls"]\n'
        f'[sip.tls]\ncertificate = "{old.certificate}"\nkey = "{old.key}"\n'
        '[[trunks]]\nname = "carrier"\nhosts = ["192.0.2.1"]\ncertificate_names = ["*.test"]\n'
    )
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    keys = {one.key: one.fix for one in caught.value.problems}
    assert "renew it" in keys["sip.tls.certificate"]
    assert "sbc.example.com" in keys["trunks[0].certificate_names[0]"]


def of_trunk(name: str, host: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "proxy": f"sip:{host};transport=tls", **_texts(keys)}


def test_S25_keys_of_a_trunk(authority: Authority, own: Issued) -> None:
    keys = {"tls_certificate": own.certificate, "tls_key": own.key, "tls_ca_file": authority.file}
    good = of_trunk("carrier", "sbc.test", **keys)
    assert found({}, [good]) == []
    assert found({}, [good, of_trunk("other", "other.test")]) == []
    ((key, severity, what),) = found({}, [good, of_trunk("other", "sbc.test")])
    assert (key, severity) == ("tls_certificate", "error")
    assert "all that is at sbc.test" in what
    old = authority.issue("trunk.test", days=(-3, -1))
    bad = of_trunk("carrier", "sbc.test", tls_certificate=old.certificate, tls_key=old.key)
    ((key, severity, what),) = found({}, [bad])
    assert (key, severity) == ("tls_certificate", "error")
    assert "has expired" in what
    alone = of_trunk("carrier", "sbc.test", tls_certificate=own.certificate)
    assert [one[:2] for one in found({}, [alone])] == [("tls_key", "error")]
    unread = of_trunk("carrier", "sbc.test", tls_ca_file="/not/there.pem")
    assert [one[:2] for one in found({}, [unread])] == [("tls_ca_file", "error")]
    off = of_trunk("carrier", "sbc.test", tls_verify="off")
    assert [one[:2] for one in found({}, [off])] == [("tls_verify", "warning")]
    assert [one[:2] for one in found({}, [good], transports=["udp"])] == [
        ("tls_certificate", "warning")
    ]

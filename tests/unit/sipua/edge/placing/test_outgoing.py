"""A call that we place: what its trunk gets, and what it does not allow."""

from __future__ import annotations

from typing import Any

import pytest

from sipua.config import Config
from sipua.edge.placing.outgoing import Outgoing, called_by, outgoing
from sipua.edge.placing.placing import RequestError

ID_URI = "sip:us@192.0.2.5"


def placed(
    to: str = "030123", caller_id: str = "", origin: str = "carrier", **keys: Any
) -> Outgoing:
    trunk = {"name": "carrier", "proxy": "sip:192.0.2.5", **keys}
    config = Config.model_validate({"trunks": (trunk,)})
    return outgoing(
        config, origin, to, id_uri=ID_URI, caller_id=caller_id, given={}, of_route={"X-R": "1"}
    )


def test_a_trunk_without_keys_gets_what_was_asked_for() -> None:
    out = placed()
    assert (out.to, out.called, out.from_uri) == ("030123", "030123", ID_URI)
    assert (out.caller.number, out.headers) == ("us", {"X-R": "1"})


def test_the_number_is_e164_to_us_and_as_it_wants_it_to_the_trunk() -> None:
    pytest.importorskip("phonenumbers")
    out = placed("tel:030209370", country="DE", number_out={"+": "00"})
    assert (out.called, out.to) == ("+4930209370", "004930209370")


def test_a_uri_is_judged_and_sent_as_it_is() -> None:
    keys: dict[str, Any] = {"allowed_destinations": ["!0900*"], "number_out": {"0": "+49"}}
    uri = "sip:030@192.0.2.5"
    assert (placed(uri, **keys).to, placed(uri, **keys).called) == (uri, "030")
    for evil in ("sip:0900@192.0.2.5", "sip:%30900@192.0.2.5", "0900", "sip:0-9.00@192.0.2.5"):
        with pytest.raises(RequestError, match="allowed_destinations of carrier"):
            placed(evil, **keys)


def test_parameters_in_the_user_of_a_uri_hide_no_number() -> None:
    assert called_by(None, "sip:+19005551234;npdi=1@198.51.100.7") == "+19005551234"


def test_our_number_is_the_trunks_or_one_that_it_allows() -> None:
    keys: dict[str, Any] = {"allowed_caller_ids": ["0301*"], "number_out": {"0": "+49"}}
    out = placed(caller_id="03012", **keys)
    assert out.headers["From"] == "<sip:+493012@192.0.2.5>"
    assert (out.caller.number, out.from_uri) == ("03012", out.headers["From"])
    with pytest.raises(RequestError, match="allowed_caller_ids of carrier: 0302: no pattern"):
        placed(caller_id="0302", **keys)
    with pytest.raises(RequestError, match="there is none"):
        placed(caller_id="0302")
    with pytest.raises(RequestError, match="is no number"):
        placed(caller_id='1"@x', **keys)
    with pytest.raises(RequestError, match="needs a trunk"):
        placed(caller_id="0302", origin="")

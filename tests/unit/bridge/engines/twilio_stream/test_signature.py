"""The signature of requests, by what its makers have published and by their own validator."""

import pytest

from sipua.bridge.engines.twilio_stream.signature import signature

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+12349013030",
    "Digits": "1234",
    "From": "+12349013030",
    "To": "+18005551212",
}


@pytest.mark.parametrize(
    ("url", "form", "signed"),
    [
        (URL, CALL, "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
        (
            URL,
            {**CALL, "Caller": "+14158675309", "From": "+14158675309"},
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
        ("wss://example.com/stream", None, "KG4JbhDlv15BMlxSTOWKt9btbgg="),
    ],
    ids=["form", "other caller", "websocket"],
)
def test_known_signatures(url: str, form: dict[str, str] | None, signed: str) -> None:
    assert signature(TOKEN, url, form) == signed


def test_the_order_of_a_form_does_not_matter_and_all_its_values_do() -> None:
    turned = dict(reversed(CALL.items()))
    assert signature(TOKEN, URL, turned) == signature(TOKEN, URL, CALL)
    events = signature(TOKEN, URL, {**CALL, "Event": ["ringing", "answered"]})
    assert events == signature(TOKEN, URL, {**CALL, "Event": ["answered", "ringing", "ringing"]})
    assert events != signature(TOKEN, URL, {**CALL, "Event": "ringing"})

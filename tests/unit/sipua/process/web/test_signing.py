"""Against the specification's own example, and what makes no key."""

from __future__ import annotations

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from sipua.process.web.signing import Signer


def test_the_example_of_the_specification() -> None:
    # github.com/standard-webhooks/standard-webhooks, the test vectors of its libraries.
    signer = Signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signer.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "whsec_c2hvcnQ=", "geheim" * 20])
def test_no_keys(secret: str) -> None:
    with pytest.raises(ValueError, match=r"base64|bytes long") as caught:
        Signer(secret)
    assert not secret or secret not in str(caught.value)


def test_each_secret_signs_and_the_official_receiver_is_satisfied_by_either() -> None:
    old, new, other = ("whsec_" + letter * 32 for letter in "abc")
    body = b'{"type": "call.ended"}'
    headers = Signer(old, new).headers("m-1", int(time.time()), body)
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers) == {"type": "call.ended"}
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(body, headers)

"""Against the specification's own example, and what makes no key."""

from __future__ import annotations

import pytest

from sipua.tools.wire.signing import Signer


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

"""What an Identity header proves, and what it does not: judged with tokens of PyJWT."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.wire.verdict import FAILED, NOT_VALIDATED, PASSED, Claim, Verdict
from sipua.stir.certificate import Authorities, Signer
from sipua.stir.faults import IdentityError
from sipua.stir.passport import encoded, payload, read
from sipua.stir.sign import Vouching, load_key
from sipua.stir.verify import Outcome, Reading
from support.signalling import stir
from support.signalling.stir import (
    CALLED,
    CALLER,
    ORIGID,
    PROVIDER,
    URL,
    Identified,
    authority,
    number_range,
    one_number,
)

NOW = time.time()
ROOT = authority()
TRUSTED = Authorities(ROOT.pem)
SIGNER = ROOT.issue("Provider")
REQUIRED = Claim("require", "C", origs=(CALLER,), dests=(CALLED,))


@pytest.fixture(autouse=True)
def _signed_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stir, "now", lambda: NOW)


def signer_of(one: Identified, now: float = NOW) -> Signer | IdentityError:
    try:
        return TRUSTED.signer(one.pem, now)
    except IdentityError as error:
        return error


def outcome(
    *identities: str, claim: Claim = REQUIRED, now: float = NOW, **others: Identified
) -> Outcome:
    """`others`: signers by the end of their URLs."""
    reading = Reading(replace(claim, identities=identities), now, 60.0)
    known = {URL: signer_of(SIGNER, now)}
    known |= {f"https://x.example/{name}": signer_of(one, now) for name, one in others.items()}
    return reading.verdict({url: known[url] for url in reading.urls})


def by(one: Identified, claim: Claim = REQUIRED, **fields: Any) -> Outcome:
    return outcome(one.identity(url="https://x.example/one", **fields), claim=claim, one=one)


def test_signed_by_another_library() -> None:
    found = outcome(SIGNER.identity())
    assert found == Outcome(Verdict(PASSED, "A", ORIGID, by="edge"))


def test_ours_is_read_by_another_library() -> None:
    vouching = Vouching(load_key(SIGNER.key_pem), URL, ORIGID)
    identity = vouching.shaken(CALLER, (CALLED,), "B", int(NOW))
    token, _, parameters = identity.partition(";")
    claims = jwt.decode(token, SIGNER.key.public_key(), ["ES256"], options={"verify_iat": False})
    assert claims == {
        "attest": "B",
        "dest": {"tn": [CALLED]},
        "iat": int(NOW),
        "orig": {"tn": CALLER},
        "origid": ORIGID,
    }
    header = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": URL}
    assert jwt.get_unverified_header(token) == header
    assert parameters == f"info=<{URL}>;alg=ES256;ppt=shaken"
    assert outcome(identity).verdict == Verdict(PASSED, "B", ORIGID, by="edge")


def test_the_canonical_form_of_rfc_8225() -> None:
    """Its section 9 has this example."""
    text = encoded(payload("12155551212", ["sip:alice@example.com"], 1443208345))
    assert base64.urlsafe_b64decode(text + b"==") == (
        b'{"dest":{"uri":["sip:alice@example.com"]},"iat":1443208345,"orig":{"tn":"12155551212"}}'
    )


@pytest.mark.parametrize(
    ("identities", "status", "verstat", "cause"),
    [
        ((), 428, NOT_VALIDATED, "no Identity"),
        ((SIGNER.identity("12155550101"),), 438, FAILED, "another caller"),
        ((SIGNER.identity(dest="12155550198"),), 438, FAILED, "another number"),
        ((SIGNER.identity(iat=NOW - 61),), 403, FAILED, "too old"),
        ((SIGNER.identity(iat=NOW + 61),), 403, FAILED, "too old, or a clock"),
        ((SIGNER.identity(attest="D"),), 438, FAILED, "attests nothing"),
        ((SIGNER.identity(origid="x" * 65),), 438, FAILED, "origid"),
        ((SIGNER.identity(header={"typ": "JWT"}),), 438, FAILED, "not one signed"),
        ((SIGNER.identity(header={"crit": ["x"], "x": 1}),), 438, FAILED, "demands"),
        ((SIGNER.identity(header={"x5u": "https://other.example/"}),), 438, FAILED, "`info`"),
        ((SIGNER.identity(url="http://x.example/"),), 438, FAILED, "https"),
        ((SIGNER.identity(url="file:///etc/passwd"),), 438, FAILED, "https"),
        ((SIGNER.identity(ppt="rph"),), 428, NOT_VALIDATED, "no Identity"),
        ((SIGNER.identity(iat=NOW) + ";alg=HS256",), 438, FAILED, "two values"),
        ((SIGNER.identity().replace("ES256;ppt=shaken", "ES256;ppt=div"),), 438, FAILED, "`ppt`"),
        (("nonsense",), 438, FAILED, "no Identity header"),
        ((SIGNER.identity(dest=CALLED)[:-700],), 438, FAILED, ""),
    ],
)
def test_refused_without_a_certificate(
    identities: tuple[str, ...], status: int, verstat: str, cause: str
) -> None:
    reading = Reading(replace(REQUIRED, identities=identities), NOW, 60.0)
    assert reading.urls == ()
    found = reading.verdict({})
    assert (found.status, found.verdict.verstat) == (status, verstat), found
    assert cause in found.verdict.cause
    wanted = Reading(replace(REQUIRED, mode="verify", identities=identities), NOW, 60.0)
    assert wanted.verdict({}).status == 0


def test_alg_none_and_a_key_that_is_a_secret() -> None:
    """The two attacks on tokens that everybody tries."""
    claims = json.loads(_decoded(SIGNER.identity().split(".")[1]))
    header = {"typ": "passport", "x5u": URL, "ppt": "shaken"}
    none = jwt.encode(claims, None, "none", headers=header)
    secret = jwt.encode(claims, b"\x00" * 32, "HS256", headers=header)
    for token in (none + "AAAA", secret):
        assert outcome(f"{token};info=<{URL}>;ppt=shaken").status == 438


def test_another_signature() -> None:
    stolen = ROOT.issue("Thief")
    assert outcome(stolen.identity()).verdict.cause.startswith("its signature is not that")
    head, payload_, signature = SIGNER.identity().partition(";")[0].split(".")
    for changed in (signature[:-4], signature + "AAAA", "A" * len(signature)):
        assert outcome(f"{head}.{payload_}.{changed};info=<{URL}>").status == 438


def test_a_key_that_is_there_twice() -> None:
    text = (
        b'{"attest":"A","attest":"C","dest":{"tn":["%s"]},"iat":1,"orig":{"tn":"1"},"origid":"x"}'
    )
    doubled = base64.urlsafe_b64encode(text % CALLED.encode()).rstrip(b"=").decode()
    head, _, signature = SIGNER.identity().partition(";")[0].split(".")
    assert "twice" in outcome(f"{head}.{doubled}.{signature};info=<{URL}>").verdict.cause


def test_deep_json_and_long_numbers() -> None:
    head, _, signature = SIGNER.identity().partition(";")[0].split(".")
    for text in ("[" * 4400, '{"a":' * 800, '{"iat":' + "9" * 4400 + "}", '{"iat":NaN}', "\ud800"):
        data = base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).rstrip(b"=")
        assert outcome(f"{head}.{data.decode()}.{signature};info=<{URL}>").status == 438


@given(st.text(max_size=300), st.integers(0, 2**16))
def test_no_text_is_more_than_refused(text: str, place: int) -> None:
    value = SIGNER.identity(iat=NOW)
    at = place % len(value)
    for one in (text, value[:at] + text + value[at:], value[:at] + text):
        found = outcome(one)
        assert found.verdict.verstat in (PASSED, FAILED, NOT_VALIDATED)


# --- certificates -----------------------------------------------------------------------------


def test_a_chain_of_three() -> None:
    between = ROOT.issue("Between", None, ca=True, path_length=0)
    assert by(between.issue("Provider")).verdict.passed


CHAINS: list[tuple[Identified, str]] = [
    (authority("Foreign").issue("Provider"), "no authority"),
    (authority("STI Root").issue("Provider"), "no authority"),  # the same name, another key
    (ROOT.issue("Old", days=(-9, -1)), "expired"),
    (ROOT.issue("Not yet", days=(1, 9)), "not valid yet"),
    (ROOT.issue("P-384", curve=ec.SECP384R1()), "P-256"),
    (ROOT.issue("Host", None), "TNAuthList"),
    (ROOT.issue("Odd", b"\x30\x02\xa5\x00"), "TNAuthList"),
    (ROOT.issue("Cut", PROVIDER[:-1]), "TNAuthList"),
    (ROOT.issue("No CA").issue("Below"), "no authority"),
    (
        ROOT.issue("Between", None, ca=True, path_length=0)
        .issue("Too deep", None, ca=True)
        .issue("Provider"),
        "no authority",
    ),
    (
        ROOT.issue(
            "Constrained",
            extensions=(
                x509.NameConstraints(
                    permitted_subtrees=[x509.DNSName("x")], excluded_subtrees=None
                ),
            ),
        ),
        "critical",
    ),
    (ROOT.issue("Other", one_number("12155550101")), "not for the caller's number"),
    (ROOT.issue("Others", number_range("12155550101", 100)), "not for the caller's number"),
    (ROOT.issue("Longer", number_range("121555501", 9000)), "not for the caller's number"),
]


@pytest.mark.parametrize(
    ("one", "cause"), CHAINS, ids=[str(number) for number in range(len(CHAINS))]
)
def test_certificates_that_are_not_believed(one: Identified, cause: str) -> None:
    signs = SIGNER if cause == "P-256" else one  # PyJWT would not sign with such a key
    found = outcome(signs.identity(url="https://x.example/one"), one=one)
    assert (found.status, found.reason) == (437, "Unsupported Credential"), found
    assert cause in found.verdict.cause


@pytest.mark.parametrize("ppt", ["shaken", ""])
def test_a_certificate_that_is_for_no_numbers(ppt: str) -> None:
    found = by(ROOT.issue("Host", None), ppt=ppt)
    assert found.status == 437
    assert "TNAuthList" in found.verdict.cause


def test_numbers_that_a_certificate_is_for() -> None:
    assert by(ROOT.issue("One", one_number(CALLER))).verdict.passed
    assert by(ROOT.issue("Some", number_range("12155550001", 100))).verdict.passed


@pytest.mark.parametrize(
    "pem",
    [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n", SIGNER.pem * 7],
    ids=["empty", "cut", "many"],
)
def test_what_is_no_chain(pem: bytes) -> None:
    with pytest.raises(IdentityError):
        TRUSTED.signer(pem, NOW)


def test_a_certificate_that_expires_while_it_is_known() -> None:
    signer = signer_of(SIGNER)
    assert isinstance(signer, Signer)
    with pytest.raises(IdentityError):
        signer.check_time(NOW + 31 * 86400)


# --- more than one header ---------------------------------------------------------------------


def test_the_compact_form() -> None:
    """Its PASSporT is made again of the headers (RFC 8224 4.1)."""
    iat = int(NOW)
    claims = {"dest": {"tn": [CALLED]}, "iat": iat, "orig": {"tn": CALLER}}
    token = jwt.encode(
        claims, SIGNER.key, "ES256", {"typ": "passport", "x5u": URL}, sort_headers=True
    )
    signature = token.rpartition(".")[2]
    compact = f"..{signature};info=<{URL}>;alg=ES256"
    dated = replace(REQUIRED, date=formatdate(iat, usegmt=True))
    assert outcome(compact, claim=dated).verdict == Verdict(PASSED, by="edge")
    found = outcome(compact, claim=replace(dated, origs=("12155550101",)))
    assert found.status == 438
    assert outcome(compact).reason == "Stale Date"  # there is no Date
    assert outcome(f"{compact};ppt=shaken", claim=dated).status == 438


def test_of_several_one_is_enough() -> None:
    bad, good = SIGNER.identity("12155550101"), SIGNER.identity()
    assert outcome(bad, good, SIGNER.identity(ppt="rph")).verdict.passed
    base = SIGNER.identity(ppt="")
    assert outcome(base, good).verdict.attest == "A"  # SHAKEN says more
    assert outcome(base).verdict == Verdict(PASSED, by="edge")


def test_a_call_that_was_diverted() -> None:
    """RFC 8946: the caller has called another number, whose provider has sent the call on."""
    before = "12155550150"
    base = SIGNER.identity(dest=before)
    div = SIGNER.identity(ppt="div", div={"tn": before})
    assert outcome(base, div).verdict.passed
    assert outcome(base).status == 438
    assert outcome(div).status == 438
    elsewhere = SIGNER.identity(dest="12155550198", ppt="div", div={"tn": before})
    assert outcome(base, elsewhere).status == 438
    of_another = SIGNER.identity(orig="12155550101", ppt="div", div={"tn": before})
    assert outcome(base, of_another).status == 438
    diverter = ROOT.issue("Diverter", one_number(before))
    by_diverter = diverter.identity(ppt="div", div={"tn": before}, url="https://x.example/div")
    assert outcome(base, by_diverter, div=diverter).verdict.passed
    wrong = ROOT.issue("Wrong", one_number("12155550151"))
    by_wrong = wrong.identity(ppt="div", div={"tn": before}, url="https://x.example/div")
    assert outcome(base, by_wrong, div=wrong).status == 437
    round_about = SIGNER.identity(dest=before, ppt="div", div={"tn": before})
    assert outcome(base, round_about, round_about).status == 438


# --- policies ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("least", "status"), [("A", 403), ("B", 0), ("C", 0)])
def test_what_must_be_attested(least: Any, status: int) -> None:
    found = outcome(SIGNER.identity(attest="B"), claim=replace(REQUIRED, least=least))
    assert found.status == status
    plain = outcome(SIGNER.identity(ppt=""), claim=replace(REQUIRED, least="C"))
    assert (plain.status, plain.reason) == (403, "Attestation Too Low")


def test_what_the_trunk_has_found_counts_without_a_header() -> None:
    told = Verdict(PASSED, "B", by="trunk")
    claim = replace(REQUIRED, told=told)
    assert outcome(claim=claim) == Outcome(told)
    assert outcome(claim=replace(claim, least="A")).status == 403
    assert outcome(SIGNER.identity("12155550101"), claim=claim).status == 438
    failed = replace(claim, told=Verdict(FAILED, by="trunk"))
    assert outcome(claim=failed).status == 403
    assert outcome(claim=replace(failed, mode="verify")) == Outcome(failed.told)


def test_what_cannot_be_read_says_so() -> None:
    found = outcome(claim=replace(REQUIRED, fault="has more than 4 Identity headers"))
    assert (found.status, found.verdict.cause) == (438, "has more than 4 Identity headers")


def test_parties_that_are_addresses() -> None:
    claims = {"orig": {"uri": "sip:Alice@Example.com"}, "dest": {"uri": ["sip:bob@edge"]}}
    one = SIGNER.identity(ppt="", **claims)
    asked = replace(REQUIRED, origs=("sip:alice@example.com",), dests=("sip:bob@edge",))
    found = outcome(one, claim=asked)  # it is understood, but certificates are for numbers alone
    assert (found.status, found.verdict.verstat) == (437, FAILED)
    assert "not for the caller's number" in found.verdict.cause
    to_one = SIGNER.identity(ppt="", dest={"uri": ["sip:bob@edge"]})
    assert outcome(to_one, claim=replace(asked, origs=(CALLER,))).verdict.passed
    passport = read(SIGNER.identity("+1 (215) 555-0100"))
    assert passport is not None
    assert getattr(passport, "orig", "") == CALLER


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

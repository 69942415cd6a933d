"""Which SIP message belongs to which call, what is kept of it, and for how long."""

from __future__ import annotations

import sys

import pytest

from sipua.control.view import ladders
from sipua.control.view.ladders import MOST_MESSAGES, Ladders, SeenSip
from sipua.sip.messages import SipMessage

PEER = "UDP 192.0.2.1:5060"
SOURCE = "192.0.2.1:5060"


def message(
    first: str,
    *,
    of: str = "x@y",
    tags: tuple[str, str] = ("caller", ""),
    cseq: str = "1 INVITE",
    more: str = "",
    received: bool = True,
    peer: str = PEER,
    at_s: float = 0.0,
) -> SeenSip:
    from_tag, to_tag = (f";tag={tag}" if tag else "" for tag in tags)
    text = (
        f"{first}\r\nFrom: <sip:100@pbx>{from_tag}\r\nTo: <sip:agent@edge>{to_tag}\r\n"
        f"Call-ID: {of}\r\nCSeq: {cseq}\r\n{more}Content-Length: 0\r\n\r\n"
    )
    return SeenSip(at_s, SipMessage("received" if received else "sent", peer, text))


INVITE = message("INVITE sip:agent@edge SIP/2.0")
OK = message("SIP/2.0 200 OK", tags=("caller", "ours"), received=False)
THEIR_BYE = message("BYE sip:sipua@edge SIP/2.0", tags=("caller", "ours"), cseq="2 BYE")
OUR_BYE = message("BYE sip:100@pbx SIP/2.0", tags=("ours", "caller"), cseq="9 BYE", received=False)


def first_lines(kept: Ladders, call_id: str = "c-1") -> list[str]:
    ladder = kept.get(call_id)
    return [rung.first_line.split()[0] for rung in ladder.rungs] if ladder else []


def test_all_of_a_dialog_in_both_directions() -> None:
    kept = Ladders()
    kept.take(INVITE)
    kept.begin("c-1", "x@y", SOURCE)
    for one in (OK, OUR_BYE):
        kept.take(one)
    kept.end("c-1")
    kept.take(message("SIP/2.0 200 OK", tags=("ours", "caller"), cseq="9 BYE"))
    assert first_lines(kept) == ["INVITE", "SIP/2.0", "BYE", "SIP/2.0"]
    ladder = kept.get("c-1")
    assert ladder is not None
    assert [rung.sent for rung in ladder.rungs] == [False, True, True, False]
    assert ladder.rungs[1].cseq == "1 INVITE"
    assert ladder.rungs[0].peer == PEER


def test_two_calls_with_the_same_call_id_are_told_apart() -> None:
    kept = Ladders()
    other = message("INVITE sip:agent@edge SIP/2.0", tags=("evil", ""), peer="UDP 192.0.2.66:5060")
    kept.take(INVITE)
    kept.take(other)
    kept.begin("c-1", "x@y", SOURCE)
    kept.begin("c-2", "x@y", "192.0.2.66:5060")
    kept.take(THEIR_BYE)
    kept.take(message("BYE sip:x@edge SIP/2.0", tags=("evil", "other"), cseq="2 BYE"))
    kept.take(message("BYE sip:x@edge SIP/2.0", tags=("a third", "one"), cseq="2 BYE"))
    assert first_lines(kept, "c-1") == first_lines(kept, "c-2") == ["INVITE", "BYE"]


def test_a_call_that_we_place_is_challenged_and_begins_again() -> None:
    kept = Ladders()
    for of, tag in (("one", "a"), ("two", "b")):
        kept.take(message("INVITE sip:x@pbx SIP/2.0", of=of, tags=(tag, ""), received=False))
        kept.begin("c-1", of)
    kept.take(message("SIP/2.0 401 Unauthorized", of="one", tags=("a", "their")))
    kept.take(message("SIP/2.0 200 OK", of="two", tags=("b", "their")))
    assert first_lines(kept) == ["INVITE", "INVITE", "SIP/2.0", "SIP/2.0"]


def test_a_flood_of_what_is_no_call_takes_nothing_from_calls() -> None:
    kept = Ladders()
    kept.take(INVITE)
    kept.begin("c-1", "x@y", SOURCE)
    for number in range(5000):
        kept.take(message("INVITE sip:agent@edge SIP/2.0", of=f"flood-{number}"))
    kept.take(THEIR_BYE)
    assert first_lines(kept) == ["INVITE", "BYE"]
    assert len(kept._waiting) == ladders._WAITING
    kept.take(message("OPTIONS sip:edge SIP/2.0", of="later", cseq="1 OPTIONS", at_s=60.0))
    assert len(kept._waiting) == 1, "what nobody has claimed is gone after some seconds"


def test_secrets_and_control_characters_are_not_kept() -> None:
    kept = Ladders()
    secret = 'Authorization: Digest username="100", response="0123456789abcdef"\r\n'
    kept.take(message("INVITE sip:agent@edge SIP/2.0", more=f"{secret}X-Odd: \x1b[2J\r\n"))
    kept.begin("c-1", "x@y", SOURCE)
    ladder = kept.get("c-1")
    assert ladder is not None
    (rung,) = ladder.rungs
    assert "0123456789abcdef" not in rung.text
    assert 'response="****************"' in rung.text
    assert "\x1b" not in rung.text
    assert "\r" not in rung.text


def test_the_first_of_many_messages_go_and_are_counted() -> None:
    kept = Ladders()
    kept.take(INVITE)
    kept.begin("c-1", "x@y", SOURCE)
    for number in range(MOST_MESSAGES + 9):
        kept.take(
            message("INFO sip:x@edge SIP/2.0", tags=("caller", "ours"), cseq=f"{number} INFO")
        )
    ladder = kept.get("c-1")
    assert ladder is not None
    assert (len(ladder.rungs), ladder.missed) == (MOST_MESSAGES, 10)
    assert ladder.bytes == sum(rung.bytes for rung in ladder.rungs)


@pytest.mark.parametrize("char", ["x", "\N{PILE OF POO}"])
@pytest.mark.parametrize("ends", [False, True])
def test_all_calls_together_have_a_bound_in_memory(ends: bool, char: str) -> None:
    kept = Ladders(most_bytes=50_000)
    body = "X-Long: " + char * 5000 + "\r\n"
    for number in range(30):
        of, call_id = f"{number}@y", f"c-{number}"
        kept.take(message("INVITE sip:agent@edge SIP/2.0", of=of, more=body))
        kept.begin(call_id, of, SOURCE)
        if ends:
            kept.end(call_id)
    calls = [ladder for number in range(30) if (ladder := kept.get(f"c-{number}"))]
    assert sum(ladder.bytes for ladder in calls) == kept._bytes <= 50_000
    texts = [rung.text for ladder in calls for rung in ladder.rungs]
    assert len(texts) == (9 if char == "x" else 2)
    assert sum(map(sys.getsizeof, texts)) <= 50_000
    assert bool(kept._up) != ends


def test_what_waits_for_its_call_has_a_bound_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladders, "_WAITING_BYTES", 100_000)
    kept = Ladders()
    for number in range(30):
        more = "X-Long: " + "\N{PILE OF POO}" * 5000 + "\r\n"
        kept.take(message("INVITE sip:agent@edge SIP/2.0", of=f"{number}@y", more=more))
    assert len(kept._waiting) == 4
    kept.begin("c-1", "29@y", SOURCE)
    assert first_lines(kept) == ["INVITE"]
    assert kept._waiting_bytes == sum(one.bytes for one in kept._waiting)


def test_the_last_calls_that_have_ended_are_kept() -> None:
    kept = Ladders(ended_kept=2)
    for number in range(4):
        kept.take(message("INVITE sip:agent@edge SIP/2.0", of=f"{number}@y"))
        kept.begin(f"c-{number}", f"{number}@y", SOURCE)
        kept.end(f"c-{number}")
    assert [number for number in range(4) if kept.get(f"c-{number}")] == [2, 3]
    assert len(kept._of) == len(kept._dialogs) == 2
    kept.begin("c-9", "nothing was seen of it", SOURCE)
    assert kept.get("c-9") is None


def test_a_call_whose_end_was_lost_is_kept_no_longer_than_others() -> None:
    kept = Ladders(ended_kept=1)
    for number in range(4):
        of = f"{number}@y"
        kept.take(message("INVITE sip:agent@edge SIP/2.0", of=of))
        kept.begin(f"c-{number}", of, SOURCE)
    kept.keep_only(["c-3"])
    assert [number for number in range(4) if kept.get(f"c-{number}")] == [2, 3]

"""Beside the RFC's: numbers beyond their size, and messages that can be read in two ways."""

from __future__ import annotations

from support.signalling.torture.draft import DROPPED, Draft, Torture


def _far_cseq(draft: Draft) -> None:
    draft.invite()
    draft.lines["CSeq"] = f"CSeq: {2**32 + 1} INVITE"


def _version_7(draft: Draft) -> None:
    draft.invite()
    draft.version = "SIP/7.0"


def _nul_in_a_field(draft: Draft) -> None:
    draft.invite()
    draft.lines["Subject"] = "Subject: a\0b"


def _nuls_alone(draft: Draft) -> None:
    draft.first_line, draft.lines = "\0" * 200, {}


def _negative_length(draft: Draft) -> None:
    draft.invite()
    draft.lines["Content-Length"] = "Content-Length: -1"


def _line_ends_alone(draft: Draft) -> None:
    draft.first_line = "\r\n" * 40


def _length_beyond(draft: Draft) -> None:
    draft.invite()
    draft.lines["Content-Length"] = f"Content-Length: {len(draft.body) + 200}"


def _other_method(draft: Draft) -> None:
    draft.invite()
    draft.lines["CSeq"] = "CSeq: 1 OPTIONS"


def _last_hop(draft: Draft) -> None:
    draft.invite()
    draft.lines["Max-Forwards"] = "Max-Forwards: 0"


def _two_lengths(draft: Draft) -> None:
    draft.invite()
    right = len(draft.body)
    draft.lines["Content-Length"] = f"Content-Length: {right}\r\nl: {right - 20}"


def _two_callers(draft: Draft) -> None:
    draft.invite()
    draft.lines["X"] = f"f: <sip:somebody.else@{draft.me}>;tag=else"


S2 = tuple(
    Torture(write.__name__.strip("_"), "", frozenset(answers), write)
    for write, answers in (
        (_far_cseq, (400, DROPPED)),
        (_version_7, (400, 505, DROPPED)),
        (_nul_in_a_field, (400, DROPPED)),
        (_nuls_alone, (DROPPED,)),
        (_negative_length, (400, DROPPED)),
        (_line_ends_alone, (200, 400, DROPPED)),  # empty lines before a request say nothing
    )
)
S3 = tuple(
    Torture(write.__name__.strip("_"), "", frozenset(answers), write)
    for write, answers in (
        (_other_method, (400,)),
        (_last_hop, (483,)),
        (_two_lengths, (400, DROPPED)),
        (_two_callers, (400,)),
    )
)
LENGTH_BEYOND = Torture("length_beyond", "", frozenset({400}), _length_beyond)
"""On TCP that is a message whose end has not come yet."""

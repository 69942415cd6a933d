"""Documents that come by REST, or are named there: what is wrong with them is said at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sipua.calls.steer.commands import RunDocuments
from sipua.config.change.in_force import InForce
from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Token
from sipua.control.twilio.dialect import NumberedProblemError
from sipua.control.twilio.models import CreateCall, UpdateCall
from sipua.twilio import configured
from sipua.twilio.rest import errors
from sipua.twilio.rest.complete import unresolved
from sipua.twilio.twiml import verbs
from sipua.twilio.twiml.parse import TwimlError, parse_document
from sipua.twilio.twiml.verbs import Document
from sipua.twilio.urls import resolved

_NO_TARGET: Final = (
    "it is no name of tools.transfer.targets, and neither among twilio.may_call nor the token's "
    "place.prefixes"
)


@dataclass(frozen=True, slots=True)
class DocumentOrder:
    order: RunDocuments
    ends: bool
    """It ends the call, and does nothing else."""


class DocumentOrders:
    def __init__(self, in_force: InForce) -> None:
        self._in_force = in_force

    def of(self, asked: UpdateCall | CreateCall, token: Token | None) -> DocumentOrder | None:
        """None: it has none. Raises ProblemError."""
        may_call = tuple(token.placing.prefixes) if token and token.placing else ()
        if asked.twiml:
            if not asked.twiml.strip():
                raise ProblemError(Kind.INVALID, "Twiml is blank")
            document = _parsed(asked.twiml)
            self._check(document, may_call)
            return DocumentOrder(RunDocuments(text=asked.twiml, may_call=may_call), _ends(document))
        if not asked.url:
            return None
        url = self._url("Url", asked.url)
        fallback = self._url("FallbackUrl", asked.fallback_url) if asked.fallback_url else ""
        return DocumentOrder(RunDocuments(url, asked.method, fallback, may_call=may_call), False)

    def _url(self, name: str, text: str) -> str:
        url = resolved("", text)
        if url is None or not configured.reach(self._in_force.config).has(url):
            words = f"{name} is no URL, or its host is none of `twilio.hosts`"
            raise NumberedProblemError(Kind.INVALID, words, code=errors.BAD_URL)
        return url

    def _check(self, document: Document, may_call: tuple[str, ...]) -> None:
        if document.unread_first:
            raise ProblemError(Kind.INVALID, f"<{document.unread_first}> is not possible here")
        if (wrong := unresolved(document)) is not None:
            words = f"{wrong} has no complete URL: a document without a URL of its own needs that"
            raise ProblemError(Kind.INVALID, words)
        if any(isinstance(verb, verbs.Dial) and not verb.targets for verb in document.verbs):
            words = "this <Dial> is not possible: it has neither a number nor a <Number> or <Sip>"
            raise ProblemError(Kind.INVALID, words)
        config = self._in_force.config
        names = config.tools.transfer.names
        allowed = (*config.twilio.may_call, *may_call)
        for target in _targets(document):
            if not configured.may_be_called(names, allowed, target):
                raise ProblemError(Kind.NOT_ALLOWED_TO_CALL, _NO_TARGET)
        queues = {queue.name for queue in config.queues}
        for verb in document.verbs:
            if isinstance(verb, verbs.Enqueue) and verb.name not in queues:
                raise ProblemError(Kind.INVALID, f"Enqueue: there is no queue {verb.name[:64]}")


def _parsed(twiml: str) -> Document:
    try:
        return parse_document(twiml.encode())
    except TwimlError as error:
        raise NumberedProblemError(Kind.INVALID, str(error), code=errors.BAD_TWIML) from None


def _ends(document: Document) -> bool:
    first = next(iter(document.verbs), None)
    return first is None or isinstance(first, verbs.Hangup | verbs.Reject)


def _targets(document: Document) -> Iterator[str]:
    for verb in document.verbs:
        match verb:
            case verbs.Dial(targets=targets):
                for one in targets:
                    yield one.number if isinstance(one, verbs.Number) else one.uri
            case verbs.Refer(uri):
                yield uri

"""Whether a document that comes without a URL of its own can be carried out. Pure.

Nothing in it may go on from that URL.
"""

from __future__ import annotations

from sipua.twilio.twiml import verbs
from sipua.twilio.twiml.verbs import Document, Verb
from sipua.twilio.urls import SOCKET, WEB, resolved


def unresolved(document: Document) -> str | None:
    """The name of the first verb with a URL that is not complete; None: there is none."""
    for verb in document.verbs:
        for url, schemes in _urls(verb):
            if resolved("", url, schemes) is None:
                return type(verb).__name__
    return None


def _urls(verb: Verb) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    action = getattr(verb, "action", None)
    if action is not None:
        found.append((action.url, WEB))
    match verb:
        case verbs.Redirect(to):
            found.append((to.url, WEB))
        case verbs.Play(url=url) if url:
            found.append((url, WEB))
        case verbs.Gather(prompts=prompts):
            found += [one for prompt in prompts for one in _urls(prompt)]
        case verbs.Connect(stream):
            found.append((stream.url, SOCKET))
            if stream.status_callback is not None:
                found.append((stream.status_callback.url, WEB))
    return found

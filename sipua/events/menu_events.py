"""The events of menus, and of documents that lead calls."""

from __future__ import annotations

from sipua.events.event import Event


class MenuEntered(Event, tag="menu.entered"):
    """The caller hears a menu."""

    menu: str


class MenuKey(Event, tag="menu.key"):
    """A key in a menu; `?`: keys are masked, and this one is no choice of the menu."""

    menu: str
    digit: str
    valid: bool


class MenuLeft(Event, tag="menu.left"):
    """The menu is over: `by` a key, no input, wrong keys, a transfer that failed, or with the call
    (`ended`)."""

    menu: str
    by: str
    key: str | None = None
    to: str | None = None
    """`agent ROUTE`, `menu NAME`, `transfer TARGET` or `hang_up`."""


class DocumentsBegan(Event, tag="documents.began"):
    """Documents lead the call from now on; an agent that had it has left."""

    host: str | None = None
    """That is asked for the first one; missing: it came by REST."""


class DocumentsEnded(Event, tag="documents.ended"):
    """They do not any more: they are at their `end`; there was `no_document`; somebody else has the
    call (`left`), or leads it (`replaced`); the call has `ended`."""

    by: str

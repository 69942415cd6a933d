"""Events of webhooks: a receiver that does not take them, and what becomes of what is for it."""

from __future__ import annotations

from sipua.events.event import Event


class WebhookFailing(Event, tag="webhook.failing"):
    """Three attempts in a row have failed. Told to the other webhooks, not to itself."""

    LEVEL = "warning"
    webhook: str
    cause: str
    attempts: int
    """Of the last event that it was tried with."""
    waiting: int
    fix: str


class WebhookRecovered(Event, tag="webhook.recovered"):
    """It has taken an event again."""

    webhook: str
    down_s: float
    waiting: int


class WebhookDisabled(Event, tag="webhook.disabled"):
    """It has answered 410: nothing is sent to it any more."""

    LEVEL = "error"
    webhook: str
    cause: str
    fix: str


class WebhookDeadLetter(Event, tag="webhook.dead_letter"):
    """Events that were tried to the end of the schedule, and are kept to be sent again."""

    LEVEL = "error"
    webhook: str
    count: int
    """Since the last one of these, of which there is one a minute."""
    cause: str
    fix: str


class WebhookDropped(Event, tag="webhook.dropped"):
    """Events that are lost for it: there is no room for them."""

    LEVEL = "error"
    webhook: str
    count: int
    cause: str
    fix: str

"""Campaigns: made, filled with contacts, begun, paused, stopped, reported.

Who may place calls may have a campaign, within the same bounds: its token's `place`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from sipua.campaigns.rules.contacts import ContactError, Given, NewContact, judged, moment_s
from sipua.campaigns.rules.settings import Campaign, CampaignSettings, State
from sipua.campaigns.store import reading
from sipua.config.change.in_force import InForce
from sipua.config.values import calling_hours
from sipua.config.values.hours import HoursError
from sipua.config.values.zones import find_zone
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import FieldError, Kind, ProblemError
from sipua.control.http.tokens import Placing, Right
from sipua.control.outbound import models
from sipua.control.outbound.do_not_call import on_disk
from sipua.edge.wiring import outbound
from sipua.sip.parties.whom import may_call

_ACTS: Final[tuple[tuple[str, State, str], ...]] = (
    ("start", "running", "Begin to call, or go on after a pause."),
    ("pause", "paused", "Begin no more calls; those that are up go on."),
    ("stop", "stopped", "Begin no more calls, for good."),
)
_WRONG: Final = (Kind.WRONG_STATE, Kind.STORAGE)


class CampaignsResource:
    def __init__(self, in_force: InForce) -> None:
        self._in_force = in_force
        self._directory = outbound.directory(in_force.config)

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/campaigns",
                "list_campaigns",
                "The campaigns, each with its report.",
                self._list,
                Right.READONLY,
                {200: models.CampaignList},
                problems=(Kind.STORAGE,),
            ),
            Endpoint(
                "POST",
                "/v1/campaigns",
                "create_campaign",
                "Make a campaign; it calls nobody before it is started.",
                self._create,
                Right.OPERATOR,
                {201: models.Campaign},
                body=models.CampaignOrder,
                problems=(Kind.NOT_ALLOWED_TO_CALL, Kind.NOT_FOUND, *_WRONG),
            ),
            Endpoint(
                "GET",
                "/v1/campaigns/{name}",
                "show_campaign",
                "One campaign, with its report.",
                self._show,
                Right.READONLY,
                {200: models.Campaign},
                problems=(Kind.STORAGE,),
            ),
            Endpoint(
                "DELETE",
                "/v1/campaigns/{name}",
                "delete_campaign",
                "Forget a campaign that is stopped or finished, and its contacts.",
                self._delete,
                Right.ADMIN,
                {204: None},
                problems=_WRONG,
            ),
            Endpoint(
                "GET",
                "/v1/campaigns/{name}/report",
                "report_campaign",
                "What has become of its contacts: all of them, of one moment.",
                self._report,
                Right.READONLY,
                {200: models.Report},
                problems=(Kind.STORAGE,),
            ),
            Endpoint(
                "GET",
                "/v1/campaigns/{name}/contacts",
                "list_contacts",
                "Its contacts, with whole numbers.",
                self._contacts,
                Right.OPERATOR,
                {200: models.ContactList},
                query=models.ContactsQuery,
                problems=(Kind.STORAGE,),
            ),
            Endpoint(
                "POST",
                "/v1/campaigns/{name}/contacts",
                "add_contacts",
                "Add contacts; with a fault in one of them none is added.",
                self._add,
                Right.OPERATOR,
                {200: models.Added},
                body=models.ContactsOrder,
                problems=(Kind.NOT_ALLOWED_TO_CALL, *_WRONG),
            ),
            *(self._act(*one) for one in _ACTS),
        )

    def _act(self, act: str, state: State, summary: str) -> Endpoint:
        return Endpoint(
            "POST",
            f"/v1/campaigns/{{name}}/{act}",
            f"{act}_campaign",
            summary,
            partial(self._change, state),
            Right.OPERATOR,
            {200: models.Campaign},
            problems=(Kind.NOT_ALLOWED_TO_CALL, *_WRONG) if act == "start" else _WRONG,
        )

    async def _list(self, _asked: Asked) -> Answer:
        directory = self._directory
        found = await on_disk(
            lambda: [(one, reading.report(directory, one)) for one in reading.every(directory)]
        )
        campaigns = [_campaign(one, report) for one, report in found]
        return Answer(models.CampaignList(campaigns=campaigns))

    async def _show(self, asked: Asked) -> Answer:
        return await self._answer(await self._named(asked))

    async def _report(self, asked: Asked) -> Answer:
        campaign = await self._named(asked)
        report = await on_disk(lambda: reading.report(self._directory, campaign))
        return Answer(_report(report))

    async def _create(self, asked: Asked) -> Answer:
        order: models.CampaignOrder = asked.body
        placing = _placing(asked)
        _check_bounds(order, placing)
        self._check(order)
        now_s = time.time()
        try:
            campaign = await on_disk(
                lambda: reading.create(
                    self._directory, order.name, _settings(order), asked.by, now_s
                )
            )
        except reading.TakenError:
            raise ProblemError(Kind.WRONG_STATE, "there is one of this name") from None
        except reading.FullError as error:
            raise ProblemError(Kind.WRONG_STATE, str(error)) from None
        location = {"Location": f"/v1/campaigns/{campaign.name}"}
        return Answer(_campaign(campaign, reading.Report()), 201, location)

    def _check(self, order: models.CampaignOrder) -> None:
        """Raises ProblemError."""
        config, faults = self._in_force.config, list[FieldError]()
        trunks = [one.name for one in config.trunks if one.every_server]
        if order.origin not in (*trunks, *(one.name for one in config.accounts)):
            words = "there is no trunk or account of this name that can call"
            raise ProblemError(Kind.NOT_FOUND, f"origin: {words}")
        if order.route and order.route not in [route.name for route in config.routes]:
            raise ProblemError(Kind.NOT_FOUND, "route: there is none of this name")
        if order.timezone and find_zone(order.timezone) is None:
            raise ProblemError(Kind.NOT_FOUND, "timezone: there is no such time zone")
        for at, text in enumerate(order.hours):
            try:
                calling_hours.parse(text)
            except HoursError as error:
                detail = f"{error.what}: {error.fix}"
                faults.append(FieldError(pointer=f"/hours/{at}", detail=detail))
        if faults:
            raise ProblemError(Kind.INVALID, errors=faults)

    async def _contacts(self, asked: Asked) -> Answer:
        campaign, query = await self._named(asked), asked.query
        found = await on_disk(
            lambda: reading.contacts(
                self._directory,
                campaign,
                state=query.state,
                after=query.after,
                limit=query.limit + 1,
            )
        )
        page = found[: query.limit]
        return Answer(
            models.ContactList(
                contacts=[_contact(one) for one in page],
                next=str(page[-1].id) if len(found) > len(page) else None,
            )
        )

    async def _add(self, asked: Asked) -> Answer:
        placing, campaign = _placing(asked), await self._named(asked)
        order: models.ContactsOrder = asked.body
        contacts = await on_disk(lambda: self._judged(order, campaign, placing))
        try:
            added = await on_disk(lambda: reading.add(self._directory, campaign, contacts))
        except (reading.WrongStateError, reading.FullError) as error:
            raise ProblemError(Kind.WRONG_STATE, str(error)) from None
        return Answer(models.Added(added=added, known=len(contacts) - added))

    def _judged(
        self, order: models.ContactsOrder, campaign: Campaign, placing: Placing
    ) -> list[NewContact]:
        """On a thread: the tables of numbers are large. Raises ProblemError."""
        policy = outbound.policy(self._in_force.config)
        contacts, faults = [], []
        for at, one in enumerate(order.contacts):
            try:
                contact = judged(Given(**one.model_dump()), campaign.settings, policy)
            except ContactError as error:
                faults.append(FieldError(pointer=f"/contacts/{at}", detail=str(error)))
                continue
            if not may_call(contact.number, placing.prefixes):
                detail = f"{contact.number} is not among the token's place.prefixes"
                faults.append(FieldError(pointer=f"/contacts/{at}", detail=detail))
            contacts.append(contact)
        if faults:
            raise ProblemError(Kind.INVALID, "nothing was added", faults)
        return contacts

    async def _change(self, state: State, asked: Asked) -> Answer:
        if state == "running":
            placing = _placing(asked)
            campaign = await self._named(asked)
            _check_bounds(campaign.settings, placing)
        name, now_s = asked.path["name"], time.time()
        try:
            found = await on_disk(
                lambda: reading.change(self._directory, name, state, asked.by, now_s)
            )
        except reading.WrongStateError as error:
            raise ProblemError(Kind.WRONG_STATE, str(error)) from None
        if found is None:
            raise ProblemError(Kind.NOT_FOUND, "there is no such campaign")
        return await self._answer(found)

    async def _delete(self, asked: Asked) -> Answer:
        name = asked.path["name"]
        try:
            done = await on_disk(lambda: reading.delete(self._directory, name))
        except reading.WrongStateError as error:
            raise ProblemError(Kind.WRONG_STATE, str(error)) from None
        if not done:
            raise ProblemError(Kind.NOT_FOUND, "there is no such campaign")
        return Answer(None, 204)

    async def _named(self, asked: Asked) -> Campaign:
        """Raises ProblemError."""
        found = await on_disk(lambda: reading.named(self._directory, asked.path["name"]))
        if found is None:
            raise ProblemError(Kind.NOT_FOUND, "there is no such campaign")
        return found

    async def _answer(self, campaign: Campaign) -> Answer:
        report = await on_disk(lambda: reading.report(self._directory, campaign))
        return Answer(_campaign(campaign, report))


def _placing(asked: Asked) -> Placing:
    """Raises ProblemError."""
    if asked.token is None or asked.token.placing is None:
        raise ProblemError(Kind.NOT_ALLOWED_TO_CALL, "this token may place no calls")
    return asked.token.placing


def _check_bounds(order: models.CampaignOrder | CampaignSettings, placing: Placing) -> None:
    """Raises ProblemError."""
    if order.max_calls > placing.max_calls:
        words = f"this token may have {placing.max_calls} calls at once"
        raise ProblemError(Kind.NOT_ALLOWED_TO_CALL, f"max_calls: {words}")
    if order.calls_per_second * 60 > placing.per_minute:
        words = f"this token may place {placing.per_minute} calls a minute"
        raise ProblemError(Kind.NOT_ALLOWED_TO_CALL, f"calls_per_second: {words}")


def _settings(order: models.CampaignOrder) -> CampaignSettings:
    return CampaignSettings(
        origin=order.origin,
        route=order.route,
        caller_id=order.caller_id,
        timezone=order.timezone,
        hours=tuple(order.hours),
        max_calls=order.max_calls,
        calls_per_second=order.calls_per_second,
        ring_timeout_s=order.ring_timeout_s,
        max_duration_s=order.max_duration_s,
        answering=order.answering,
        on_voicemail=order.on_voicemail,
        max_attempts=order.max_attempts,
        retry_s={name: tuple(delays) for name, delays in order.retry_s.items()},
        breaker_window=order.breaker.window,
        breaker_share=order.breaker.share,
        require_consent=order.require_consent,
        call_unknown=order.call_unknown,
        not_before_s=moment_s(order.not_before),
    )


def _campaign(one: Campaign, report: reading.Report) -> models.Campaign:
    settings = one.settings
    return models.Campaign(
        name=one.name,
        state=one.state,
        since=_moment(one.state_s),
        by=one.by,
        cause=one.cause or None,
        created=_moment(one.created_s),
        origin=settings.origin,
        route=settings.route,
        caller_id=settings.caller_id,
        timezone=settings.timezone,
        hours=list(settings.hours),
        max_calls=settings.max_calls,
        calls_per_second=settings.calls_per_second,
        ring_timeout_s=settings.ring_timeout_s,
        max_duration_s=settings.max_duration_s,
        answering=settings.answering,
        on_voicemail=settings.on_voicemail,
        max_attempts=settings.max_attempts,
        retry_s={name: list(delays) for name, delays in settings.retry_s.items()},
        breaker=models.Breaker(window=settings.breaker_window, share=settings.breaker_share),
        require_consent=settings.require_consent,
        call_unknown=settings.call_unknown,
        not_before=_moment(settings.not_before_s) if settings.not_before_s else None,
        report=_report(report),
    )


def _report(found: reading.Report) -> models.Report:
    return models.Report(
        contacts=found.contacts,
        waiting=found.waiting,
        calling=found.calling,
        done=models.Done(**found.done),
        blocked=found.blocked,
        attempts=models.Attempts(**found.attempts),
        answered_live=found.answered_live,
        abandoned=found.abandoned,
        talk_s=round(found.talk_s, 1),
        first_attempt=None if found.first_s is None else _moment(found.first_s),
        last_attempt=None if found.last_s is None else _moment(found.last_s),
    )


def _contact(one: reading.Contact) -> models.Contact:
    return models.Contact.model_validate(
        {
            "id": one.id,
            "number": one.number,
            "timezones": one.zones.split(),
            "consent": one.consent,
            "priority": one.priority,
            "values": one.values,
            "state": one.state,
            "outcome": one.outcome or None,
            "rule": one.rule or None,
            "attempts": one.attempts,
            "due": _moment(one.due_s) if one.due_s else None,
        }
    )


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)

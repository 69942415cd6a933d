"""All accounts of the library: opened, changed while calls are up, and closed. pjsua2 thread only.

    open ──set, and it is not there, or another one──▶ leaving: unregistered, for its calls alone
                                                          └─ unregistered, no call: pjsip forgets it

pjsip frees an account's texts with it, also where a call still uses them: so one that has to go
stays until its last call is over. An account that has changed goes, and another one comes under its
name: once its registrar has taken it back, as both have the same contact there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import pjsua2 as pj

from sipua.sip.messages import Refresh, SetAccounts
from sipua.sip.pj.account import SILENT_AFTER_S, PjAccount
from sipua.sip.pj.call import PjCall
from sipua.sip.settings import AccountSettings
from sipua.sip.trunks.registrars import Standing, Step, steps

LOCAL_ACCOUNT = "local"
"""For calls of peers that have none."""
MOST_FACES = 8
"""Accounts beside it that differ in our Contact: pjsip has one for each account, and keeps each
text that it was ever given."""
GONE_AFTER_S = 33.0
"""By then pjsip has given up a request without an answer (RFC 3261 timer F)."""


class Accounts:
    def __init__(
        self,
        make: Callable[[AccountSettings], PjAccount],
        fault: Callable[[str, BaseException], None],
    ) -> None:
        self._make = make
        self._fault = fault
        self._open: dict[str, PjAccount] = {}
        self._leaving: list[tuple[PjAccount, float]] = []
        """With the time when they began to."""
        self._to_open: dict[str, AccountSettings] = {}
        """Those that wait for the one before them."""

    def __iter__(self) -> Iterator[PjAccount]:
        yield from self._open.values()
        yield from (account for account, _ in self._leaving)

    def get(self, name: str) -> PjAccount | None:
        return self._open.get(name)

    def facing(self, account: PjAccount, contact: str) -> PjAccount:
        """This account, or one like it, with our Contact as a peer is to be told it."""
        if account.settings.name != LOCAL_ACCOUNT:
            account.show(contact)  # a trunk is in one network
            return account
        faces = [one for one in self._open.values() if one.settings.peer == LOCAL_ACCOUNT]
        for one in faces:
            if one.contact == contact:
                return one
        if len(faces) <= MOST_FACES:
            name = f"{LOCAL_ACCOUNT}/{len(faces)}"
            account = self.open(dataclasses.replace(account.settings, name=name))
        account.show(contact)
        return account

    def open(self, settings: AccountSettings) -> PjAccount:
        account = self._open[settings.name] = self._make(settings)
        account.open()
        self.settle(account)
        return account

    # --- several registrars ---------------------------------------------------------------

    def settle(self, account: PjAccount) -> None:
        """Have the registrars of what is one account in the configuration begin, and stand by."""
        group = self._registrars_of(account.settings.peer)
        if len(group) == 1:
            return
        for place, step in steps([one.standing for one in group]):
            if step is Step.BEGIN:
                group[place].begin()
            else:
                group[place].stand_by()

    def meanwhile(self, account: PjAccount) -> str:
        """See `AccountOwner`."""
        for one in self._registrars_of(account.settings.peer):
            if one is not account and one.standing is Standing.REGISTERED:
                return one.settings.registrar
        return ""

    def way(self, name: str) -> list[AccountSettings]:
        """Where a call of this account goes, first where we are registered; empty: nowhere."""
        group = self._registrars_of(name)
        if not group:
            alone = self._open.get(name)
            return [] if alone is None else [alone.settings]
        group.sort(key=lambda one: one.standing is not Standing.REGISTERED)
        return [one.settings for one in group]

    def _registrars_of(self, peer: str) -> list[PjAccount]:
        """In their order."""
        every = (one for one in self._open.values() if one.settings.registrar)
        group = [one for one in every if one.settings.peer == peer]
        return sorted(group, key=lambda one: one.settings.priority)

    # --- another configuration ------------------------------------------------------------

    def command(self, command: Refresh | SetAccounts, calls: Iterable[PjCall]) -> None:
        """`calls`: as in `tidy`."""
        if isinstance(command, SetAccounts):
            self._set(command.accounts)
            self.tidy(calls)
        else:
            for account in self._registrars_of(command.account):
                account.refresh()

    def _set(self, wanted: Sequence[AccountSettings]) -> None:
        """Have these and no others, and LOCAL_ACCOUNT."""
        by_name = {settings.name: settings for settings in wanted}
        self._to_open.clear()
        for name, account in list(self._open.items()):
            if account.settings.peer == LOCAL_ACCOUNT:
                continue
            if account.settings != by_name.get(name):
                del self._open[name]
                account.leave()
                self._leaving.append((account, time.monotonic()))
        for name, settings in by_name.items():
            if name not in self._open:
                self._to_open[name] = settings

    def tidy(self, calls: Iterable[PjCall]) -> None:
        """Between two polls: forget those that have left, and open those that wait for them.
        `calls`: those that are up.
        """
        if not self._leaving and not self._to_open:
            return
        now, used = time.monotonic(), [call.account for call in calls]
        leaving, self._leaving = self._leaving, []
        for account, since in leaving:
            gone = not account.registers or now > since + GONE_AFTER_S
            if gone and not any(account is one for one in used):
                with contextlib.suppress(pj.Error):
                    account.shutdown()
                # pjsua2 deletes by number once more when Python frees the object, and by then the
                # number is another account's.
                account.thisown = False
            else:
                self._leaving.append((account, since))
        waited_for = {
            account.settings.name
            for account, since in self._leaving
            if account.registers and now < since + SILENT_AFTER_S
        }
        for name, settings in list(self._to_open.items()):
            if name not in waited_for:
                del self._to_open[name]
                try:
                    self.open(settings)
                except Exception as error:  # noqa: BLE001 (the other accounts are opened, too)
                    self._open.pop(name, None)
                    self._fault(f"account {name}", error)

    def close(self) -> None:
        for account in self:
            with contextlib.suppress(pj.Error):
                account.shutdown()
        self._open.clear()
        self._leaving.clear()
        self._to_open.clear()

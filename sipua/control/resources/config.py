"""The configuration: what is in force, and the order to read it again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import Field

from sipua.config.change.classes import When
from sipua.config.change.in_force import Configured, InForce, ReloadError
from sipua.config.change.plan import Plan as ConfigPlan
from sipua.config.values.problems import Problem
from sipua.control.http.endpoint import Answer, Asked, Endpoint
from sipua.control.http.problems import FieldError, Kind, ProblemError
from sipua.control.http.tokens import Right
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.resources.models import Moment, Request, Shown
from sipua.log.secret_masking import MASK

WITHIN_S = 60.0
"""The workers alone may take half of it."""
_KINDS = {"busy": Kind.WRONG_STATE, "unfit": Kind.UNFIT_CONFIG, "not_now": Kind.NOT_READY}


class ReloadOrder(Request):
    check: bool = Field(default=False, description="Only say what would change.")


class Change(Shown):
    """A key with another value."""

    key: str = Field(
        description="Such as `routes[sales].instructions`; also a whole `routes[sales]`."
    )
    old: str | None = Field(
        default=None, description="As in the file, cut, secrets masked. Null: it was not there."
    )
    new: str | None = Field(default=None, description="The same; null: it is not there any more.")


class Plan(Shown):
    """What has changed, by when it counts."""

    applied: list[Change] = Field(description="At once.")
    for_new_calls: list[Change] = Field(description="Calls that are up keep what they have.")
    needs_restart: list[Change] = Field(description="It stays as it was until the next start.")


class ConfigWarning(Shown):
    key: str
    problem: str
    fix: str


class Configuration(Shown):
    """The configuration in force."""

    hash: str = Field(description="Equal for equal values, on every machine; without secrets.")
    secrets: str = Field(
        description="Another one when a secret has changed; comparable within this run alone."
    )
    generation: int = Field(description="How many there were since the start.")
    file: str
    loaded_at: Moment
    plan: Plan = Field(description="What the last reload found; the start found nothing.")


class ReloadResult(Configuration):
    """The outcome of a reload, or what it would be."""

    warnings: list[ConfigWarning]


class ConfigResource:
    def __init__(self, in_force: InForce, link: EdgeLink, edge: EdgePort) -> None:
        self._in_force = in_force
        self._link = link
        self._edge = edge

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                "GET",
                "/v1/config",
                "show_config",
                "Which configuration is in force; what a reload changed, for an admin with values.",
                self._show,
                Right.READONLY,
                {200: Configuration},
            ),
            Endpoint(
                "POST",
                "/v1/config/reload",
                "reload_config",
                "Read the configuration again; a bad one changes nothing.",
                self._reload,
                Right.ADMIN,
                {200: ReloadResult},
                body=ReloadOrder,
                body_needed=False,
                problems=(Kind.EDGE_SILENT, Kind.WRONG_STATE, Kind.UNFIT_CONFIG, Kind.NOT_READY),
            ),
        )

    async def _show(self, asked: Asked) -> Answer:
        shown = Configuration.model_validate(_fields(self._in_force.now))
        if not asked.may(Right.ADMIN):
            shown = shown.model_copy(update={"plan": _without_values(shown.plan)})
        return Answer(shown)

    async def _reload(self, asked: Asked) -> Answer:
        order: ReloadOrder = asked.body
        try:
            done = await self._link.run(self._edge.reload(asked.by, check=order.check), WITHIN_S)
        except ReloadError as error:
            errors = [_error(one) for one in error.problems if one.severity == "error"]
            raise ProblemError(_KINDS[error.kind], str(error), errors[:100]) from None
        warnings = [
            ConfigWarning(key=one.key, problem=one.what, fix=one.fix) for one in done.warnings
        ]
        fields = {**_fields(done.configured), "warnings": warnings}
        return Answer(ReloadResult.model_validate(fields))


def _fields(configured: Configured) -> dict[str, object]:
    return {
        "hash": configured.hash,
        "secrets": configured.secrets,
        "generation": configured.generation,
        "file": configured.source,
        "loaded_at": configured.loaded_at,
        "plan": _plan(configured.last),
    }


def _plan(plan: ConfigPlan) -> Plan:
    return Plan.model_validate({when.value: plan.of(when) for when in When})


def _without_values(plan: Plan) -> Plan:
    """Instructions, addresses and numbers are for those who may change them."""

    def hidden(change: Change) -> Change:
        old, new = (None if value is None else MASK for value in (change.old, change.new))
        return Change(key=change.key, old=old, new=new)

    return Plan(
        applied=[hidden(one) for one in plan.applied],
        for_new_calls=[hidden(one) for one in plan.for_new_calls],
        needs_restart=[hidden(one) for one in plan.needs_restart],
    )


def _error(problem: Problem) -> FieldError:
    value = "" if problem.value is None else f"{problem.value}: "
    words = f"{value}{problem.what}; fix: {problem.fix} ({problem.origin})"
    return FieldError(pointer=_pointer(problem.key), detail=words)


def _pointer(key: str) -> str:
    """`accounts[0].registrar` as a pointer into the file's data."""
    parts = re.sub(r"\[(\d+)\]", r".\1", key).split(".") if key else []
    return "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)

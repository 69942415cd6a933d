"""The OpenAPI 3.1 document, written from the table of endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sipua.control.http.endpoint import JSON, Endpoint
from sipua.control.http.problems import MEDIA_TYPE, Kind, ProblemBody

Json: TypeAlias = dict[str, Any]
Mode: TypeAlias = Literal["validation", "serialization"]

_REF = "#/components/schemas/{model}"
_ABOUT = (
    "Look at the calls of an edge, and steer them. Errors are those of RFC 9457; their types are "
    "listed in docs/api.md. Fields are added without a new version: ignore those that you do not "
    "know. A field without a value is left out."
)


def document(endpoints: Sequence[Endpoint]) -> Json:
    documented = [endpoint for endpoint in endpoints if endpoint.documented]
    schemas, components = _schemas(documented)
    paths: Json = {}
    for endpoint in documented:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "sipua", "version": "1", "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(
    endpoints: Sequence[Endpoint],
) -> tuple[dict[tuple[type[BaseModel], Mode], Json], Json]:
    wanted: dict[tuple[type[BaseModel], Mode], None] = {(ProblemBody, "serialization"): None}
    for endpoint in endpoints:
        if endpoint.body is not None:
            wanted[endpoint.body, "validation"] = None
        for model in endpoint.answers.values():
            if model is not None:
                wanted[model, "serialization"] = None
    found, defined = models_json_schema(list(wanted), by_alias=True, ref_template=_REF)
    for schema in defined["$defs"].values():
        for one in schema.get("properties", {}).values():
            if "patternProperties" in one:  # pydantic refuses other names, and does not say so
                one["additionalProperties"] = False
    return cast("Any", found), defined["$defs"]


def _operation(endpoint: Endpoint, schemas: dict[tuple[type[BaseModel], Mode], Json]) -> Json:
    parameters = list(_parameters(endpoint))
    operation: Json = {"operationId": endpoint.name, "summary": endpoint.summary}
    if endpoint.right is not None:
        operation["description"] = f"Right: {endpoint.right.value}."
        operation["security"] = [{"token": []}]
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": endpoint.body_needed,
            "content": {JSON: {"schema": schemas[endpoint.body, "validation"]}},
        }
    answers: Json = {}
    for status, model in endpoint.answers.items():
        answer: Json = {"description": _described(status)}
        if model is not None:
            answer["content"] = {JSON: {"schema": schemas[model, "serialization"]}}
        elif endpoint.media_type != JSON:
            answer["content"] = {endpoint.media_type: {"schema": {"type": "string"}}}
        answers[str(status)] = answer
    problem = schemas[ProblemBody, "serialization"]
    for status, kinds in _problems(endpoint).items():
        answers[str(status)] = {
            "description": "; ".join(f"{kind.title} (`{kind.type}`)" for kind in kinds),
            "content": {MEDIA_TYPE: {"schema": problem}},
        }
    operation["responses"] = answers
    return operation


def _described(status: int) -> str:
    words = {201: "Made.", 202: "Begun: events tell the rest."}
    return words.get(status, "Done.")


def _parameters(endpoint: Endpoint) -> Iterator[Json]:
    for name in re.findall(r"\{(\w+)\}", endpoint.path):
        schema: Json = {"type": "string", "minLength": 1, "maxLength": 64}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if endpoint.query is not None:
        schema = endpoint.query.model_json_schema(by_alias=True, ref_template=_REF)
        for name, one in schema["properties"].items():
            about = one.pop("description", None)
            parameter: Json = {"name": name, "in": "query", "schema": _without_null(one)}
            if about:
                parameter["description"] = about
            if one.get("type") == "array":
                parameter |= {"style": "form", "explode": False}
            yield parameter
    for name, about in endpoint.headers.items():
        yield {"name": name, "in": "header", "description": about, "schema": {"type": "string"}}
    if endpoint.idempotent:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "description": "A new one (a UUID) for each call; kept for a day.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }


def _without_null(schema: Json) -> Json:
    """A parameter that is not given is missing; it is never null."""
    kinds = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**rest, **kinds[0]}


def _problems(endpoint: Endpoint) -> dict[int, list[Kind]]:
    kinds = [Kind.INVALID, *endpoint.problems]
    if endpoint.right is not None:
        kinds += [Kind.NO_TOKEN, Kind.WRONG_TOKEN, Kind.TOKEN_IN_URL, Kind.NO_RIGHT]
    if "{" in endpoint.path:
        kinds.append(Kind.NOT_FOUND)
    if endpoint.body is not None:
        kinds += [Kind.TOO_LARGE, Kind.NO_JSON, Kind.SLOW]
    kinds += [Kind.TOO_MANY, Kind.INTERNAL]
    found: dict[int, list[Kind]] = {}
    for kind in dict.fromkeys(kinds):
        found.setdefault(kind.status, []).append(kind)
    return dict(sorted(found.items()))

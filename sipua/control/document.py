"""Writes the OpenAPI document of the package:

python -m sipua.control.document > sipua/control/openapi.json

A test fails when the file is not that of the endpoints.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any, cast

from sipua.config import Config
from sipua.config.change.in_force import InForce
from sipua.control.http.openapi import document
from sipua.control.http.tokens import Tokens
from sipua.control.link.asking import EdgeLink
from sipua.control.link.edge_port import EdgePort
from sipua.control.link.state import State
from sipua.control.table import Parts, endpoints


def text() -> str:
    nowhere = cast("Any", None)  # no endpoint is called
    parts = Parts(
        in_force=InForce(Config(), "", datetime.now(UTC)),
        state=State(),
        link=EdgeLink(nowhere),
        edge=cast("EdgePort", nowhere),
        tokens=Tokens((), requests_per_second=1),
        node="",
    )
    return json.dumps(document(endpoints(parts)), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())

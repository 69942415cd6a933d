"""The headers of the upgrade to the vendor's websocket, or to one that speaks its protocols."""

from __future__ import annotations

from sipua.bridge.engine_api.settings import EngineSettings


def upgrade_headers(settings: EngineSettings) -> dict[str, str]:
    headers = dict(settings.headers)
    # Other hosts of this protocol take the key in a header of their own (`api-key`).
    if settings.api_key and not {"authorization", "api-key"} & {name.lower() for name in headers}:
        if settings.key_header:
            headers[settings.key_header] = settings.api_key
        else:
            headers["Authorization"] = f"Bearer {settings.api_key}"
    return headers

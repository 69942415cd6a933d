"""The section `metrics` of the configuration."""

from __future__ import annotations

from pydantic import Field

from sipua.config.values.fields import OneLine, Port
from sipua.config.values.section import Section


class MetricsSection(Section):
    """Numbers for Prometheus: `http://HOST:PORT/metrics`. docs/metrics.md."""

    enabled: bool = Field(default=False, description="Count, and serve the numbers.")
    host: OneLine = Field(
        default="127.0.0.1",
        description="Address to listen on. Whoever reaches it reads the numbers; there are no "
        "telephone numbers, hosts or words in them.",
    )
    port: Port = Field(default=9464, description="Port to listen on. 0 takes a free one.")

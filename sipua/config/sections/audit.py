"""The section `audit` of the configuration."""

from __future__ import annotations

from pydantic import Field

from sipua.config.values.fields import OneLine
from sipua.config.values.section import Section


class AuditSection(Section):
    """The audit log: who has changed what, by the API and by reloads. docs/secrets.md."""

    enabled: bool = Field(
        default=False,
        description="Write a line for each request of the API that changes something or is "
        "refused, and for each reload with the values before and after, to "
        "`directory/YEAR-MONTH.jsonl`. "
        "`sipua audit verify` finds lines that were changed or removed.",
    )
    directory: OneLine = Field(
        default="audit",
        description="Folder of the files, which are never deleted. One edge writes there. "
        "Relative to the working directory.",
    )

"""The section `cdr` of the configuration."""

from __future__ import annotations

from pydantic import Field

from sipua.config.values.fields import NO_SECRET, OneLine, Secret
from sipua.config.values.section import Section


class CdrSection(Section):
    """Call records: one row a call, in files and in databases. docs/cdr.md."""

    enabled: bool = Field(
        default=True,
        description="Write a row for each call to `directory/DATE.jsonl`. How much of a number it "
        "holds is said by `record.numbers`.",
    )
    directory: OneLine = Field(
        default="cdr",
        description="Folder of the files; it is made with the first row. Relative to the working "
        "directory.",
    )
    keep_days: int = Field(
        default=365,
        ge=0,
        le=36_500,
        description="Older files, and older rows of the SQLite database, are deleted. 0: never.",
    )
    max_total_mb: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Size of all files together; the oldest are deleted to make room, today's "
        "never. A thousand calls take about 1.5 MB.",
    )
    sqlite: bool = Field(
        default=True,
        description="Keep the rows in the database `directory/cdr.sqlite3` as well, which "
        "`sipua cdr` then reads.",
    )
    postgres: Secret = Field(
        default=NO_SECRET,
        description="Address of a PostgreSQL database that gets the rows as well: "
        "`postgresql://user:password@host/database` (`pip install 'sipua[postgres]'`). Its owner "
        "deletes old rows. Better: `postgres_file`.",
    )
    postgres_file: str = Field(
        default="", description="File that holds that address and nothing else."
    )

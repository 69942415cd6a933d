"""The settings of the upload to S3."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class S3Settings:
    directory: Path
    """Of the recordings."""
    endpoint: str
    bucket: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    prefix: str = ""
    path_style: bool = True
    """`endpoint/bucket/key`; else `bucket.endpoint/key`."""
    delete_local: bool = False
    """The sound, once the copy is verified; its metadata stays."""
    parallel: int = 2
    bytes_per_s: int = 0
    """Of all that are sent at once; 0: no bound."""
    ca_file: str = ""

    def key(self, day: str, name: str) -> str:
        return "/".join(filter(None, (self.prefix.strip("/"), day, name)))

    def uri(self, key: str) -> str:
        """For people and programs."""
        return f"s3://{self.bucket}/{key}"

"""Items out of an agent's speech that says nowhere where an answer begins or ends.

An item is what it says until it has been quiet for `QUIET_MS`, or drops its audio. The only clock
here is the caller's audio, which never stops.
"""

from __future__ import annotations

from typing import Final

QUIET_MS: Final = 400


class SpeechItems:
    def __init__(self, quiet_bytes: int) -> None:
        """`quiet_bytes`: of the caller's audio that are `QUIET_MS`."""
        self._quiet_bytes = quiet_bytes
        self._number = 0
        self._item = ""  # that is being said; empty: none
        self._quiet = 0

    def says(self) -> str:
        """The agent says something: of which item."""
        if not self._item:
            self._number += 1
            self._item = f"speech_{self._number}"
        self._quiet = 0
        return self._item

    def hears(self, size: int) -> str:
        """It was given so many bytes of the caller: the item that has ended by that, if one has."""
        if not self._item:
            return ""
        self._quiet += size
        return self.ends() if self._quiet >= self._quiet_bytes else ""

    def ends(self) -> str:
        """What it was saying has ended; empty: it said nothing."""
        item, self._item = self._item, ""
        return item

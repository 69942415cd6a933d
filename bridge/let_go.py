"""What stands in the place of a callback once its call is over.

The parts of a call know each other by callbacks, in circles. A circle is freed by the garbage
collector alone, whose full visit takes 6 ms at a hundred calls, and until then it keeps all that
the call had. So each part gives its callbacks back when it is closed, and the call is gone at once.
"""

from __future__ import annotations


def nothing(*_arguments: object) -> None:
    """Called by nothing that still works."""

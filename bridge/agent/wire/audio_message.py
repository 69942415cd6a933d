"""Messages of a protocol that has audio in binary messages and everything else in text."""

from sipua.bridge.agent.scenario.garbage import Binary


class AudioMessage(Binary):
    """A binary message, of either side."""

    __slots__ = ()

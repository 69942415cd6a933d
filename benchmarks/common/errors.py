"""Why something cannot be measured, in one line for whoever asked."""


class BenchError(Exception):
    """The text says what is wrong and, where there is one, what to do instead."""

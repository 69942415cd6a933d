"""The error of a benchmark that cannot run: one line for its user."""


class BenchError(Exception):
    """The text says what is wrong and, where there is one, what to do instead."""

"""How far a build is, from its log, and how long it takes."""

import re

# Measured with pjproject 2.17: object files of its libraries, and seconds of one processor.
FILES = 270
SPREAD_S = 90  # the libraries, which compile side by side
ALONE_S = 130  # the Python binding, one file; configure; the environments


def expected(processors: int | None) -> str:
    minutes = round((SPREAD_S / (processors or 1) + ALONE_S) / 60)
    return f"about {minutes} minutes" if minutes > 1 else "about a minute"


def describe(log: str) -> str:
    command = re.findall(r"^\$ (.*)$", log, re.MULTILINE)[-1]
    if " make " in f" {command} ":
        done = len(re.findall(r"-o output/\S+\.o", log))
        return f"compiled {done} of about {FILES} files"
    if "pip wheel" in command:
        return "compiling the Python binding, one large file and the last step"
    return f"still at {command.split()[0].rpartition('/')[2]}"

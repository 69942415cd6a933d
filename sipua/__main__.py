"""`python -m sipua`, and the entry point of the `sipua` command."""

import sys

from sipua.cli.main import run


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

"""`python -m sipua.worker FD`: started by the edge, with its end of their link as descriptor FD."""

import sys

from sipua.worker.process import run


def main() -> None:
    sys.exit(run(int(sys.argv[1])))


if __name__ == "__main__":
    main()

"""First word, barge-in and truncation through a real Asterisk: the figures of docs/media.md.

make dev peers
.venv/bin/python scripts/measure_conversation.py --calls 5 --interruptions 10
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.calls.conversation_figures import edge_config, interrupted_calls, table
from support.calls.edge import Edge
from support.peers.asterisk import Asterisk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=5, help="at a time")
    parser.add_argument("--interruptions", type=int, default=10, help="of each, at most 99")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sipua-measure-") as folder:
        home = Path(folder)
        asterisk = Asterisk(home / "asterisk")
        try:
            edge = Edge(home / "edge", edge_config(home, asterisk))
            try:
                calls, interruptions = arguments.calls, arguments.interruptions
                print(
                    table(
                        interrupted_calls(asterisk, edge, calls=calls, interruptions=interruptions)
                    )
                )
            finally:
                edge.close()
        finally:
            asterisk.stop()


if __name__ == "__main__":
    main()

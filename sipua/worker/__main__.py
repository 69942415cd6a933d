"""`python -m sipua.worker FD`: a fork server, started by the edge with its end of a socket pair as
descriptor FD. The edge's first one is not started but forked (`sipua.edge.workers.fork_server`).
"""

import os
import socket
import sys

from sipua.worker import fork_server


def main() -> None:
    fork_server.serve(socket.socket(fileno=int(sys.argv[1])), os.getppid())


if __name__ == "__main__":
    main()

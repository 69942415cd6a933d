"""The child of `AgentProcess`: one line of settings on stdin, one line with the URL on stdout."""

import logging
import sys

import msgspec
import structlog

from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.server.server import run


def main() -> int:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", key="ts"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),  # stdout is the parent's
    )
    settings = msgspec.json.decode(sys.stdin.buffer.readline(), type=AgentSettings)
    return run(settings, as_json=True, exit_with_parent=True)


if __name__ == "__main__":
    sys.exit(main())

"""The configuration: one TOML file, environment variables over it, secrets in files.

    config = load(Path("edge.toml"), os.environ)

`load` raises `ConfigError`, which names every problem with its key, its place, its value and
what to do. The result is frozen and complete: secrets are read, defaults are filled in.
"""

from sipua.config.load.loader import Loaded, load, read
from sipua.config.sections.agent import AgentSection
from sipua.config.sections.calls import CallsSection
from sipua.config.sections.config import (
    Config,
    LogSection,
    RtpSection,
    SipSection,
)
from sipua.config.sections.engine import EngineSection, TurnDetectionSection
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.config.values.problems import ConfigError, Problem

__all__ = [
    "AccountSection",
    "AgentSection",
    "CallsSection",
    "Config",
    "ConfigError",
    "EngineSection",
    "Loaded",
    "LogSection",
    "Problem",
    "RtpSection",
    "SipSection",
    "TrunkSection",
    "TurnDetectionSection",
    "load",
    "read",
]

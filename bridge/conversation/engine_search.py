"""Look for an engine that takes the call: try, wait, try again, by the plan of `Attempts`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from structlog.typing import FilteringBoundLogger

from sipua.bridge.conversation.engine_order import Attempts
from sipua.bridge.conversation.sessions import EngineChoice, PooledSession, SessionPool
from sipua.bridge.engine_link.errors import EngineConnectError
from sipua.bridge.fault_owner import FaultOwner

# Told as "too many requests", and no waiting helps.
_VAIN_CODES = frozenset({"insufficient_quota"})


class EngineSearch:
    def __init__(
        self,
        choices: Sequence[EngineChoice],
        pool: SessionPool,
        tally: Counter[str],
        log: FilteringBoundLogger,
        faults: FaultOwner,
    ) -> None:
        self._faults = faults
        self._choices = choices
        self._pool = pool
        self._tally = tally
        self._log = log
        self.candidate: PooledSession | None = None
        """Connecting now; the dialogue takes it at its `SessionReady`, and from then on uses it."""

    def take(self) -> None:
        """The candidate is in use."""
        self.candidate = None

    async def find(self, attempts: Attempts) -> None:
        """Return when a session is ready. Raises the last attempt's EngineConnectError."""
        clock = asyncio.get_running_loop().time
        error = EngineConnectError("timeout", "no engine is left to try")
        while (attempt := attempts.next(clock())) is not None:
            engine = self._choices[attempt.choice].name
            if attempt.wait_s > 0:
                self._log.info("engine.retry", engine=engine, wait_ms=round(attempt.wait_s * 1000))
                await asyncio.sleep(attempt.wait_s)
            failure = await self._try(attempt.choice, attempt.timeout_s)
            self._choices[attempt.choice].tried(failure is None)
            if failure is None:
                return
            error = failure
            again = error.retryable and error.code not in _VAIN_CODES
            attempts.failed(clock(), again=again, retry_after_s=error.retry_after_s)
        raise error

    async def _try(self, choice: int, timeout_s: float) -> EngineConnectError | None:
        self._tally["attempts"] += 1
        pooled: PooledSession | None = None
        try:
            pooled = self.candidate = self._pool.make(choice)
            await pooled.session.connect(timeout_s)
            if self.candidate is pooled:
                return EngineConnectError("protocol", "internal error: a session was not taken")
        except EngineConnectError as error:
            self._tally[f"connect_{error.kind}"] += 1
            return error
        except ValueError as error:  # what the configuration says cannot be made into an engine
            self._tally["connect_invalid"] += 1
            self._log.error("engine.invalid", engine=self._choices[choice].name, error=str(error))
            return EngineConnectError("protocol", str(error))
        except Exception as error:  # noqa: BLE001 (one attempt's fault: the next choice may do)
            self._tally["connect_invalid"] += 1
            faults = self._faults.harmless("engine.fault")
            faults.failed("attempt", error)
            return EngineConnectError("protocol", faults.cause)
        finally:
            # Ready and lost within a moment: then the next search has its own candidate by now.
            if self.candidate is pooled:
                self.candidate = None
        return None

"""Look for an engine that takes the call: try, wait, try again, by the plan of `Attempts`."""

from __future__ import annotations

import asyncio

from sipua.bridge.conversation.engine_order import Attempts
from sipua.bridge.conversation.sessions import PooledSession, SessionPool
from sipua.bridge.engine_api.errors import EngineConnectError

# Told as "too many requests", and no waiting helps.
_VAIN_CODES = frozenset({"insufficient_quota"})


class EngineSearch:
    def __init__(self, pool: SessionPool) -> None:
        self._pool = pool
        self.candidate: PooledSession | None = None
        """Connecting now; the dialogue takes it at its `SessionReady`, and from then on uses it."""

    def take(self) -> None:
        """The candidate is in use."""
        if self.candidate is not None:
            self._pool.in_use(self.candidate)
        self.candidate = None

    async def find(self, attempts: Attempts) -> None:
        """Return when a session is ready. Raises the last attempt's EngineConnectError."""
        clock = asyncio.get_running_loop().time
        pool = self._pool
        error = EngineConnectError("timeout", "no engine is left to try")
        while (attempt := attempts.next(clock())) is not None:
            choice = pool.choices[attempt.choice]
            if attempt.wait_s > 0:
                wait_ms = round(attempt.wait_s * 1000)
                pool.log.info("engine.retry", engine=choice.name, wait_ms=wait_ms)
                await asyncio.sleep(attempt.wait_s)
            failure = await self._try(attempt.choice, attempt.timeout_s)
            choice.tried(failure is None)
            if failure is None:
                return
            error = failure
            again = error.retryable and error.code not in _VAIN_CODES
            attempts.failed(clock(), again=again, retry_after_s=error.retry_after_s)
        raise error

    async def _try(self, choice: int, timeout_s: float) -> EngineConnectError | None:
        pool = self._pool
        pool.tally["attempts"] += 1
        candidates: list[PooledSession] = []

        def connecting(pooled: PooledSession) -> None:
            candidates.append(pooled)
            self.candidate = pooled

        try:
            await pool.connect(choice, timeout_s, connecting)
            if self.candidate in candidates:
                return EngineConnectError("protocol", "internal error: a session was not taken")
        except EngineConnectError as error:
            pool.tally[f"connect_{error.kind}"] += 1
            return error
        except ValueError as error:  # what the configuration says cannot be made into an engine
            pool.tally["connect_invalid"] += 1
            name = pool.choices[choice].name
            pool.log.error("engine.invalid", engine=name, error=str(error))  # noqa: TRY400 (the configuration's fault, no place in the code)
            return EngineConnectError("protocol", str(error))
        except Exception as error:  # noqa: BLE001 (one attempt's fault: the next choice may do)
            pool.tally["connect_invalid"] += 1
            faults = pool.faults.harmless("engine.fault")
            faults.failed("attempt", error)
            return EngineConnectError("protocol", faults.cause)
        finally:
            # Ready and lost within a moment: then the next search has its own candidate by now.
            if self.candidate in candidates:
                self.candidate = None
        return None

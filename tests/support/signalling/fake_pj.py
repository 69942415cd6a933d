"""pjsua2 without a library behind it: what we ask of it is written down, and fails on demand.

Its structures, errors and constants are the real module's; only the classes that do something
are ours. They behave as pjsua 2.12 and later do: a hang-up tells the call's end from within.
"""

from __future__ import annotations

import queue
import sys
from collections import defaultdict, deque
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pjsua2 as real

Step = tuple[object, ...]


def pj_error(reason: str, status: int = 70001) -> Exception:
    error: Exception = real.Error()
    error.reason, error.status = reason, status  # type: ignore[attr-defined]  # SWIG's
    return error


class Script:
    """What a test says beforehand, and reads afterwards."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.ends_told = True
        """False: pjsip keeps the end of a call to itself."""
        self.coming: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        """Callbacks that the next polls make."""
        self._faults: defaultdict[str, deque[BaseException]] = defaultdict(deque)

    def fail(self, step: str, *errors: BaseException) -> None:
        """The next times that this is asked for."""
        self._faults[step].extend(errors)

    def step(self, name: str, *details: object) -> None:
        self.steps.append((name, *details))
        if self._faults[name]:
            raise self._faults[name].popleft()

    def asked(self, name: str) -> list[Step]:
        return [step[1:] for step in self.steps if step[0] == name]


script = Script()


class Call:
    def __init__(self, account: Account, call_id: int = -1) -> None:
        script.step("Call", call_id)
        self.info = real.CallInfo()
        self.info.callIdString = f"{len(script.asked('Call'))}@edge"
        self.streams: dict[int, Any] = {}

    def getInfo(self) -> Any:
        script.step("getInfo")
        return self.info

    def isActive(self) -> bool:
        return bool(self.info.state != real.PJSIP_INV_STATE_DISCONNECTED)

    def getStreamInfo(self, index: int) -> Any:
        script.step("getStreamInfo", index)
        return self.streams[index]

    def makeCall(self, target: str, params: Any) -> None:
        script.step("makeCall", target, *_headers(params))

    def answer(self, params: Any) -> None:
        script.step("answer", params.statusCode)

    def setHold(self, params: Any) -> None:
        script.step("setHold")

    def reinvite(self, params: Any) -> None:
        script.step("reinvite", params.opt.flag)

    def xfer(self, target: str, params: Any) -> None:
        script.step("xfer", target)

    def xferReplaces(self, other: Call, params: Any) -> None:
        script.step("xferReplaces", other.info.callIdString)

    def sendRequest(self, params: Any) -> None:
        body = params.txOption.msgBody
        script.step("sendRequest", params.method, *_headers(params), body)

    def hangup(self, params: Any) -> None:
        script.step("hangup", params.statusCode, params.reason, *_headers(params))
        if script.ends_told and self.info.state != real.PJSIP_INV_STATE_DISCONNECTED:
            confirmed = self.info.state == real.PJSIP_INV_STATE_CONFIRMED
            self.tell(
                real.PJSIP_INV_STATE_DISCONNECTED, params.statusCode or (200 if confirmed else 603)
            )

    def tell(self, state: int, status: int = 0, event: Any = None) -> None:
        """The far side's doing: `onCallState`."""
        self.info.state, self.info.lastStatusCode = state, status
        self.info.lastReason = f"reason {status}" if status else ""
        params = real.OnCallStateParam()
        if event is not None:
            params.e = event
        self.onCallState(params)

    def onCallState(self, params: Any) -> None:
        """Ours to be overridden, as the next ones are."""

    def onCallMediaState(self, params: Any) -> None: ...
    def onCallRxRequest(self, params: Any) -> None: ...

    def onCallSdpCreated(self, params: Any) -> None: ...
    def onCallRxOffer(self, params: Any) -> None: ...
    def onCallTsxState(self, params: Any) -> None: ...
    def onCallTransferRequest(self, params: Any) -> None: ...
    def onCallTransferStatus(self, params: Any) -> None: ...
    def onCallReplaceRequest(self, params: Any) -> None: ...
    def onCallReplaced(self, params: Any) -> None: ...


class Account:
    _made = 0

    def __init__(self) -> None:
        Account._made += 1
        self._id = Account._made

    def create(self, config: Any, make_default: bool = False) -> None:
        script.step("create", config.idUri)

    def modify(self, config: Any) -> None:
        script.step("modify", *(cred.realm for cred in config.sipConfig.authCreds))

    def setDefault(self) -> None:
        script.step("setDefault")

    def setRegistration(self, renew: bool) -> None:
        script.step("setRegistration", renew)

    def sendRequest(self, params: Any) -> None:
        script.step("sendRequest", params.method, params.txOption.targetUri)

    def shutdown(self) -> None:
        script.step("shutdown")

    def getId(self) -> int:
        return self._id

    def onIncomingCall(self, params: Any) -> None: ...
    def onRegState(self, params: Any) -> None: ...
    def onSendRequest(self, params: Any) -> None: ...


class Endpoint:
    def libCreate(self) -> None:
        script.step("libCreate")

    def libInit(self, config: Any) -> None:
        script.step("libInit")

    def libStart(self) -> None:
        script.step("libStart")

    def libHandleEvents(self, timeout_ms: int) -> int:
        try:
            callback = script.coming.get(timeout=timeout_ms / 1000)
        except queue.Empty:
            return 0
        callback()
        return 1

    def libDestroy(self, flags: int = 0) -> None:
        script.step("libDestroy", flags)

    def audDevManager(self) -> AudDevManager:
        return AudDevManager()

    def codecEnum2(self) -> list[Any]:
        codecs = [real.CodecInfo() for _ in range(3)]
        for codec, name in zip(codecs, ("PCMU/8000/1", "speex/8000/1", "PCMA/8000/1"), strict=True):
            codec.codecId = name
        return codecs

    def codecSetPriority(self, codec_id: str, priority: int) -> None:
        script.step("codecSetPriority", codec_id, priority)

    def transportCreate(self, kind: int, config: Any) -> int:
        script.step("transportCreate", kind, config.boundAddress, config.port)
        for option in config.sockOptParams.sockOpts:
            script.step("sockOpt", kind, option.level, option.optName)
        return kind

    def transportGetInfo(self, transport: int) -> Any:
        info = real.TransportInfo()
        info.localAddress = "127.0.0.1:5060"
        return info

    def onNewRequest(self, params: Any) -> None: ...

    def onNewConnection(self, params: Any) -> None: ...

    def onConnectionEnd(self, descriptor: int) -> None: ...

    def onDialogConnection(self, params: Any) -> None: ...

    def onTlsConnect(self, params: Any) -> None: ...
    def onSelectAccount(self, params: Any) -> None: ...
    def onRejectedIncomingCall(self, params: Any) -> None: ...
    def onTransportState(self, params: Any) -> None: ...


class AudDevManager:
    def setNoDev(self) -> None:
        script.step("setNoDev")


FAKES = (Call, Account, Endpoint, AudDevManager)


def _headers(params: Any) -> list[tuple[str, str]]:
    return [(header.hName, header.hValue) for header in params.txOption.headers]


def module() -> ModuleType:
    """To stand in for `pjsua2`, with a new script."""
    this = sys.modules[__name__]
    this.script = Script()  # type: ignore[attr-defined]  # its own variable
    fake = ModuleType("pjsua2")
    fake.__dict__.update(real.__dict__)
    fake.__dict__.update({kind.__name__: kind for kind in FAKES})
    return fake

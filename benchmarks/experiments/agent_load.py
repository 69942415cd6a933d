"""CPU of the local agent under many calls:

    python benchmarks/experiments/agent_load.py [--calls 100]

Each call appends a 20 ms frame every 20 ms: 2 s of a sentence, 2 s of silence, again and again, so
that half of the time a parrot talks back. The agent runs as its own process, started as the edge
starts it; the callers speak raw websocket frames (a mask of zeros), so that they cost little.
"""

import argparse
import asyncio
import base64
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from sipua.bridge.agent.process import AgentProcess
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.prompts import prompt

FRAME_BYTES = 960
FRAME_S = 0.02
TALK_FRAMES = 100
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def websocket_frame(payload: bytes) -> bytes:
    """A masked text frame; a mask of zeros leaves the payload as it is."""
    return b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload


def appends() -> list[bytes]:
    voice = prompt("greeting").data[: TALK_FRAMES * FRAME_BYTES]
    quiet = np.zeros(TALK_FRAMES * FRAME_BYTES // 2, "<i2").tobytes()
    track = voice + quiet
    return [
        websocket_frame(
            b'{"type":"input_audio_buffer.append","audio":"%b"}'
            % base64.b64encode(track[start : start + FRAME_BYTES])
        )
        for start in range(0, len(track), FRAME_BYTES)
    ]


class Caller(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = 0
        self.open = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.received:
            self.open.set_result(data.startswith(b"HTTP/1.1 101"))
        self.received += len(data)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def main(calls: int, seconds: float) -> None:
    agent = AgentProcess(AgentSettings(max_sessions=calls))
    address = urlsplit(await agent.start())
    assert address.hostname is not None
    assert address.port is not None
    loop = asyncio.get_running_loop()
    track = appends()
    callers: list[Caller] = []
    for _ in range(calls):
        _, caller = await loop.create_connection(Caller, address.hostname, address.port)
        caller.transport.write(
            b"GET /v1/realtime?model=local HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        assert await caller.open, "handshake refused"
        callers.append(caller)
    assert agent.pid is not None

    slots = 10  # calls are spread over the 20 ms, as real ones are
    start_s = loop.time()
    windows: list[float] = []
    mark = (time.monotonic(), cpu_s(agent.pid))
    late_s = 0.0
    for step in range(int(seconds / FRAME_S) * slots):
        due_s = start_s + step * FRAME_S / slots
        if (wait_s := due_s - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        late_s = max(late_s, loop.time() - due_s)
        for number in range(step % slots, calls, slots):
            callers[number].transport.write(track[(step // slots + number * 7) % len(track)])
        if (now := time.monotonic()) - mark[0] >= seconds / 5:
            windows.append((cpu_s(agent.pid) - mark[1]) / (now - mark[0]))
            mark = (now, cpu_s(agent.pid))
    median = sorted(windows)[len(windows) // 2]
    heard_s = sum(caller.received for caller in callers) * 3 / 4 / 48_000 / calls
    lines = [
        f"{calls} calls, {seconds:g} s; generator at most {late_s * 1000:.0f} ms late",
        f"agent CPU, share of one core: {' '.join(f'{share:.3f}' for share in windows)}",
        f"per append: {median * FRAME_S / calls * 1e6:.0f} us",
        f"memory: {memory_mb(agent.pid):.0f} MB",
        f"received by each call: about {heard_s:.1f} s of audio",
    ]
    print("\n".join(lines))
    await agent.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.calls, arguments.seconds))

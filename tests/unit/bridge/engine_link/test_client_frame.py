"""Frames that we make are what the library makes, to a reader of it that is a server."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from sipua.bridge.engine_link.client_frame import BINARY, TEXT, ClientFrames


def read_by_a_server(data: bytes) -> list[Frame]:
    server = Protocol(Side.SERVER, max_size=None)
    server.receive_data(data)
    return [event for event in server.events_received() if isinstance(event, Frame)]


@pytest.mark.parametrize(("kind", "opcode"), [(TEXT, Opcode.TEXT), (BINARY, Opcode.BINARY)])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 1300, 65535, 65536, 200_000])
def test_a_server_reads_the_message(size: int, kind: int, opcode: Opcode) -> None:
    message = bytes(byte % 128 for byte in range(size))
    (frame,) = read_by_a_server(ClientFrames(kind).make(message))
    assert (frame.opcode, frame.fin, frame.data) == (opcode, True, message)


def test_every_frame_has_a_key_of_its_own() -> None:
    frames = ClientFrames(TEXT)
    made = [frames.make(b"x") for _ in range(2000)]
    keys = {frame[2:6] for frame in made}
    assert len(keys) >= 1998, "as chance has it, and not more often"
    assert [frame.data for frame in read_by_a_server(b"".join(made))] == [b"x"] * 2000

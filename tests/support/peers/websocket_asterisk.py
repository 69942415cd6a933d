"""Asterisk's own chan_websocket in the tests: calls to 650 end in an agent behind a websocket."""

from __future__ import annotations

from dataclasses import dataclass

MODULES = "res_http_websocket res_websocket_client chan_websocket"
EXTENSION = "650"
OPTIONS = "transmit_silence = yes\n"
"""Of asterisk.conf: who waits is heard as silence, as phones are, and not as nothing."""


@dataclass(frozen=True, slots=True)
class Agent:
    url: str
    message_format: str
    """plain-text or json"""

    def files(self) -> dict[str, str]:
        return {
            "http.conf": "[general]\nenabled=no\n",
            "chan_websocket.conf": "[global]\ntype=global\n"
            f"control_message_format={self.message_format}\n",
            "websocket_client.conf": "[agent]\ntype=websocket_client\n"
            f"connection_type=per_call_config\nuri={self.url}\nprotocols=media\n",
        }

    def extensions(self) -> str:
        return f"exten => {EXTENSION},1,Dial(WebSocket/agent/c(ulaw))\n"

"""An edge that forwards all calls to a server, by a trunk of it; its own engine is not there."""

from collections.abc import Callable
from typing import Any

from support.calls.edge import Edge


def forwarding(edge_factory: Callable[..., Edge], server: str, **keys: Any) -> Edge:
    """`keys`: more of the route."""
    return edge_factory(
        {
            "engine": {"url": "ws://127.0.0.1:9/x"},
            "trunks": [{"name": "vendor", "hosts": ["192.0.2.1"], "proxy": f"sip:{server}"}],
            "routes": [
                {
                    "name": "away",
                    "forward": f"sip:bot@{server}",
                    "forward_account": "vendor",
                    "headers_out": {"X-Tenant": "a"},
                    **keys,
                }
            ],
        }
    )

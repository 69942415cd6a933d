"""SIP signalling: events and commands as plain data, and pjsua2 behind them.

`messages` (the events and commands), `state` (the table of a call), `sdp` and `door/` (what is
decided about a request) are plain Python. `pj/` runs on one thread of its own and is the only
folder that touches pjsua2; `pj/agent` is its asyncio side. `dns/` looks names up.
"""

"""SIP signalling: what pjsua2 says, as plain data, and what we tell it.

The three outer files are plain: `messages` (what crosses the border), `state` (the call's
table) and the deciders `sdp`, `admission` and `registration`. `endpoint`, `pjaccount` and
`pjcall` run on one thread of their own and are the only files that touch pjsua2; `agent` is
the asyncio side.
"""

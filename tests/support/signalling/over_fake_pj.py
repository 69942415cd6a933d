"""`sipua` as a process of its own, over a fake pjsua2:

    python over_fake_pj.py hangs|dies|mute serve --config FILE …

hangs, dies: what the signalling thread does as soon as it runs. mute: no call is answered, and no
end of one is told.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.signalling import fake_pj


def hang() -> None:
    time.sleep(3600)


def die() -> None:
    raise SystemExit("a bug in a callback")


if __name__ == "__main__":
    sys.modules["pjsua2"] = fake_pj.module()
    fake_pj.script.ends_told = False
    for does in {"hangs": [hang], "dies": [die], "mute": []}[sys.argv[1]]:
        fake_pj.script.coming.put(does)
    from sipua.cli import main as cli  # over the fake one
    from sipua.sip.pj import endpoint, library, placer
    from support.signalling.signalling import FakeWaker, NoResolver, Port

    # They reach into the real library, and to real peers.
    endpoint.PjResolver, placer.ClosedPort = NoResolver, Port  # type: ignore[misc, assignment]
    library.Waker = FakeWaker  # type: ignore[misc, assignment]
    sys.exit(cli.run(sys.argv[2:]))

"""The two ways in which pjproject is compiled: for production, and for the fuzzer.

SANITIZE=1 in the environment asks for the fuzzer's: each access outside of an object ends the
process with a report (AddressSanitizer), and arithmetic that C does not define is told
(UndefinedBehaviorSanitizer). pjproject cuts its objects from large blocks, which hides an access
outside of them; PJ_POOL_DEBUG gives each object its own block. SANITIZE=asserts leaves the
assertions in, too, which production has not: it finds those that a peer can reach.
"""

import os
from dataclasses import dataclass

from shell import BuildError

SANITIZERS = "-fsanitize=address,undefined"
# Untrue on this processor, or (memcpy of no bytes from nowhere) true and harmless.
HARMLESS = "-fno-sanitize=alignment,vptr,nonnull-attribute"


@dataclass(frozen=True)
class Kind:
    suffix: str
    """Of the local version and of the key in the cache."""
    cflags: str
    binding_flags: tuple[str, ...]
    """To compile SWIG's one large file."""
    link_flags: tuple[str, ...]
    config: str = ""
    """Lines behind those of config_site.h."""

    @property
    def sanitized(self) -> bool:
        """Only a program that scripts/sanitized.sh starts can load it."""
        return bool(self.suffix)


# Without NDEBUG, an assertion that a peer's packet can reach is a remote abort.
PRODUCTION = Kind(
    "",
    "-O2 -fPIC -DNDEBUG -fstack-protector-strong -D_FORTIFY_SOURCE=2",
    (),
    ("-Wl,-z,relro,-z,now", "-s"),
)


def chosen() -> Kind:
    """The kind that the environment asks for."""
    match os.environ.get("SANITIZE", ""):
        case "":
            return PRODUCTION
        case "1":
            return _sanitized(".asan", "-DNDEBUG")
        case "asserts":
            return _sanitized(".asan.asserts", "")
        case other:
            raise BuildError(f"SANITIZE={other}: expected 1 or asserts")


def _sanitized(suffix: str, asserts: str) -> Kind:
    return Kind(
        suffix,
        f"-O1 -g -fPIC -fno-omit-frame-pointer {SANITIZERS} {HARMLESS} {asserts}".strip(),
        ("-O0",),
        (SANITIZERS,),
        "\n#define PJ_POOL_DEBUG 1\n",
    )

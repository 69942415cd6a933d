"""Every path, name and link in the pages exists: what is renamed is renamed there as well.

Where a page names a file it gives the path from the root of the repository. What is not ours and
stands between backticks all the same is in `NOT_OURS`, with the reason.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks/README.md",
]
CODE = ["codecs", "rtp", "bridge", "sipua", "benchmarks", "scripts", "tests"]

# A dotted name or one with a capital, as it stands between backticks -> whose it is.
NOT_OURS = {
    "UaConfig.nameserver": "pjsua2's",
    "Esc": "a key",
    "_sip._tcp": "a name in DNS",
    "support.xxx": "a placeholder",
}

# A file's name without a folder -> why it has none.
BARE_FILES = {
    "orders.py": "the reader writes it, docs/tools.md",
    "my_tools.py": "the reader writes it, docs/tools.md",
    "receiver.py": "the reader writes it, docs/webhooks.md",
}

_PATH = re.compile(
    r"(?<![\w./~$-])(?:sipua|rtp|codecs|bridge|benchmarks|tests|docs|configs|scripts|requirements)"
    r"/[\w./*-]*"
)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
# `Name` (`path`), or `Name.attribute` (`path`)
_IN_FILE = re.compile(r"`([A-Za-z_]\w*)(?:\.(\w+))?`\s+\(`([\w/]+\.py)`")
_FILE = re.compile(r"[\w-]+\.(?:py|md|sh|cpp)")
_TEST = re.compile(r"test_\w+")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_CAPITAL = re.compile(r"[A-Z]\w*[a-z]\w*")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass
class Names:
    """What the code defines and says."""

    classes: dict[str, set[str]] = field(default_factory=dict)  # name -> its attributes
    words: set[str] = field(default_factory=set)
    """Names of functions, attributes and variables, and every text that is one word."""

    def read(self, source: str) -> None:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                self.classes.setdefault(node.name, set()).update(_attributes(node))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.words.add(node.name)
            elif isinstance(node, ast.Name):
                self.words.add(node.id)
            elif isinstance(node, ast.Attribute):
                self.words.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.words.add(node.value)


def _attributes(made: ast.ClassDef) -> Iterator[str]:
    for node in ast.walk(made):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


@pytest.fixture(scope="module")
def names() -> Names:
    found = Names()
    for folder in CODE:
        for path in (ROOT / folder).rglob("*.py"):
            if path != Path(__file__):
                found.read(path.read_text())
    for unit in (ROOT / "configs/systemd").iterdir():  # keys of systemd's
        found.words.update(re.findall(r"\w+", unit.read_text()))
    return found


def faults(page: str, folder: Path, names: Names) -> list[str]:
    """What a page says that is not there. `folder`: where its relative links start."""
    return [*_paths(page), *_spans(page, names), *_misplaced(page), *_links(page, folder)]


def _paths(page: str) -> Iterator[str]:
    for found in _PATH.findall(_without_links(page)):
        path = found.rstrip("./")
        if not any(ROOT.glob(path)):
            yield f"{path}: no such path"


def _without_links(page: str) -> str:
    """A link's target counts from its page, and is checked as such."""
    return _LINK.sub("]", page)


def _spans(page: str, names: Names) -> Iterator[str]:
    for span in _SPAN.findall(_FENCE.sub("", page)):
        text = span.removesuffix("()")
        if text in NOT_OURS or text in BARE_FILES or (ROOT / text).exists():
            continue
        if _FILE.fullmatch(text):
            yield f"{text}: give its path from the root"
        elif _TEST.fullmatch(text) and text not in names.words:
            yield f"{text}: no such test"
        elif (_CAPITAL.fullmatch(text) or _DOTTED.fullmatch(text)) and not _known(text, names):
            yield f"{text}: no such name"


def _misplaced(page: str) -> Iterator[str]:
    for *words, path in _IN_FILE.findall(page):
        if (ROOT / path).is_file():
            source = (ROOT / path).read_text()
            for word in filter(None, words):
                if not re.search(
                    rf"(?:class|def) {word}\b|^\s*{word}\b[^\n]*=", source, re.MULTILINE
                ):
                    yield f"{word}: not in {path}"


def _known(name: str, names: Names) -> bool:
    """A class, or another word of the code, such as an event of the log; a class's attribute; a
    module, or a name in it; a key of the configuration or of `call.ended`: all its words are known.
    """
    first, *rest = name.split(".")
    if name in names.words or name in names.classes:
        return True
    if first in names.classes:
        return rest[0] in names.classes[first]
    if first in ("sipua", "support"):
        return _module(name)
    return bool(rest) and all(word in names.words for word in (first, *rest))


def _module(name: str) -> bool:
    first, *parts = name.split(".")
    if first == "support":
        parts = ["tests", "support", *parts]
    elif parts[0] == "bench":
        parts = ["benchmarks", *parts[1:]]
    elif parts[0] not in CODE:
        parts = ["sipua", *parts]
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        if (path.is_dir() and length == len(parts)) or path.with_suffix(".py").is_file():
            source = path.with_suffix(".py").read_text() if parts[length:] else ""
            return all(re.search(rf"\b{word}\b", source) for word in parts[length:])
    return False


def _links(page: str, folder: Path) -> Iterator[str]:
    for link in _LINK.findall(_FENCE.sub("", page)):
        path, _, heading = link.partition("#")
        if ":" in path:
            continue
        target = folder / path
        if path and not target.exists():
            yield f"{link}: leads nowhere"
        elif heading and heading not in _headings(target.read_text() if path else page):
            yield f"{link}: no such heading"


def _headings(page: str) -> set[str]:
    """As they are linked to: `## The door` is #the-door."""
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(page)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_exists(page: Path, names: Names) -> None:
    assert faults(page.read_text(), page.parent, names) == []


def test_the_exceptions_are_needed() -> None:
    spans = {span.removesuffix("()") for page in PAGES for span in _SPAN.findall(page.read_text())}
    assert NOT_OURS.keys() | BARE_FILES.keys() <= spans


@pytest.mark.parametrize(
    "text",
    [
        "`bridge/playout/mouth.py` sends",
        "    .venv/bin/python benchmarks/experiments/nothing.py",
        "see docs/nothing.md.",
        "the folder `rtp/zrtp/`",
        "`sender.py` sends",
        "`PlayoutMouth` sends",
        "`PlayoutSender.stir` sends",
        "`Mouth` sends",
        "`sipua.bridge.playout.mouth` sends",
        "`support.peers.pbx.unheard`",
        "the log says `call.began_to_ring`",
        "set `rtp.hold_minutes`",
        "`test_that_there_is_none`",
        "`Rotation` (`bridge/conversation/engine_order.py`)",
        "[there](nowhere.md)",
        "[there](media.md#no-such-heading)",
        "[here](#no-such-heading)",
    ],
)
def test_a_wrong_name_is_found(text: str, names: Names) -> None:
    assert len(faults(f"# A page\n\n{text}\n", ROOT / "docs", names)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "`bridge/playout/sender.py` sends",
        "every file of rtp/latch/, and `tests/unit/**`",
        "~/.cache/sipua/peers",
        "`PlayoutSender`, `PlayoutSender.send_now_if_idle()`",
        "`PjCall.refer` (`sipua/sip/pj/call.py`), `ENGINES` (`bridge/engines/__init__.py`)",
        "`sipua.bridge.playout.sender` and `sipua.bench`, `support.peers.pbx.heard`",
        "the log says `call.ended`; set `rtp.hold_ms`",
        "```\n`Mouth.stir`\n```",
        "[there](media.md#echo), [here](#a-page), [away](https://example.com/nothing.md)",
    ],
)
def test_a_right_name_is_not(text: str, names: Names) -> None:
    assert faults(f"# A page\n\n{text}\n", ROOT / "docs", names) == []

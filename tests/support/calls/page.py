"""The page as its reader uses it."""

from __future__ import annotations

from support.calls.api import TOKENS
from support.peers.chromium import Tab

ROWS = ".grid .rows .row:not([hidden])"


def sign_in(tab: Tab, url: str, right: str = "admin") -> None:
    tab.open(url)
    tab.wait("document.activeElement?.id === 'token'", "the field of the token")
    tab.type(TOKENS[right])
    tab.press("Enter")
    tab.wait("document.querySelector('.grid')", "the table of calls")


def rows(tab: Tab) -> list[str]:
    """The texts of the rows in sight, from the top."""
    return sorted_by_place(tab, ROWS)


def sorted_by_place(tab: Tab, selector: str) -> list[str]:
    script = (
        f"[...document.querySelectorAll({selector!r})]"
        ".sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))"
        ".map((one) => [...one.children].map((cell) => cell.textContent).join(' | '))"
    )
    return list(tab.ask(script))


def wait_rows(tab: Tab, count: int, timeout_s: float = 20) -> None:
    script = f"document.querySelectorAll({ROWS!r}).length === {count}"
    tab.wait(script, f"{count} rows", timeout_s)

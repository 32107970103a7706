"""The page stands alone, is well formed, and shows nothing as markup that came from a peer."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from tallyp2p.conformance.prober.page import page
from tests.conformance.prober.made import made

VOID = {"meta", "br"}


class Nesting(HTMLParser):
    """Fails where tags do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        assert not any(name in ("src", "href", "onclick") for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page() -> None:
    text = page(made(), "2026-01-01 12:00 UTC")
    parser = Nesting()
    parser.feed(text)
    assert parser.open == []
    said = "".join(parser.text)
    assert "6 cases in 12 s" in said and "2026-01-01 12:00 UTC" in said
    assert "<x>/1" in said and "PING <b>by hand</b>" in said and "(2 times)" in said
    assert "04 00 00" in said and "… 302 bytes" in said
    assert "it is <failed>" in said and "a MUST was broken" in said
    assert "<b>by hand" not in text and "http" not in text and "<script" not in text
    assert re.search(r"<details open>", text)

"""Check the links inside of the built site: ``python check_links.py _build/html``.

Sphinx warns of references that it cannot resolve; this finds links and anchors that the pages do
not have, such as those of a page that another one has overwritten.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Anchors and links of a page."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = {""}, []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id":
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.append(value)


def broken(root):
    """(page, link) of each link whose page or anchor is not there, and the number of all."""
    files = [path for path in root.rglob("*.html") if "_static" not in path.parts]
    pages, found, count = {path: Page(path) for path in files}, [], 0
    for path, page in pages.items():
        for link in page.links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            count += 1
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            is_there = target.exists()
            if is_there and target in pages:
                is_there = unquote(url.fragment) in pages[target].anchors
            if not is_there:
                found.append((path.relative_to(root), link))
    return found, count


if __name__ == "__main__":
    missing, total = broken(Path(sys.argv[1]).resolve())
    print(f"{total:,} links inside of the site, {len(missing)} broken")
    sys.exit("\n".join(f"{page}: {link}" for page, link in missing) or 0)

"""Pages of the site that lie outside docs/ in the checkout, and links as the site has them."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

PROJECT = Path(__file__).parents[1]
# Where each file of the checkout stands in the site.
PAGES = {
    "README.md": "index.md",
    "README.zh-CN.md": "index.zh-CN.md",
    "docs/README.md": "contents.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not in docs/ under their own names."""
    for source, page in PAGES.items():
        text = (PROJECT / source).read_text("utf-8")
        files.append(File.generated(config, page, content=site_links(text, source)))
    return files


def on_nav(nav: Any, **_: Any) -> Any:
    """Put the pages of users first."""
    shelves = ["Use", "Reference", "Internals", "Research"]
    titles = [item.title if item.title in shelves else "" for item in nav.items]
    order = ["", *shelves]
    nav.items = [
        item
        for _, item in sorted(
            zip(titles, nav.items, strict=True), key=lambda pair: order.index(pair[0])
        )
    ]
    return nav


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn a page's links out of docs/ into links of the site."""
    written = page.file.src_uri
    if written in PAGES.values():
        return markdown
    return site_links(markdown, f"docs/{written}")


def site_links(text: str, source: str) -> str:
    """Return a page's text with each link as it is in the site.

    Args:
        text: Markdown.
        source: The file in the checkout that holds it, from the project's root.

    Returns:
        The text. A link to a file that is no page becomes its name.
    """
    here = posixpath.dirname(PAGES.get(source, source.removeprefix("docs/")))

    def replaced(match: re.Match) -> str:
        label, target, anchor = match[1], match[2], match[3] or ""
        if not target or "://" in target:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        page = PAGES.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if page is None:
            return label if label.startswith("`") else f"`{label}`"
        return f"[{label}]({posixpath.relpath(page, here or '.')}{anchor})"

    return LINK.sub(replaced, text)

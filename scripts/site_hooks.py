"""For MkDocs, see mkdocs.yml: lists the environments' pages, and takes links out that lead to files which the site does not hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

__all__ = ["on_config", "on_page_markdown"]

_ROW = re.compile(r"^\| \[(\S+?)\]\((\S+?\.md)\)", re.MULTILINE)
_OUT = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#]+)(#[^)]*)?\)")


def on_config(config: Any) -> Any:
    """Puts the pages that docs/envs/index.md links in its table, in that order, under the same heading of the navigation."""
    rows = _ROW.findall((Path(config["docs_dir"]) / "envs" / "index.md").read_text("utf-8"))
    for entry in config["nav"]:
        if "Environments" in entry:
            entry["Environments"] += [{name: f"envs/{file}"} for name, file in rows]
    return config


def on_page_markdown(markdown: str, page: Any, **more: Any) -> str:
    """The page's text, in which a link out of docs/ has become the name of the file in the repository."""
    depth = page.file.src_uri.count("/")

    def told(found: re.Match[str]) -> str:
        if found[2].count("../") <= depth:
            return found[0]
        path = found[2].replace("../", "")
        return f"`{path}`" if path.endswith(found[1].strip("`")) else f"{found[1]} (`{path}`)"

    return _OUT.sub(told, markdown)

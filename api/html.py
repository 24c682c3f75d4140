"""Small pages for people who work with the API, built as trees, so that everything is escaped by construction."""

from xml.etree import ElementTree as ET

from starlette.responses import HTMLResponse, Response

from engine.language import Language

Node = ET.Element
STYLE_PATH = "/docs/style.css"
STYLE = """\
:root { color-scheme: light; --ink: #1a1a1a; --brand: #0000bf; --line: #b3b3b3; --soft: #f2f2f2; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem 1.25rem 4rem; color: var(--ink); background: #fff;
       font: 1rem/1.55 Arial, Helvetica, sans-serif; }
a { color: var(--brand); } a:focus-visible, button:focus-visible, summary:focus-visible, pre:focus-visible {
    outline: 3px solid var(--brand); outline-offset: 2px; }
h1 { font-size: 2rem; } h2 { margin-top: 3rem; border-bottom: 2px solid var(--ink); } h3 { margin-top: 2.25rem; }
code, pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .9rem; }
pre { background: var(--soft); padding: .75rem 1rem; overflow-x: auto; }
.scroll { overflow-x: auto; margin: 1rem 0; } table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: 700; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
.method { display: inline-block; min-width: 3.5rem; font-weight: 700; color: var(--brand); }
nav ul { list-style: none; padding: 0; } nav li { margin: .2rem 0; }
button { font: inherit; padding: .6rem 1rem; margin: .25rem 0; border: 2px solid var(--brand); background: #fff;
         color: var(--brand); cursor: pointer; min-width: 18rem; text-align: left; }
button:hover { background: var(--brand); color: #fff; }
"""


def el(tag: str, *inner: "Node | str", **attributes: str) -> Node:
    """Return an element; `class_` stands for `class` and `aria_label` for `aria-label`.

    Examples
    --------
    >>> ET.tostring(el("p", "1 < 2 ", el("b", "so"), "!", class_="x"), "unicode", "html")
    '<p class="x">1 &lt; 2 <b>so</b>!</p>'
    """
    node = ET.Element(tag, {name.rstrip("_").replace("_", "-"): text for name, text in attributes.items()})
    for part in inner:
        if not isinstance(part, str):
            node.append(part)
        elif len(node):
            node[-1].tail = (node[-1].tail or "") + part
        else:
            node.text = (node.text or "") + part
    return node


def table(caption: str, heads: "tuple[str, ...]", rows: "list[tuple[Node | str, ...]]") -> Node:
    """Return a table that scrolls sideways by itself where it is too wide."""
    head = el("thead", el("tr", *(el("th", text, scope="col") for text in heads)))
    body = el("tbody", *(el("tr", *(el("td", cell) for cell in row)) for row in rows))
    return el("div", el("table", el("caption", caption), head, body), class_="scroll")


def page(title: str, *inner: Node, language: Language = Language.EN) -> Response:
    """Answer with a page that loads nothing but our own style sheet."""
    style = el("link", rel="stylesheet", href=STYLE_PATH)
    return HTMLResponse(document(title, *inner, style=style, language=language), headers={"Cache-Control": "no-cache"})


def document(title: str, *inner: Node, style: Node, language: Language = Language.EN) -> str:
    """Return a whole page; `style` is a link to a style sheet, or one itself for a page that stands alone."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        style,
    )
    whole = el("html", head, el("body", el("main", *inner)), lang=language)
    return "<!doctype html>" + ET.tostring(whole, "unicode", "html")

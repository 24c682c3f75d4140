"""The small language that messages are written in: Jinja2 in its sandbox, and of it values, conditions and one loop.

A text is rendered once for a language and channel. What is a person's own is not known then: a character of Unicode's
private use area stands for it, so that nothing an author writes can cut, case or escape it, and `Form.fill` puts each
person's in its place.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from campaigns.fault import Fault

STOP, WHY, PICKS, OFFERS = "\ue000", "\ue001", "\ue002", "\ue003"
_FIRST_OF_DATA = 0xE010
SLOTS = re.compile("([\ue000-\ue0ff])")
_RESERVED = re.compile("[\ue000-\uf8ff\ufdd0-\ufdef]")
FILTERS = ("upper", "lower", "capitalize", "title", "trim", "default", "length", "first", "last", "join")
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.If, nodes.For, nodes.Filter,
    nodes.Const, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Test,
    nodes.Keyword,
)  # fmt: skip
"""What a text may be made of. No calls, no arithmetic: nothing that could take long, or much memory."""


DEEPEST = 40
"""How deeply a text may nest."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which nothing that could be called is reached either."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ANN401 - as Jinja says
        """Say whether a text may read an attribute."""
        return super().is_safe_attribute(obj, attr, value) and not callable(value)


def _environment(*, escape: bool) -> _Sandbox:
    made = _Sandbox(autoescape=escape, undefined=StrictUndefined, keep_trailing_newline=True)
    made.filters = {name: made.filters[name] for name in FILTERS}
    made.globals.clear()
    return made


_HTML, _PLAIN = _environment(escape=True), _environment(escape=False)


def slot_of(index: int) -> str:
    """Return the character that stands for the data of a name, by its index."""
    return chr(_FIRST_OF_DATA + index)


def values(offers: Any, data: Iterable[str], language: str, *, html: bool) -> dict[str, Any]:  # noqa: ANN401 - a block or a sequence
    """Return what a text may name."""
    slot = Markup if html else str
    own = {name: slot(slot_of(index)) for index, name in enumerate(data)}
    return {
        "offers": offers, "language": language, "data": own,
        "stop": slot(STOP), "why": slot(WHY), "picks": slot(PICKS),
    }  # fmt: skip


def render(source: str, given: Mapping[str, Any], *, html: bool) -> str:
    """Render a text that `faults` has found good.

    Raises
    ------
    jinja2.TemplateError
        It was not.
    """
    return (_HTML if html else _PLAIN).from_string(source).render(given)


def faults(where: str, source: str, given: Mapping[str, Any], *, html: bool) -> list[Fault]:
    """Return what is wrong with a text: its syntax, what it may not do, what it names that is not there."""
    environment = _HTML if html else _PLAIN
    if found := list(_unreadable(where, source, environment)):
        return found
    tree = environment.parse(source)
    if found := [*_forbidden(where, tree), *_unknown(where, tree, given)]:
        return sorted(found, key=lambda fault: fault.line or 0)
    try:
        environment.from_string(source).render(given)
    except TemplateError as error:
        return [Fault(where, _line(error), f"{_said(error)} There is {_named(given)}.")]
    except (TypeError, ValueError, ArithmeticError) as error:
        return [Fault(where, _line(error), f"This cannot be worked out: {error}.")]
    return []


def _unreadable(where: str, source: str, environment: _Sandbox) -> Iterator[Fault]:
    if (reserved := _RESERVED.search(source)) is not None:
        line = source.count("\n", 0, reserved.start()) + 1
        yield Fault(where, line, f"The character U+{ord(reserved[0]):04X} is for private use; leave it out.")
        return
    try:
        deep = _depth(environment.parse(source)) > DEEPEST
    except TemplateSyntaxError as error:
        yield Fault(where, error.lineno, f"The template cannot be read: {error.message}.")
        return
    except RecursionError:
        deep = True
    if deep:
        yield Fault(where, None, "The template is nested too deeply; write it flat.")


def names(source: str) -> frozenset[str]:
    """Return what a good text names."""
    return frozenset(name.name for name in _HTML.parse(source).find_all(nodes.Name))


def _forbidden(where: str, tree: nodes.Template) -> Iterator[Fault]:
    loops = list(tree.find_all(nodes.For))
    for node in _walk(tree):
        if not isinstance(node, _NODES):
            name = type(node).__name__.lower()
            yield Fault(where, node.lineno, f"A message has values, `if` and `for offer in offers`, but no `{name}`.")
        elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
            yield Fault(where, node.lineno, f"There is no filter `{node.name}`; there are {', '.join(FILTERS)}.")
    for loop in loops:
        over_offers = isinstance(loop.iter, nodes.Name) and loop.iter.name == "offers"
        if not over_offers or loop.recursive or any(True for _ in _inner(loop)):
            yield Fault(where, loop.lineno, "Only one loop is possible, `for offer in offers`, and none within it.")


def _inner(loop: nodes.For) -> Iterator[nodes.For]:
    for child in (*loop.body, *loop.else_):
        if isinstance(child, nodes.For):
            yield child
        yield from child.find_all(nodes.For)


def _depth(node: nodes.Node) -> int:
    return 1 + max(map(_depth, node.iter_child_nodes()), default=0)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _unknown(where: str, tree: nodes.Template, given: Mapping[str, Any]) -> Iterator[Fault]:
    bound = {"loop"} if next(tree.find_all(nodes.For), None) else set()
    bound |= {name.name for loop in tree.find_all(nodes.For) for name in _targets(loop)}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name not in bound and name.name not in given:
            yield Fault(where, name.lineno, f"There is no variable `{name.name}`; there is {_named(given)}.")


def _targets(loop: nodes.For) -> Iterator[nodes.Name]:
    if isinstance(loop.target, nodes.Name):
        yield loop.target
    yield from loop.target.find_all(nodes.Name)


def _named(given: Mapping[str, Any]) -> str:
    data = ", ".join(f"data.{name}" for name in given["data"])
    return ", ".join(name for name in given if name != "data") + (f", {data}" if data else "")


def _said(error: Exception) -> str:
    """Return Jinja's words without the names of our classes."""
    text = re.sub(r"'[\w.]+ object' has no attribute '(\w+)'", r"There is no `\1` here", str(error))
    return text.removesuffix(".") + "."


def _line(error: Exception) -> int | None:
    """Return the line of the template where it went wrong; Jinja writes it into the traceback."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line

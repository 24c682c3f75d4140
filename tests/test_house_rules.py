"""The rules that keep the house what it is, held by its syntax trees."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("engine", "models", "campaigns", "stream", "api")
FILES = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "versions" not in path.parts]
PERSONAL = {"resident", "residents", "person", "pseudonym", "token", "subject", "email", "sub"}
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


def nodes(path: Path, *kinds: type) -> Iterator[ast.AST]:
    return (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, kinds))


def name_of(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def test_a_permit_is_built_in_consent_alone():
    built = [where(p, c) for p in FILES for c in nodes(p, ast.Call) if name_of(c) in ("Permit", "ServicePermit")]
    assert built
    assert {place.split(":")[0] for place in built} == {"engine/consent.py"}


def test_no_permit_is_kept_in_a_field_of_an_object():
    kept = [
        where(path, node)
        for path in FILES
        for node in nodes(path, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and target.attr.lstrip("_") in {"permit", "permits"}
    ]
    assert kept == []


def test_nothing_is_patched_in_the_tests():
    words = ("Magic" + "Mock", "mock" + ".patch", "monkeypatch" + ".setattr", "@" + "patch")
    patched = [
        (str(path.relative_to(ROOT)), word)
        for path in (ROOT / "tests").rglob("*.py")
        if path != Path(__file__)
        for word in words
        if word in path.read_text("utf-8")
    ]
    assert patched == []


def test_log_lines_have_static_names_and_no_field_that_names_a_person():
    for path in FILES:
        for call in nodes(path, ast.Call):
            target = getattr(call.func, "value", None)
            if isinstance(target, ast.Name) and target.id == "log" and name_of(call) in LOG_METHODS:
                assert isinstance(call.args[0], ast.Constant), where(path, call)
                assert not {keyword.arg for keyword in call.keywords} & PERSONAL, where(path, call)


def test_every_module_and_every_public_class_and_function_says_what_it_is_for():
    silent = []
    for path in FILES:
        tree = ast.parse(path.read_text("utf-8"))
        defined = [n for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
        public = [node for node in defined if not node.name.startswith("_")]
        silent += [where(path, node) for node in [tree, *public] if not ast.get_docstring(node)]
    assert silent == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_keeps_to_four_hundred_lines_and_annotates_everything(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400
    for function in nodes(path, ast.FunctionDef, ast.AsyncFunctionDef):
        given = [a for a in function.args.args + function.args.kwonlyargs if a.arg not in ("self", "cls")]
        assert function.returns is not None, where(path, function)
        assert all(argument.annotation is not None for argument in given), where(path, function)


def test_the_house_stays_small_grained():
    lines = sorted(len(path.read_text("utf-8").splitlines()) for path in FILES)
    lengths = sorted(
        (function.end_lineno or 0) - function.body[0].lineno + 1
        for path in FILES
        for function in nodes(path, ast.FunctionDef, ast.AsyncFunctionDef)
    )
    assert statistics.median(lines) <= 120
    assert statistics.median(lengths) <= 10

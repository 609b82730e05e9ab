"""The fixed form of docstrings: a summary line, then sections that tell the truth of the signature."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FILES = sorted(
    path
    for folder in ("algorithm", "customize_service")
    for path in (PROJECT / folder).rglob("*.py")
)


def name_of(path):
    return path.relative_to(PROJECT).as_posix()


def documented(path):
    """(line, node, docstring) of the module and of each function and class that has one."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS)):
            continue
        text = ast.get_docstring(node)
        if text:
            yield getattr(node, "lineno", 1), node, text


def sections_of(text):
    """The lines of each section by its name, in order; what stands before them is under ""."""
    found = {"": []}
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z]\w*:", line):
            assert line[:-1] not in found, f"two sections {line}"
            found[line[:-1]] = []
        else:
            found[next(reversed(found))].append(line)
    return found


def entries_of(lines):
    """The names that a section explains: `name: text`, further lines indented deeper."""
    heads = [line[4:] for line in lines if re.match(r"    \S", line)]
    return [head.partition(":")[0].lstrip("*") for head in heads]


def parameters_of(node):
    """The names of what is passed to a function, or to the constructor of a class."""
    if isinstance(node, ast.ClassDef):
        node = next((each for each in node.body if getattr(each, "name", "") == "__init__"), None)
    if not isinstance(node, FUNCTIONS):
        return []
    given = node.args
    every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [each.arg for each in every if each and each.arg not in ("self", "cls")]


def is_property(node):
    return any("property" in ast.unparse(each) for each in node.decorator_list)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_summary_is_one_sentence_on_one_line(path):
    wrong = []
    for line, _, text in documented(path):
        summary = text.split("\n\n")[0]
        if "\n" in summary or not summary.endswith((".", "?")):
            wrong.append(f"{name_of(path)}:{line}: {summary!r}")
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_sections_are_spelled_right_in_order_and_filled(path):
    wrong = []
    for line, _, text in documented(path):
        found = sections_of(text)
        names = [name for name in found if name]
        if names != [name for name in SECTIONS if name in names]:
            wrong.append(f"{name_of(path)}:{line}: sections {names}")
        wrong += [f"{name_of(path)}:{line}: empty {name}" for name in names if not any(found[name])]
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_args_name_every_parameter_in_order(path):
    wrong = []
    for line, node, text in documented(path):
        lines = sections_of(text).get("Args")
        if lines is not None and entries_of(lines) != parameters_of(node):
            wrong.append(f"{name_of(path)}:{line}: {entries_of(lines)}, not {parameters_of(node)}")
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_long_docstrings_of_functions_with_many_parameters_explain_them(path):
    wrong = [
        f"{name_of(path)}:{line}: {node.name} lacks Args"
        for line, node, text in documented(path)
        if isinstance(node, FUNCTIONS)
        and not node.name.startswith("_")
        and "\n\n" in text
        and len(parameters_of(node)) >= 3
        and "Args" not in sections_of(text)
    ]
    assert not wrong


def attributes_of(node):
    """The names that a class has: its fields, its methods, and what is assigned to self."""
    inside = [each for each in ast.walk(node) if isinstance(each, ast.Attribute)]
    own = {each.attr for each in inside if ast.unparse(each.value) == "self"}
    return own | {
        each.target.id if isinstance(each, ast.AnnAssign) else each.name
        for each in node.body
        if isinstance(each, (ast.AnnAssign, *FUNCTIONS))
    }


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_attributes_are_those_of_the_class(path):
    wrong = []
    for line, node, text in documented(path):
        if isinstance(node, ast.ClassDef):
            named = entries_of(sections_of(text).get("Attributes", []))
            unknown = set(named) - attributes_of(node)
            wrong += [f"{name_of(path)}:{line}: {node.name} has no {name}" for name in unknown]
    assert not wrong


def gives_nothing(node):
    """Whether a function returns nothing to tell of: None, or a context without a value."""
    return node.returns is None or ast.unparse(node.returns) in (
        "None",
        "NoReturn",
        "Iterator[None]",
    )


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_what_explained_functions_give_is_said(path):
    """In the summary or in its section; a context manager yields what it gives."""
    wrong = []
    for line, node, text in documented(path):
        found = sections_of(text)
        if not isinstance(node, FUNCTIONS) or "Args" not in found or gives_nothing(node):
            continue
        said = {"Returns", "Yields"} & set(found) or re.match("(Return|Yield) ", text)
        context = any("contextmanager" in ast.unparse(each) for each in node.decorator_list)
        if not said or (context and "Returns" in found):
            wrong.append(f"{name_of(path)}:{line}: {node.name}")
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_functions_are_described_in_the_imperative(path):
    wrong = [
        f"{name_of(path)}:{line}: {text.splitlines()[0]}"
        for line, node, text in documented(path)
        if isinstance(node, FUNCTIONS)
        and not node.name.startswith("_")
        and not is_property(node)
        and re.match(
            r"(The|An?|Whether|What|Which|How|All|Every|[A-Z]\w+Error|[A-Z]?[a-z]+[^s\W]s)\b", text
        )
    ]
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_errors_stand_in_their_section(path):
    wrong = [
        f"{name_of(path)}:{line}"
        for line, _, text in documented(path)
        if re.search(r"\bRaises [A-Z]\w+", "\n".join(sections_of(text)[""]))
    ]
    assert not wrong


def test_the_form_is_seen_where_it_is_broken():
    """Every rule above looks at text; these are texts that each of them must tell apart."""
    text = (
        "Sum up.\n\nArgs:\n    one: First,\n        of two.\n    *more: Rest.\n\nReturn:\n    It."
    )
    assert [name for name in sections_of(text) if name] == ["Args", "Return"]
    assert entries_of(sections_of(text)["Args"]) == ["one", "more"]
    assert parameters_of(ast.parse("def f(self, a, *b, c, **d): ...").body[0]) == list("abcd")
    cls = ast.parse("class C:\n b: int\n def __init__(self, a): self.c = a").body[0]
    assert parameters_of(cls) == ["a"]
    assert attributes_of(cls) == {"b", "c", "__init__"}
    assert gives_nothing(ast.parse("def f() -> None: ...").body[0])
    assert not gives_nothing(ast.parse("def f() -> int: ...").body[0])

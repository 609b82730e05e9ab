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


@pytest.fixture(scope="module")
def documented():
    """("path:line", node, docstring) of each module, function and class that has one."""
    kinds = (ast.Module, ast.ClassDef, *FUNCTIONS)
    return [
        (f"{path.relative_to(PROJECT).as_posix()}:{getattr(node, 'lineno', 1)}", node, text)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, kinds) and (text := ast.get_docstring(node))
    ]


def sections_of(text):
    """The lines of each section by its name, in order; what stands before them is under ""."""
    found = {"": []}
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z]\w*:", line):
            assert line[:-1] not in found, f"two sections {line} in {text!r}"
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


def test_the_summary_is_one_sentence_on_one_line(documented):
    wrong = []
    for place, _, text in documented:
        summary = text.split("\n\n")[0]
        if "\n" in summary or not summary.endswith((".", "?")):
            wrong.append(f"{place}: {summary!r}")
    assert not wrong


def test_sections_are_spelled_right_in_order_and_filled(documented):
    wrong = []
    for place, _, text in documented:
        found = sections_of(text)
        names = [name for name in found if name]
        if names != [name for name in SECTIONS if name in names]:
            wrong.append(f"{place}: sections {names}")
        wrong += [f"{place}: empty {name}" for name in names if not any(found[name])]
    assert not wrong


def test_args_name_every_parameter_in_order(documented):
    wrong = []
    for place, node, text in documented:
        lines = sections_of(text).get("Args")
        if lines is not None and entries_of(lines) != parameters_of(node):
            wrong.append(f"{place}: {entries_of(lines)}, not {parameters_of(node)}")
    assert not wrong


def test_long_docstrings_of_functions_with_many_parameters_explain_them(documented):
    wrong = [
        f"{place}: {node.name} lacks Args"
        for place, node, text in documented
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


def test_attributes_are_those_of_the_class(documented):
    wrong = []
    for place, node, text in documented:
        if isinstance(node, ast.ClassDef):
            named = entries_of(sections_of(text).get("Attributes", []))
            unknown = set(named) - attributes_of(node)
            wrong += [f"{place}: {node.name} has no {name}" for name in unknown]
    assert not wrong


def gives_nothing(node):
    """Whether a function returns nothing to tell of: None, or a context without a value."""
    return node.returns is None or ast.unparse(node.returns) in (
        "None",
        "NoReturn",
        "Iterator[None]",
    )


def test_what_explained_functions_give_is_said(documented):
    """In the summary or in its section; a context manager yields what it gives."""
    wrong = []
    for place, node, text in documented:
        found = sections_of(text)
        if not isinstance(node, FUNCTIONS) or "Args" not in found or gives_nothing(node):
            continue
        said = {"Returns", "Yields"} & set(found) or re.match("(Return|Yield) ", text)
        context = any("contextmanager" in ast.unparse(each) for each in node.decorator_list)
        if not said or (context and "Returns" in found):
            wrong.append(f"{place}: {node.name}")
    assert not wrong


def test_functions_are_described_in_the_imperative(documented):
    wrong = [
        f"{place}: {text.splitlines()[0]}"
        for place, node, text in documented
        if isinstance(node, FUNCTIONS)
        and not node.name.startswith("_")
        and not is_property(node)
        and re.match(
            r"(The|An?|Whether|What|Which|How|All|Every|[A-Z]\w+Error|[A-Z]?[a-z]+[^s\W]s)\b", text
        )
    ]
    assert not wrong


def test_errors_stand_in_their_section(documented):
    wrong = [
        place
        for place, _, text in documented
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

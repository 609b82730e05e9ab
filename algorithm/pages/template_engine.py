"""The HTML templates of pages, in templates/."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("algorithm.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )


def render(template: str, **values: object) -> str:
    """Fill in a template. Texts are escaped, Markup is taken as it is."""
    return _environment().get_template(template).render(**values)


def piece(template: str, name: str, *values: object) -> Markup:
    """Call the macro `name` of a template. Texts are escaped, Markup is taken as it is."""
    return getattr(_environment().get_template(template).module, name)(*values)


def joined(parts: Iterable[str], between: str = "") -> Markup:
    """HTML that other pieces made, one after another."""
    return Markup(between.join(parts))

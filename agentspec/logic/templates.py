"""Named formulas with parameters, so that nobody has to write the common ones: DECLARE's and Dwyer's, in five scopes.

template("response").build({"a": "opened", "b": "closed"})                        G(opened -> F closed)
template("response").build({"a": "opened", "b": "closed", "between": ["q", "r"]}) G(q & !r -> F r -> ...)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agentspec.errors import InvalidInput, nearest
from agentspec.logic.pattern import Template
from agentspec.logic.templates_declare import ALIASES, DECLARE
from agentspec.logic.templates_dwyer import DWYER

TEMPLATES: Final[Mapping[str, Template]] = MappingProxyType({one.name: one for one in (*DECLARE, *DWYER)})
"""All templates by name, DECLARE's first."""


def template(name: str) -> Template:
    """The template of this name, or of which it is another name; raises InvalidInput with the nearest one."""
    found = TEMPLATES.get(ALIASES.get(name, name))
    if found is None:
        raise InvalidInput(f"unknown template '{name}'{nearest(name, [*TEMPLATES, *ALIASES])}")
    return found

"""A JSON Schema as a document: its drafts, its references, what its keywords must look like.

References are resolved within the document: JSON pointers, ``$anchor`` and ``$id``. Nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from agentspec import limits
from agentspec.content.json_text import shown
from agentspec.content.numbers import decimal_of
from agentspec.errors import InvalidInput

KINDS = ("null", "boolean", "number", "string", "array", "object")
TYPES = ["string", "integer", "number", "boolean", "null", "array", "object"]
ANNOTATIONS = {
    "title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly", "$schema", "$id",
    "$anchor", "$defs", "definitions", "$vocabulary", "$dynamicAnchor", "$recursiveAnchor",
    "contentEncoding", "contentMediaType", "contentSchema",
}  # fmt: skip
"""Keywords that restrict nothing (those of contents are annotations since draft 2019-09)."""
_ONE = {"additionalProperties", "propertyNames", "contains", "not", "if", "then", "else", "items", "additionalItems",
        "unevaluatedItems", "unevaluatedProperties"}  # fmt: skip
_MANY = {"allOf", "anyOf", "oneOf", "prefixItems"}
_NAMED = {"properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "dependencies"}
_COUNTS = {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains",
           "maxContains"}  # fmt: skip
_NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_STRINGS = {"pattern", "format", "$ref", "$dynamicRef", "$recursiveRef"}
KNOWN = {"type", "enum", "const", "required", "dependentRequired", "uniqueItems"}.union(
    _ONE, _MANY, _NAMED, _COUNTS, _NUMBERS, _STRINGS
)


def escaped(step: object) -> str:
    """One step of a JSON pointer."""
    return str(step).replace("~", "~0").replace("/", "~1")


class Document:
    """The whole schema; ``what`` names it in messages, ``draft`` is its number (2020 where it names none)."""

    def __init__(self, schema: Any, what: str) -> None:
        self.schema = schema
        self.what = what
        named = schema.get("$schema") if isinstance(schema, Mapping) else None
        found = re.search(r"draft-0?(\d+)|draft/(\d+)-", named) if isinstance(named, str) else None
        self.draft = int(found[1] or found[2]) if found else 2020
        self._places: dict[str, tuple[Any, str]] = {}
        self._bases: dict[int, str] = {}
        self._recursive: dict[tuple[int, int], bool] = {}
        self._reached: dict[int, frozenset[int]] = {}
        self._index()

    def refuse(self, pointer: str, problem: str) -> InvalidInput:
        return InvalidInput(f"{self.what}: {pointer}: {problem}")

    # References -----------------------------------------------------------------------------------------------------

    def _index(self) -> None:
        """Every subschema's base, and the places that references may name."""
        names = ("id", "$id") if self.draft < 6 else ("$id",)
        todo: list[tuple[Any, str, str]] = [(self.schema, "#", "")]
        self._places[""] = (self.schema, "#")
        while todo:
            schema, pointer, base = todo.pop()
            if isinstance(schema, Mapping):
                alone = self.draft < 8 and "$ref" in schema
                for name in names:
                    if isinstance(schema.get(name), str) and not alone:
                        base = urljoin(base, schema[name])
                        self._places.setdefault(base.removesuffix("#"), (schema, pointer))
                for name in ("$anchor", "$dynamicAnchor"):
                    if isinstance(schema.get(name), str):
                        self._places.setdefault(f"{urldefrag(base).url}#{schema[name]}", (schema, pointer))
                self._bases[id(schema)] = urldefrag(base).url
                if pointer.count("/") > 4 * limits.SCHEMA_DEPTH:
                    raise self.refuse(pointer[:200], "nested too deeply")
                todo += [(inner, f"{pointer}/{step}", base) for step, inner in _subschemas(schema)]

    def resolve(self, schema: Mapping[str, Any], reference: str, pointer: str) -> tuple[Any, str]:
        """The schema a reference names and its pointer. Raises InvalidInput where the document does not hold it."""
        base = self._bases.get(id(schema), "")
        whole = urljoin(base, reference) if not reference.startswith("#") else base + reference
        target, _, fragment = whole.partition("#")
        if whole.removesuffix("#") in self._places:
            return self._places[whole.removesuffix("#")]
        if target in self._places and (not fragment or fragment.startswith("/")):
            value, place = self._places[target]
            for step in unquote(fragment).split("/")[1:]:
                step = step.replace("~1", "/").replace("~0", "~")
                if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                    value = value[int(step)]
                elif isinstance(value, Mapping) and step in value:
                    value = value[step]
                else:
                    break
                place += f"/{escaped(step)}"
            else:
                if id(value) not in self._bases and isinstance(value, Mapping):
                    self._bases[id(value)] = target
                return value, place
        raise self.refuse(pointer, f"{shown(reference)} is not in this schema, and nothing is fetched")

    def is_recursive(self, source: Mapping[str, Any], target: Any) -> bool:
        """Whether the schema that is referred to leads back to the one that refers to it."""
        if id(target) not in self._reached:
            self._reached[id(target)] = self._reach(target)
        return id(source) in self._reached[id(target)]

    def _reach(self, target: Any) -> frozenset[int]:
        found: set[int] = set()
        todo = [target]
        while todo:
            schema = todo.pop()
            if not isinstance(schema, Mapping) or id(schema) in found:
                continue
            if id(schema) in self._reached:
                found |= self._reached[id(schema)]
            found.add(id(schema))
            for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
                if isinstance(schema.get(keyword), str):
                    todo.append(self.resolve(schema, schema[keyword], "#")[0])
            todo += [inner for step, inner in _subschemas(schema) if not step.startswith(("$defs/", "definitions/"))]
        return frozenset(found)

    # The form of keywords -------------------------------------------------------------------------------------------

    def check(self, schema: Any, pointer: str) -> Iterator[str]:
        """The keywords of one schema that are unknown. Raises InvalidInput for one whose value is malformed."""
        if not isinstance(schema, Mapping):
            if isinstance(schema, bool):
                return
            raise self.refuse(pointer, f"a schema is an object, true or false, not {shown(schema)}")
        for keyword, value in schema.items():
            if keyword in ANNOTATIONS or (isinstance(keyword, str) and keyword.startswith("x-")):
                continue
            if keyword == "id" and self.draft < 6:
                continue
            if keyword not in KNOWN or (keyword in ("dependencies", "additionalItems") and self.draft >= 2020):
                yield keyword
            elif (problem := self._problem(keyword, value)) is not None:
                raise self.refuse(f"{pointer}/{escaped(keyword)}", problem)

    def _problem(self, keyword: str, value: Any) -> str | None:
        """What is wrong with the form of a keyword's value, if anything is."""
        old = self.draft < 2020
        for keywords, fits, needed in _FORMS:
            if keyword in keywords and not fits(value):
                if old and keyword == "items" and isinstance(value, list):
                    return None
                if self.draft == 4 and keyword.startswith("exclusive") and isinstance(value, bool):
                    return None
                if old and keyword in ("minLength", "maxLength", "minItems", "maxItems") and isinstance(value, float):
                    return None if value.is_integer() else needed
                return needed
        return None


def _subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schemas right below, each with its steps from here."""
    for keyword, value in schema.items():
        if keyword in _ONE and not isinstance(value, list):
            yield keyword, value
        elif keyword in _MANY or (keyword == "items" and isinstance(value, list)):
            yield from ((f"{keyword}/{i}", inner) for i, inner in enumerate(value) if isinstance(value, list))
        elif keyword in _NAMED and isinstance(value, Mapping):
            yield from ((f"{keyword}/{escaped(name)}", inner) for name, inner in value.items())


def _is_count(value: Any) -> bool:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and value >= 0


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name in TYPES for name in names)


def _is_names_by_name(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_are_names, value.values()))


def _is_schema(value: Any) -> bool:
    return isinstance(value, Mapping | bool)


_FORMS: list[tuple[set[str], Callable[[Any], bool], str]] = [
    ({"type"}, _is_type, f"needs one or more of {', '.join(TYPES)}"),
    ({"enum"}, lambda value: isinstance(value, list) and bool(value), "needs at least one value"),
    ({"required"}, _are_names, "needs a list of names"),
    ({"dependentRequired"}, _is_names_by_name, "needs a list of names for each name"),
    ({"uniqueItems"}, lambda value: isinstance(value, bool), "is true or false"),
    (_COUNTS, _is_count, "needs a whole number, at least 0"),
    ({"multipleOf"}, lambda value: (decimal_of(value) or 0) > 0, "needs a number above 0"),
    (_NUMBERS, lambda value: decimal_of(value) is not None, "needs a number"),
    ({"pattern"}, lambda value: isinstance(value, str), "needs a regular expression as a string"),
    (_STRINGS, lambda value: isinstance(value, str), "needs a string"),
    ({"allOf", "anyOf", "oneOf"}, lambda value: isinstance(value, list) and bool(value), "needs at least one schema"),
    ({"prefixItems"}, lambda value: isinstance(value, list), "needs a list of schemas"),
    (_NAMED, lambda value: isinstance(value, Mapping), "needs an object that gives a schema for each name"),
    (_ONE, _is_schema, "a schema is an object, true or false"),
]

"""YAML 1.2 with positions: plain values only.

The parser is ruamel.yaml's; values are built here from its nodes, so nothing is ever constructed by tag. Refused:
duplicate keys, keys that are not strings, anchors, aliases, tags, merge keys, directives, lone surrogates, and files
that are large or deep.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    NodeEvent,
    ScalarEvent,
)
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from agentspec import limits
from agentspec.errors import InvalidInput, Location, SpecError, SyntaxProblem
from agentspec.reading import note

Steps = tuple[Any, ...]
T = TypeVar("T")
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


class YamlFile:
    """A parsed file: ``root``, the mapping at its top as plain values, and where each part stands."""

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.lines = _BREAK.split(text)
        self._marks: dict[tuple[Steps, bool], tuple[int, int]] = {((), False): (1, 1), ((), True): (1, 1)}
        if len(text) > limits.YAML_LENGTH:
            raise SyntaxProblem(
                f"the file is larger than {limits.YAML_LENGTH} characters", location=Location(source, 1, 1)
            )
        self._guarded(lambda: self._refuse_unsafe(text))
        node = self._guarded(lambda: YAML(typ="safe", pure=True).compose(text))
        if not isinstance(node, MappingNode):
            raise self.error("a spec is a mapping of keys at the top of the file", 1, 1)
        self.root: dict[str, Any] = self._value(node, ())

    def error(self, message: str, line: int, column: int) -> SyntaxProblem:
        """A SyntaxProblem at a line and column."""
        excerpt = self.lines[line - 1] if line <= len(self.lines) else None
        return SyntaxProblem(message, location=Location(self.source, line, column), excerpt=excerpt)

    def at(self, path: Steps, *, key: bool = False) -> tuple[Location, str | None]:
        """Where the value (or its key) at ``path`` stands, or its nearest ancestor's, and that line of text."""
        if (path, key) not in self._marks:
            key = False
        while (path, key) not in self._marks:
            path = path[:-1]
        line, column = self._marks[path, key]
        text = self.lines[line - 1] if line <= len(self.lines) else None
        return Location(self.source, line, column, text), text

    def fault(self, message: str, path: Steps, *, key: bool = False) -> SpecError:
        """A SpecError about the value (or the key) at ``path``."""
        location, excerpt = self.at(path, key=key)
        return SpecError(message, location=location, excerpt=excerpt)

    def value(self, path: Steps) -> Any:
        """The value at ``path``."""
        found: Any = self.root
        for part in path:
            found = found[part]
        return found

    def inside(self, path: Steps) -> Location:
        """Where the text of the string at ``path`` starts (after its quote)."""
        location, line = self.at(path)
        quoted = (line or "")[location.column - 1 : location.column] in ("'", '"')
        return Location(location.source, location.line, location.column + quoted, line)

    def _guarded(self, parse: Callable[[], T]) -> T:
        try:
            return parse()
        except InvalidInput:
            raise
        except MarkedYAMLError as problem:
            mark = problem.problem_mark or problem.context_mark
            text = (problem.problem or str(problem)).strip().split("\n")[0]
            if "end of stream" in text and problem.context_mark is not None:  # the culprit is what was left open
                mark, text = problem.context_mark, f"{problem.context}: it never ends"
            if "'\\t'" in text:
                text = "a tab; lines are indented with blanks"
            elif "<block end>" in text:
                text = "the indentation does not fit the lines above, or a quote or bracket is missing"
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise self.error(f"not valid YAML: {text}", line, column) from None
        except Exception as problem:  # the parser's own assertions and index errors on hostile text
            text = str(problem).strip().split("\n")[0] or type(problem).__name__
            raise self.error(f"not valid YAML: {text}", 1, 1) from None

    def _refuse_unsafe(self, text: str) -> None:
        depth = 0
        for event in YAML(typ="safe", pure=True).parse(text):
            where = (event.start_mark.line + 1, event.start_mark.column + 1)
            if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
                raise self.error("YAML directives are not part of the language", *where)
            if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
                raise self.error("anchors and aliases are not part of the language", *where)
            if isinstance(event, (ScalarEvent, CollectionStartEvent)) and getattr(event, "tag", None):
                hint = "; a text that begins with ! stands in quotes" if str(event.tag).startswith("!") else ""
                raise self.error(f"tags such as {event.tag} are not part of the language{hint}", *where)
            if isinstance(event, ScalarEvent) and event.value == "<<" and not event.style:
                raise self.error("merge keys are not part of the language", *where)
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > limits.YAML_DEPTH:
                raise self.error(f"nested deeper than {limits.YAML_DEPTH}", *where)

    def _value(self, node: Any, path: Steps) -> Any:
        self._marks[path, False] = _place(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self._value(item, (*path, i)) for i, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._scalar(node)

    def _mapping(self, node: MappingNode, path: Steps) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line, column = _place(key_node)
            if not isinstance(key_node, ScalarNode):
                raise self.error("a key is a name, not a list or mapping", line, column)
            key = self._scalar(key_node)
            if not isinstance(key, str):
                raise self.error(f"a key is a name, not {key!r}; put it in quotes", line, column)
            if key in found:
                raise self.error(f'duplicate key "{key}"', line, column)
            self._marks[(*path, key), True] = (line, column)
            found[key] = self._value(value_node, (*path, key))
        return found

    def _scalar(self, node: ScalarNode) -> Any:
        kind, text = str(node.tag).rsplit(":", 1)[-1], str(node.value)
        if any(0xD800 <= ord(c) <= 0xDFFF for c in text):
            raise self.error("a lone surrogate is no character", *_place(node))
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        try:
            if kind == "int":
                return _whole(text)
            if kind == "float":
                return float(re.sub(r"\.(inf|nan)$", r"\1", text.lower().replace("_", "")))
        except ValueError:
            return text
        return text


def _place(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _whole(text: str) -> int:
    digits = text.replace("_", "").lower()
    for prefix, base in (("0x", 16), ("0o", 8), ("0b", 2)):
        if digits.lstrip("+-").startswith(prefix):
            return int(digits, base)
    return int(digits)


def read_text(path: Path) -> str:
    """The file's text. Raises InvalidInput naming the file, and the place where it is not UTF-8."""
    try:
        content = path.read_bytes()
        note(path, content)
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as problem:
        good = problem.object[: problem.start].decode().split("\n")
        line = problem.object.split(b"\n")[len(good) - 1].decode(errors="replace").rstrip("\r")
        where = Location(str(path), len(good), len(good[-1]) + 1, line)
        raise SyntaxProblem("not UTF-8 from here on; save the file as UTF-8", location=where) from None
    except OSError as problem:
        raise InvalidInput(f"{path}: {problem.strerror or problem}") from None
    except ValueError as problem:  # a NUL or a lone surrogate in the name
        raise InvalidInput(f"{str(path)!r}: {problem}") from None

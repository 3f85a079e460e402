"""YAML 1.2 with positions: safe, duplicate keys refused, no anchors, tags or aliases, bounded size and depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent, ScalarEvent

from agentspec.errors import InvalidInput, Location, SpecError, SyntaxProblem

SIZE_LIMIT = 1_000_000
DEPTH_LIMIT = 50


class YamlFile:
    """A parsed file and where its parts stand. ``root`` is the mapping at its top."""

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.lines = text.split("\n")
        if len(text) > SIZE_LIMIT:
            raise SyntaxProblem(f"the file is larger than {SIZE_LIMIT} characters", location=Location(source, 1, 1))
        self._refuse_unsafe(text)
        root = self._parsed(lambda: YAML(typ="rt", pure=True).load(text))
        if not isinstance(root, CommentedMap):
            raise self.error("a spec is a mapping of keys at the top of the file", 1, 1)
        self.root = root

    def error(self, message: str, line: int, column: int) -> SyntaxProblem:
        excerpt = self.lines[line - 1] if line <= len(self.lines) else None
        return SyntaxProblem(message, location=Location(self.source, line, column), excerpt=excerpt)

    def _parsed(self, parse: Any) -> Any:
        try:
            return parse()
        except MarkedYAMLError as problem:
            mark = problem.problem_mark or problem.context_mark
            text = (problem.problem or str(problem)).strip().split("\n")[0]
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise self.error(f"not valid YAML: {text}", line, column) from None
        except (YAMLError, ValueError, RecursionError) as problem:
            text = str(problem).strip().split("\n")[0]
            raise self.error(f"not valid YAML: {text}", 1, 1) from None

    def _refuse_unsafe(self, text: str) -> None:
        depth = 0
        for event in self._parsed(lambda: _events(text)):
            where = (event.start_mark.line + 1, event.start_mark.column + 1)
            if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
                raise self.error("anchors and aliases are not part of the language", *where)
            if isinstance(event, (ScalarEvent, CollectionStartEvent)) and getattr(event, "tag", None):
                raise self.error(f"tags such as {event.tag} are not part of the language", *where)
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > DEPTH_LIMIT:
                raise self.error(f"nested deeper than {DEPTH_LIMIT}", *where)

    def at(self, path: tuple[Any, ...], *, key: bool = False) -> tuple[Location, str | None]:
        """Where the value (or its key) at ``path`` stands, or its nearest ancestor, and that line of text."""
        line, column = 0, 0
        node: Any = self.root
        for depth, part in enumerate(path):
            wants_key = key and depth == len(path) - 1
            try:
                if isinstance(node, CommentedMap):
                    line, column = node.lc.key(part) if wants_key else node.lc.value(part)
                elif isinstance(node, CommentedSeq):
                    line, column = node.lc.item(part)
                node = node[part]
            except (KeyError, IndexError, TypeError):
                break
        return Location(self.source, line + 1, column + 1), self.lines[line] if line < len(self.lines) else None

    def fault(self, message: str, path: tuple[Any, ...], *, key: bool = False) -> SpecError:
        """A SpecError about the value (or the key) at ``path``."""
        location, excerpt = self.at(path, key=key)
        return SpecError(message, location=location, excerpt=excerpt)

    def inside(self, path: tuple[Any, ...]) -> Location:
        """Where the text of the string at ``path`` starts (after its quote)."""
        location, _ = self.at(path)
        line = self.lines[location.line - 1]
        quoted = line[location.column - 1 : location.column] in ("'", '"')
        return Location(location.source, location.line, location.column + quoted)


def _events(text: str) -> list[Any]:
    return list(YAML(typ="rt", pure=True).parse(text))


def read_text(path: Path) -> str:
    """The file's text. Raises InvalidInput naming the file when it cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as problem:
        raise InvalidInput(f"{path}: not UTF-8 at byte {problem.start}; save the file as UTF-8") from None
    except OSError as problem:
        raise InvalidInput(f"{path}: {problem.strerror or problem}") from None

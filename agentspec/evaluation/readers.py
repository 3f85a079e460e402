"""Files of items: our own JSON lines, and GSM8K, HotpotQA and BFCL as they are published.

Every file is untrusted: its size is bounded, nothing of it is run. What is wrong with one line or item is told with its
place; the others are read. Only a file in which nothing can be read is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentspec import limits
from agentspec.content.tool_file import read_bounded
from agentspec.errors import InvalidInput, SyntaxProblem, nearest
from agentspec.evaluation.foreign_tools import foreign_tools
from agentspec.evaluation.items import Item
from agentspec.evaluation.json_values import Value, decoded, values_in
from agentspec.shipped import folder

READERS = ("auto", "jsonl", "gsm8k", "hotpotqa", "bfcl")
METRICS: Mapping[str, str] = {"jsonl": "exact", "gsm8k": "numeric", "hotpotqa": "f1", "bfcl": "calls"}
"""The metric of each reader's data, where no other is asked for."""

_OWN = {"id", "task", "expected", "tools"}


@dataclass(frozen=True)
class Data:
    """The items of a file. ``faults`` says what could not be read, ``sha256`` is that of the files."""

    items: tuple[Item, ...]
    faults: tuple[SyntaxProblem, ...]
    reader: str
    source: str
    sha256: str


@dataclass(frozen=True)
class _Context:
    """What items are made with: accepted answers by item, and whether what a data set gives to read is shown."""

    answers: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    shows: bool = False


def data_file(name: str) -> Path:
    """The file of a path, or of a set that is shipped under a name. Raises InvalidInput with the names there are."""
    path = Path(name)
    if path.exists() or "/" in name or path.suffix:
        return path
    sets = sorted(file.stem for file in folder("examples/eval").glob("*.jsonl"))
    if name in sets:
        return folder("examples/eval") / f"{name}.jsonl"
    raise InvalidInput(f"{name}: no such file, and no set of that name is shipped{nearest(name, sets)}")


def read_items(path: Path, reader: str = "auto", *, answers: Path | None = None, context: bool = False) -> Data:
    """The items of a file.

    ``answers`` is BFCL's second file, of accepted answers; ``context`` puts what HotpotQA gives to read before the
    question. Raises InvalidInput for a file that cannot be read at all.
    """
    if reader not in READERS:
        raise InvalidInput(f"no reader is called '{reader}'{nearest(reader, list(READERS))}")
    content = read_bounded(path, limits.DATA_BYTES)
    text, source = decoded(content, path), str(path)
    values = list(values_in(text, source))
    chosen = _reader(values, source) if reader == "auto" else reader
    extra, more = _answers(answers) if answers is not None else ({}, b"")
    if answers is not None and chosen != "bfcl":
        raise InvalidInput(f"{answers}: accepted answers in a file of their own are BFCL's, and {path} is {chosen}")
    made = _Context(extra, context)
    found: dict[str, Item] = {}
    faults: list[SyntaxProblem] = []
    for number, value in enumerate(values, start=1):
        if isinstance(value, SyntaxProblem):
            faults.append(value)
            continue
        try:
            item = _MAKERS[chosen](value.value, number, made)
            if item.id in found:
                raise InvalidInput(f"a second item with the id '{item.id}'")
            found[item.id] = item
        except InvalidInput as problem:
            faults.append(SyntaxProblem(f"{chosen}: {problem.message}", location=value.place))
    if not found:
        raise faults[0] if faults else InvalidInput(f"{path}: the file holds no item")
    return Data(tuple(found.values()), tuple(faults), chosen, source, hashlib.sha256(content + more).hexdigest())


# ---- one item of each kind -------------------------------------------------------------------------------------------


def _reader(values: list[Value | SyntaxProblem], source: str) -> str:
    """Which kind of data it is, by the first item that can be read."""
    for one in values:
        if isinstance(one, Value) and isinstance(one.value, dict):
            keys = one.value.keys()
            for name, marks in _MARKS.items():
                if any(needed <= keys for needed in marks):
                    return name
            raise InvalidInput(
                f"{one.place}: neither jsonl (id, task, expected), gsm8k (question, answer), hotpotqa (_id, question, "
                f"answer, context) nor bfcl (id, question, function); its keys are {', '.join(list(keys)[:8])}"
            )
    faults = [one for one in values if isinstance(one, SyntaxProblem)]
    raise faults[0] if faults else InvalidInput(f"{source}: the file holds no item")


_MARKS = {
    "jsonl": ({"task", "expected"},),
    "bfcl": ({"question", "function"},),
    "hotpotqa": ({"_id", "question", "answer"}, {"context", "question", "answer"}),
    "gsm8k": ({"question", "answer"},),
}
"""The keys by one set of which each kind of item is known."""


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(f"an item is an object, not {type(value).__name__}")
    return value


def _string(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str) or not found.strip():
        raise InvalidInput(f"'{key}' is missing" if key not in value else f"'{key}' is a text that is not empty")
    try:
        found.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"'{key}' is not valid Unicode") from None
    return found


def _own(value: Any, number: int, _: _Context) -> Item:
    item = _object(value)
    if "expected" not in item:
        raise InvalidInput("'expected' is missing")
    given = item.get("id", number)
    tools, names = foreign_tools(_listed(item, "tools")) if "tools" in item else ((), {})
    meta = {key: one for key, one in item.items() if key not in _OWN}
    return Item(str(given), _string(item, "task"), item["expected"], tools, names, meta)


def _gsm8k(value: Any, number: int, _: _Context) -> Item:
    item = _object(value)
    answer = _string(item, "answer")
    _solution, mark, result = answer.rpartition("####")
    if not mark or not result.strip():
        raise InvalidInput("'answer' ends with #### and the number")
    return Item(f"gsm8k-{number}", _string(item, "question"), result.strip(), meta={"solution": answer})


def _hotpotqa(value: Any, number: int, made: _Context) -> Item:
    item = _object(value)
    task = _string(item, "question")
    read = [f"{title}: {''.join(map(str, sentences)).strip()}" for title, sentences in _paragraphs(item)]
    if made.shows:
        if not read:
            raise InvalidInput("there is no 'context' to show")
        task = "\n".join([*read, task])
    meta = {key: one for key, one in item.items() if key in ("type", "level", "supporting_facts")}
    return Item(str(item.get("_id", item.get("id", number))), task, _string(item, "answer"), meta=meta)


def _paragraphs(item: dict[str, Any]) -> list[tuple[Any, list[Any]]]:
    """Titles with sentences: ``[title, [sentence, …]]`` each, as first published, or two columns as on the hub."""
    given = item.get("context", [])
    if isinstance(given, dict):
        titles, texts = given.get("title"), given.get("sentences")
        given = None
        if isinstance(titles, list) and isinstance(texts, list) and len(titles) == len(texts):
            given = [[title, sentences] for title, sentences in zip(titles, texts, strict=True)]
    good = isinstance(given, list) and all(
        isinstance(one, list) and len(one) == 2 and isinstance(one[1], list) for one in given
    )
    if not good:
        raise InvalidInput("'context' is a list of [title, [sentence, …]], or has as many 'title' as 'sentences'")
    return [(title, sentences) for title, sentences in given]


def _bfcl(value: Any, number: int, made: _Context) -> Item:
    item = _object(value)
    identity = str(item.get("id", f"bfcl-{number}"))
    tools, names = foreign_tools(_listed(item, "function"))
    expected = item.get("ground_truth", made.answers.get(identity))
    if expected is None:
        raise InvalidInput(f"nothing is expected of '{identity}': no 'ground_truth', and none in a file of answers")
    return Item(identity, _asked(item.get("question")), expected, tools, names)


def _asked(question: Any) -> str:
    """The words of the one turn: what the system says first, then the user."""
    turns = question if isinstance(question, list) else []
    if turns and all(isinstance(turn, dict) for turn in turns):
        turns = [turns]
    if len(turns) != 1 or not isinstance(turns[0], list):
        raise InvalidInput("'question' is one turn, a list of messages" + (f", not {len(turns)}" if turns else ""))
    said = []
    for message in turns[0]:
        if not isinstance(message, dict) or message.get("role") not in ("system", "user"):
            raise InvalidInput("a message is of the 'role' system or user")
        said.append(_string(message, "content"))
    if not said:
        raise InvalidInput("'question' holds no message")
    return "\n\n".join(said)


def _listed(item: dict[str, Any], key: str) -> list[Any]:
    found = item.get(key)
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list) or not found:
        raise InvalidInput(f"'{key}' is a list of functions")
    return found


def _answers(path: Path) -> tuple[dict[str, Any], bytes]:
    """The accepted answers by item, and the bytes of the file."""
    content = read_bounded(path, limits.DATA_BYTES)
    found = {}
    for one in values_in(decoded(content, path), str(path)):
        if isinstance(one, SyntaxProblem):
            raise one
        if isinstance(one.value, dict) and "id" in one.value and "ground_truth" in one.value:
            found[str(one.value["id"])] = one.value["ground_truth"]
            continue
        raise SyntaxProblem("an answer has 'id' and 'ground_truth'", location=one.place)
    return found, content


_MAKERS: Mapping[str, Callable[[Any, int, _Context], Item]] = {
    "jsonl": _own, "gsm8k": _gsm8k, "hotpotqa": _hotpotqa, "bfcl": _bfcl,
}  # fmt: skip

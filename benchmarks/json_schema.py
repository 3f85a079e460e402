"""JSON Schemas with instances of known validity: which engine compiles them, and which texts it then allows.

    python benchmarks/json_schema.py FOLDER [--every N] [--xgrammar PYTHON] [--show]

FOLDER holds JSON files of the JSON Schema Test Suite (github.com/json-schema-org/JSON-Schema-Test-Suite, such as
``tests/draft2020-12``) or of MaskBench (github.com/guidance-ai/jsonschemabench, ``maskbench/data``): objects, or lists
of them, with ``schema`` and ``tests``, each of which has ``data`` and ``valid``. The data is not part of the project.

Each instance is written as compact JSON with its keys in their own order and given to a recogniser of each engine's
grammar. *Wrong*: it is not valid, and the engine allows it. *Narrower*: it is valid, and the engine does not (ours
keeps to the schema's order of properties and to its bounds). A schema counts as wrong where any of its instances is.
``agentspec`` is strict: it refuses what it cannot enforce; ``lenient`` allows that much more, says so and validates
when the step is whole, which is not counted here. xgrammar runs in an environment of its own, under PYTHON.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SECONDS = 20
Accepts = Callable[[str], bool]


class Slow(Exception):
    """A schema or an instance took too long."""


def agentspec(schema: Any, *, lenient: bool = False) -> Accepts:
    """A recogniser of our texts. Raises where the schema is refused."""
    from agentspec.content.json_schema import JsonSchema, from_schema
    from agentspec.content.language import Language

    return Language(from_schema(JsonSchema(schema, lenient=lenient))).accepts


def lenient(schema: Any) -> Accepts:
    """As `agentspec`, where what cannot be enforced is left out."""
    return agentspec(schema, lenient=True)


def llguidance(schema: Any) -> Accepts:
    """A recogniser of llguidance's grammar, over bytes."""
    from llguidance import LLMatcher, LLTokenizer

    tokenizer = LLTokenizer("byte")
    grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema))
    first = LLMatcher(tokenizer, grammar)
    if first.is_error():
        raise ValueError(first.get_error())

    def accepts(text: str) -> bool:
        matcher = LLMatcher(tokenizer, grammar)
        tokens = tokenizer.tokenize_str(text)
        return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()

    return accepts


def xgrammar(schema: Any) -> Accepts:
    """A recogniser of xgrammar's grammar."""
    import xgrammar as xgr

    info = xgr.TokenizerInfo([bytes([i]) for i in range(256)] + [b"</s>"], stop_token_ids=[256])
    compiled = xgr.GrammarCompiler(info).compile_json_schema(json.dumps(schema))

    def accepts(text: str) -> bool:
        matcher = xgr.GrammarMatcher(compiled)
        return bool(matcher.accept_string(text)) and bool(matcher.accept_token(256))

    return accepts


ENGINES: dict[str, Callable[[Any], Accepts]] = {
    "agentspec": agentspec, "lenient": lenient, "llguidance": llguidance, "xgrammar": xgrammar,
}  # fmt: skip


def cases(folder: Path, every: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schemas with their tests, and where they stand."""
    for i, file in enumerate(sorted(folder.rglob("*.json"))):
        if i % every:
            continue
        try:
            found = json.loads(file.read_text())
        except ValueError:
            continue
        for case in found if isinstance(found, list) else [found]:
            if isinstance(case, dict) and "schema" in case and case.get("tests"):
                yield f"{file.name}: {case.get('description', '')}", case


def measure(name: str, folder: Path, every: int, show: bool) -> dict[str, Any]:
    """What one engine makes of all schemas."""
    counts: Counter[str] = Counter()
    times: list[float] = []
    signal.signal(signal.SIGALRM, _too_slow)
    for place, case in cases(folder, every):
        counts["schemas"] += 1
        began = time.perf_counter()
        try:
            signal.alarm(SECONDS)
            accepts = ENGINES[name](case["schema"])
            times.append(time.perf_counter() - began)
            told = [(test, accepts(_written(test["data"]))) for test in case["tests"] if _can_be_written(test["data"])]
        except Slow:
            counts["too slow"] += 1
            continue
        except Exception as problem:
            counts["refused"] += 1
            if type(problem).__module__.split(".")[0] not in ("agentspec", "builtins", "xgrammar"):
                counts["crashed"] += 1
            continue
        finally:
            signal.alarm(0)
        counts["compiled"] += 1
        wrong = [test for test, allowed in told if allowed and not test["valid"]]
        counts["wrong"] += bool(wrong)
        counts["right"] += not wrong
        counts["instances wrong"] += len(wrong)
        counts["instances narrower"] += sum(not allowed and test["valid"] for test, allowed in told)
        counts["instances right"] += sum(allowed == test["valid"] for test, allowed in told)
        for test in wrong if show else ():
            print(f"  {name} allows, in {place}: {_written(test['data'])[:100]}", file=sys.stderr)
    times.sort()
    middle = times[len(times) // 2] if times else 0.0
    return {**counts, "compile p50 ms": round(middle * 1e3, 1), "slowest s": round(times[-1] if times else 0, 1)}


def _too_slow(*_: object) -> None:
    raise Slow


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _can_be_written(value: Any) -> bool:
    try:
        _written(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take each N-th file only")
    parser.add_argument("--engine", choices=[*ENGINES], help="this engine alone, as JSON")
    parser.add_argument("--xgrammar", metavar="PYTHON", help="an interpreter that has xgrammar")
    parser.add_argument("--show", action="store_true", help="print what is wrong")
    asked = parser.parse_args()
    if asked.engine:
        print(json.dumps(measure(asked.engine, asked.folder, asked.every, asked.show)))
        return
    found = {name: measure(name, asked.folder, asked.every, asked.show) for name in [*ENGINES][:3]}
    versions = [f"{name} {_version(name)}" for name in ("agentspec-ltl", "llguidance")]
    if asked.xgrammar:
        command = [asked.xgrammar, __file__, str(asked.folder), "--every", str(asked.every), "--engine", "xgrammar"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found["xgrammar"] = json.loads(said.splitlines()[-1])
        code = "from importlib.metadata import version; print(version('xgrammar'))"
        told = subprocess.run([asked.xgrammar, "-c", code], capture_output=True, text=True, check=True).stdout
        versions.append(f"xgrammar {told.strip()}")
    print(", ".join(versions))
    rows = list(dict.fromkeys(row for one in found.values() for row in one))
    print(f"| | {' | '.join(found)} |\n| --- |{' ---: |' * len(found)}")
    for row in rows:
        print(f"| {row} | {' | '.join(str(one.get(row, 0)) for one in found.values())} |")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


if __name__ == "__main__":
    main()

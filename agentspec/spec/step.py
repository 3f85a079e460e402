"""One step as it was declared, checked, with the constraint of what the model may write there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agentspec.automata.letter import Owner
from agentspec.content.constraint import (
    ANY,
    LINE,
    VISIBLE,
    And,
    Characters,
    Choice,
    Constraint,
    Literal,
    Not,
    Quote,
    Repeat,
    Sequence,
    encoded,
    line_of_text,
    minus,
)
from agentspec.content.format import parse_template, repeated
from agentspec.content.json_schema import Bounds, JsonSchema, Lowered, lowered
from agentspec.content.regex import parse_regex, regex_line
from agentspec.errors import InvalidInput, SyntaxProblem, nearest
from agentspec.logic.parse import RESERVED
from agentspec.spec.fault import relocated, stands_on_one_line
from agentspec.spec.model import KINDS, FormatModel, FreeModel, JsonOptionsModel, Step, StepModel, TextModel
from agentspec.spec.yaml import YamlFile

INDENT = "  "
"""What every line of a step but its first begins with in a transcript, so that none can be taken for a cue."""
CONTINUED = {"\n": f"\n{INDENT}"}
"""How the text of a step of several lines is written in a transcript."""
_PARAGRAPH = tuple(sorted([*LINE, (0x0A, 0x0A)]))


def step(file: YamlFile, name: str, model: StepModel, models: dict[str, StepModel]) -> Step:
    """The step ``name`` of a file; ``models`` are all steps. Raises SpecError at what is wrong with it."""
    path: tuple[Any, ...] = ("steps", name)
    if name in RESERVED or name == "error":
        raise file.fault(f"'{name}' has a meaning in rules and cannot be the name of a step", path, key=True)
    if not model.cue.isprintable() or model.cue != model.cue.strip():
        raise file.fault("a cue is printable and neither begins nor ends with a blank", (*path, "cue"))
    kinds = [kind for kind in KINDS if getattr(model, kind) is not None]
    if model.by == "model" and len(kinds) != 1:
        but = f", not {' and '.join(kinds)}" if kinds else ""
        raise file.fault(f"the model's step '{name}' needs exactly one of {', '.join(KINDS)}{but}", path, key=True)
    if model.by != "model" and kinds:
        raise file.fault(f"the {model.by} writes '{name}': '{kinds[0]}' is for the model's steps", (*path, kinds[0]))
    if model.by == "model" and model.max_tokens is not None:
        raise file.fault("'max_tokens' is for steps of tools and users", (*path, "max_tokens"), key=True)
    if model.by != "model" and model.sampling is not None:
        raise file.fault("'sampling' is for the model's steps", (*path, "sampling"), key=True)
    if model.by == "user" and model.handler is not None:
        raise file.fault("'handler' is for steps of tools and of the model", (*path, "handler"), key=True)
    if model.by != "tool" and model.hidden:
        raise file.fault("'hidden' is for steps of tools", (*path, "hidden"), key=True)
    sampling = model.sampling.model_dump(exclude_none=True) if model.sampling else {}
    kind = kinds[0] if kinds else ""
    location = file.at(path, key=True)[0]
    if model.json_options is not None and kind != "json_schema":
        raise file.fault("'json_options' is for steps with json_schema", (*path, "json_options"), key=True)
    schema = _schema(model)
    made = None if schema is None else _lowered(file, (*path, kind), schema)
    content = _content(file, path, kind, model, models) if made is None else made.constraint
    return Step(
        name, Owner(model.by), model.cue, kind, content, model.tool, model.max_tokens or 200,
        model.text.max_lines if model.text else 1, model.free.until if model.free else "", schema, location,
        sampling=tuple(sampling.items()), unenforced=() if made is None else made.unenforced,
        hidden=model.hidden,
    )  # fmt: skip


def _schema(model: StepModel) -> JsonSchema | None:
    if model.json_schema is None:
        return None
    options = (model.json_options or JsonOptionsModel()).model_dump()
    return JsonSchema(model.json_schema, lenient=options.pop("mode") == "lenient", bounds=Bounds(**options))


def _lowered(file: YamlFile, inside: tuple[Any, ...], schema: JsonSchema) -> Lowered:
    try:
        return lowered(schema, what="json_schema")
    except SyntaxProblem as problem:  # in a pattern: its label is the JSON pointer
        raise file.fault(f"{problem.location}: {problem.message}", inside) from None
    except InvalidInput as problem:
        raise file.fault(problem.message, inside) from None


def _content(
    file: YamlFile, path: tuple[Any, ...], kind: str, model: StepModel, models: dict[str, StepModel]
) -> Constraint | None:
    inside = (*path, kind)
    if model.text is not None:
        if model.text.min_chars > model.text.max_chars:
            raise file.fault("min_chars is more than max_chars", inside)
        return _text(model.text)
    if model.choice is not None:
        return _choice(file, inside, model.choice)
    if model.free is not None:
        if model.free.until != model.free.until.strip() or not model.free.until.isprintable():
            where = inside if isinstance(file.value(inside), str) else (*inside, "until")
            raise file.fault("'until' is printable and neither begins nor ends with a blank", where)
        return _free(model.free, [other.cue for other in models.values()])
    if model.span is not None:
        return Quote(
            _quotable(file, (*inside, "of"), model.span.of, models),
            model.span.max_chars,
            model.span.which == "last",
            model.span.min_words,
        )
    if model.regex is not None:
        return _at_pattern(file, inside, model.regex.pattern, model.regex.max_chars)
    if model.format is not None:
        return _format(file, inside, model.format, models)
    return None


def _format(file: YamlFile, inside: tuple[Any, ...], model: FormatModel, models: dict[str, StepModel]) -> Constraint:
    written = inside if isinstance(file.value(inside), str) else (*inside, "template")
    try:
        made = parse_template(model.template, what="format")
    except SyntaxProblem as problem:
        start, here = file.inside(written), problem.location
        if here is not None and stands_on_one_line(file, written):
            start = replace(start, column=start.column + here.column - 1)
        raise SyntaxProblem(problem.message, location=start) from None
    for name in made.quoted:
        _quotable(file, written, [name], models)
    if model.repeat is None:
        return made.constraint
    if not model.separator.isprintable():
        raise file.fault("a separator is printable text of one line", (*inside, "separator"))
    low, high = map(int, model.repeat.split(".."))
    try:
        return repeated(made, low, high, model.separator).constraint
    except InvalidInput as problem:
        raise file.fault(problem.message, (*inside, "repeat")) from None


def _at_pattern(file: YamlFile, inside: tuple[Any, ...], pattern: str, max_chars: int) -> Constraint:
    written = inside if isinstance(file.value(inside), str) else (*inside, "pattern")
    start = file.inside(written)
    try:
        parsed = parse_regex(pattern, source=start.source, line=start.line, column=start.column)
        return regex_line(parsed, max_chars)
    except SyntaxProblem as problem:
        raise relocated(file, written, problem) from None
    except InvalidInput as problem:
        raise file.fault(problem.message, written) from None


def _quotable(file: YamlFile, path: tuple[Any, ...], names: list[str], models: dict[str, StepModel]) -> tuple[str, ...]:
    others = [name for name, model in models.items() if model.by != "model"]
    for name in names:
        if name not in others:
            what = "is the model's own" if name in models else "is unknown"
            raise file.fault(
                f"text can be quoted from steps of tools and users; '{name}' {what}{nearest(name, others)}", path
            )
    return tuple(dict.fromkeys(names))


def _choice(file: YamlFile, path: tuple[Any, ...], options: list[str]) -> Constraint:
    for i, option in enumerate(options):
        if not option or option[0].isspace() or not option.isprintable() or option in options[:i]:
            raise file.fault("a choice is a distinct, printable line that begins with no blank", (*path, i))
    return Choice(tuple(map(Literal, options)))


def _text(model: TextModel) -> Constraint:
    """One line, or several of which the later ones are indented; the text neither begins nor ends with a blank."""
    if model.max_lines == 1:
        return line_of_text(model.min_chars, model.max_chars)
    visible = Characters(VISIBLE, 1, 1)
    whole = Sequence((visible, Choice((Literal(""), Sequence((Characters(_PARAGRAPH, 0, None), visible))))))
    lines = Sequence(
        (
            Characters(LINE, 0, None),
            Repeat(Sequence((Literal("\n"), Characters(LINE, 0, None))), 0, model.max_lines - 1),
        )
    )
    length = Characters(_PARAGRAPH, model.min_chars, model.max_chars)
    return encoded(And((whole, lines, length)), CONTINUED)


def _free(model: FreeModel, cues: list[str]) -> Constraint:
    """Any text up to the first closing delimiter; no line of it begins with a cue.

    The delimiter stands for itself at the end, where nothing before it could be a part of it or make it part of a cue.
    """
    close = Literal(model.until)
    starts = [text[i:] for text in (*cues, model.until[1:]) for i in range(len(text))]
    if not any(model.until.startswith(start) for start in starts):
        anything = Characters(ANY, 0, None)
        lines = Repeat(Sequence((Literal("\n"), _begins_with_none(cues))), 0, None)
        region = Sequence((Characters(LINE, 0, None), lines))
        shut = Not(Sequence((anything, close, anything)))
        return Sequence((And((Characters(_PARAGRAPH, 0, model.max_chars), region, shut)), close))
    early = Sequence((Characters(ANY, 0, None), close, Characters(ANY, 1, None)))
    once = Sequence((Characters(_PARAGRAPH, 0, model.max_chars), close))
    later = Repeat(Sequence((Literal("\n"), _begins_with_none(cues))), 0, None)
    return And((once, Sequence((Characters(LINE, 0, None), later)), Not(early)))


def _begins_with_none(prefixes: list[str]) -> Constraint:
    """The lines that begin with none of the prefixes: character by character along the tree they form."""
    heads = sorted({prefix[0] for prefix in prefixes})
    ways: list[Constraint] = [Literal(""), Sequence((Characters(minus(LINE, heads), 1, 1), Characters(LINE, 0, None)))]
    for head in heads:
        rest = [prefix[1:] for prefix in prefixes if prefix[0] == head]
        if all(rest):  # else the prefix is complete here, and no line goes on
            ways.append(Sequence((Literal(head), _begins_with_none(rest))))
    return Choice(tuple(ways))


def check_cues(steps: dict[str, Step]) -> None:
    """Steps of the model whose cues begin alike must end alike, else nobody could say where they end."""
    mine = [one for one in steps.values() if one.owner == Owner.MODEL]
    for i, one in enumerate(mine):
        for other in mine[:i]:
            alike = one.cue.startswith(other.cue) or other.cue.startswith(one.cue)
            if alike and (one.max_lines > 1, one.until) != (other.max_lines > 1, other.until):
                raise SyntaxProblem(
                    f"the cues {other.cue!r} of '{other.name}' and {one.cue!r} of '{one.name}' begin alike, and only "
                    "one of the steps may have several lines: give them different cues",
                    location=one.location,
                )

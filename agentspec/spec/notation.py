"""Agents in the notation of Crouse et al. (arXiv 2310.08535), written anew as specs of ours.

``next`` is a sequence, ``or`` a choice, ``(until a b)`` any number of rounds of a and then b, ``until_5`` at most 5,
``until_2_5`` 2 to 5, ``always`` rounds without an end. The language is exact: where one option begins like another,
nothing is decided before they differ. What the notation does not tell is chosen here and said in ``notes``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace

from agentspec import limits
from agentspec.errors import InvalidInput, Location, SpecError, SyntaxProblem, TooLarge, nearest
from agentspec.logic.behavior import Behavior, Step, choice, concat, first_steps, repeat, show_behavior
from agentspec.spec.load import load_text
from agentspec.spec.sexpr import Group, Word, read

OPERATORS = ("next", "or", "until", "until_MAX", "until_MIN_MAX", "always")
KEYS = (":text", ":flags", ":output-constrs")
_UNTIL = re.compile(r"until(?:_([0-9]+))?(?:_([0-9]+))?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,59}")
_INPUT = re.compile(r"inp|arg|param", re.IGNORECASE)


@dataclass(frozen=True)
class Imported:
    """``yaml`` is a spec of ours; ``notes`` say what was chosen."""

    name: str
    yaml: str
    notes: tuple[str, ...]


@dataclass
class _State:
    name: Word
    cue: str = ""
    from_environment: bool = False
    constraints: list[str] = field(default_factory=list)
    role: str = "text"


@dataclass(frozen=True)
class _Part:
    """A behavior, the states it may begin and end with, and those that may follow one another in it.

    ``ends``: some of its words do, ``endless``: some do not.
    """

    behavior: Behavior
    first: frozenset[str]
    last: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    empty: bool = False
    ends: bool = True
    endless: bool = False


_EMPTY = _Part(concat(()), frozenset(), frozenset(), frozenset(), empty=True)


def imported(text: str, source: str) -> list[Imported]:
    """The agents of a text, in order. Raises SyntaxProblem or SpecError with the place of what is wrong."""
    forms = read(text, source)
    for form in forms:
        if not isinstance(form, Group) or form.head != "define":
            raise SyntaxProblem("(define NAME (:states …) (:behavior …)) is expected", location=form.location)
    if len(forms) > limits.NOTATION_AGENTS:
        raise TooLarge(f"more than {limits.NOTATION_AGENTS} agents", location=forms[limits.NOTATION_AGENTS].location)
    if not forms:
        raise SyntaxProblem("there is no (define …)", location=Location(source, 1, 1))
    found = [_agent(form) for form in forms if isinstance(form, Group)]
    names = [one.name for one in found]
    for i, (form, name) in enumerate(zip(forms, names, strict=True)):
        if name in names[:i]:
            raise SpecError(f"'{name}' is defined twice", location=form.location)
    return found


def _agent(form: Group) -> Imported:
    if len(form.items) < 2 or not isinstance(form.items[1], Word):
        raise SyntaxProblem("the name of the agent is expected behind define", location=form.location)
    name = form.items[1]
    _check_name(name)
    parts: dict[str, Group] = {}
    for item in form.items[2:]:
        key = item.head if isinstance(item, Group) else item.text
        if key not in (":states", ":behavior") or not isinstance(item, Group):
            raise SyntaxProblem(f"'{_clipped(key)}': (:states …) or (:behavior …) is expected", location=item.location)
        if key in parts:
            raise SyntaxProblem(f"there is a second {key}", location=item.location)
        parts[key] = item
    for key in (":states", ":behavior"):
        if key not in parts:
            raise SyntaxProblem(f"the agent '{name.text}' has no ({key} …)", location=form.location)
    states = _states(parts[":states"])
    given = parts[":behavior"].items[1:]
    if len(given) != 1:
        raise SyntaxProblem(f"one formula is expected, not {len(given)}", location=parts[":behavior"].location)
    whole = _part(given[0], states, last=True)
    if whole.endless and whole.ends:
        what = "some runs would end and others never (always): make it one or the other"
        raise SpecError(what, location=given[0].location)
    return _written(name, states, whole, given[0])


def _clipped(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _check_name(name: Word) -> None:
    if name.quoted or not _NAME.fullmatch(name.text):
        raise SpecError(
            f"'{name.text[:60]}' is no name: a letter or _, then letters, digits, _ or -, 60 at most",
            location=name.location,
        )


def _states(group: Group) -> dict[str, _State]:
    states: dict[str, _State] = {}
    for item in group.items[1:]:
        if not isinstance(item, Group) or not item.head:
            raise SyntaxProblem('a state is expected: (NAME (:text "[Cue]") …)', location=item.location)
        state = _state(item)
        if state.name.text in states:
            raise SpecError(f"the state '{state.name.text}' is there twice", location=item.location)
        states[state.name.text] = state
        if len(states) > limits.NOTATION_STATES:
            raise TooLarge(f"more than {limits.NOTATION_STATES} states", location=item.location)
    if not states:
        raise SpecError("there are no states", location=group.location)
    return states


def _state(group: Group) -> _State:
    name = group.items[0]
    assert isinstance(name, Word)
    _check_name(name)
    state = _State(name)
    for item in group.items[1:]:
        key = item.head if isinstance(item, Group) else item.text
        if key in KEYS and isinstance(item, Word):
            raise SyntaxProblem(f"parentheses are expected around {key} and what it says", location=item.location)
        if key not in KEYS or not isinstance(item, Group):
            raise SyntaxProblem(
                f"'{_clipped(key)}' of the state '{name.text}' is not known{nearest(_clipped(key), [*KEYS])}",
                location=item.location,
            )
        words = [word for word in item.items[1:] if isinstance(word, Word)]
        if len(words) != len(item.items) - 1 or not words:
            raise SyntaxProblem(f"words are expected behind {key}", location=item.location)
        if key == ":text":
            if len(words) != 1:
                raise SyntaxProblem("one text is expected behind :text", location=item.location)
            state.cue = words[0].text.strip()
        elif key == ":output-constrs":
            state.constraints = [word.text for word in words]
        else:
            for word in words:
                if word.text != ":env-input":
                    raise SyntaxProblem(
                        f"the flag '{_clipped(word.text)}' is not known; there is :env-input", location=word.location
                    )
            state.from_environment = True
    if not state.cue:
        raise SpecError(f"the state '{name.text}' has no (:text …)", location=group.location)
    if state.from_environment and state.constraints:
        raise SpecError(
            f"the state '{name.text}' comes from outside: :output-constrs cannot hold for it",
            location=group.location,
        )
    return state


# Behaviors ------------------------------------------------------------------------------------------------------------


def _words(form: Word | Group) -> list[str]:
    """All words of a formula, operators too."""
    return [form.text] if isinstance(form, Word) else [word for item in form.items for word in _words(item)]


def _part(form: Word | Group, states: dict[str, _State], *, last: bool) -> _Part:
    """A formula; ``last``: nothing comes behind it."""
    if isinstance(form, Word):
        if form.text not in states:
            named = _clipped(form.text)
            raise SpecError(f"unknown state '{named}'{nearest(named, [*states])}", location=form.location)
        alone = frozenset({form.text})
        return _Part(Step(form.text), alone, alone, frozenset())
    head, given = form.head, form.items[1:]
    bounds = _UNTIL.fullmatch(head)
    if head not in ("next", "or", "always") and bounds is None:
        valid = f"the operators are {', '.join(OPERATORS)}"
        what = f"unknown operator '{_clipped(head)}'" if head else "a formula begins with a bare operator"
        raise SyntaxProblem(f"{what}; {valid}", location=form.location)
    if (bounds and len(given) != 2) or (head == "always" and len(given) != 1) or not given:
        wanted = "a round and an exit" if bounds else "one formula" if head == "always" else "formulas"
        raise SyntaxProblem(f"{head} takes {wanted}, not {len(given)} formulas", location=form.location)
    if head == "or":
        return _either([_part(one, states, last=last) for one in given])
    if head == "next":
        return _row([_part(one, states, last=last and i == len(given) - 1) for i, one in enumerate(given)])
    if head == "always":
        if not last:
            raise SpecError("always has no end, so nothing can come behind it", location=form.location)
        rounds = _rounds(_part(given[0], states, last=False), 1, None)  # the first comes, whatever was before it
        return replace(rounds, ends=False, endless=True)
    assert bounds is not None
    least, most = _bounds(bounds, form)
    return _row([_rounds(_part(given[0], states, last=False), least, most), _part(given[1], states, last=last)])


def _bounds(bounds: re.Match[str], form: Group) -> tuple[int, int | None]:
    numbers = [number for number in bounds.groups() if number is not None]
    for number in numbers:
        if len(number) > 9 or int(number) > limits.BEHAVIOR_REPEAT:
            raise SpecError(f"{form.head}: at most {limits.BEHAVIOR_REPEAT} rounds", location=form.location)
    if not numbers:
        return 0, None
    least, most = (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else (0, int(numbers[0]))
    if least > most:
        raise SpecError(f"{form.head}: {least} is more than {most}", location=form.location)
    return least, most


def _row(parts: list[_Part]) -> _Part:
    """One after the other."""
    first: set[str] = set()
    last: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    empty = True
    for part in parts:
        pairs |= part.pairs
        pairs.update((a, b) for a in last for b in part.first)
        first |= part.first if empty else set()
        last = set(part.last) | (last if part.empty else set())
        empty = empty and part.empty
    return _Part(
        concat([part.behavior for part in parts]),
        frozenset(first),
        frozenset(last),
        frozenset(pairs),
        empty,
        all(part.ends for part in parts),
        any(part.endless for part in parts),
    )


def _either(parts: list[_Part]) -> _Part:
    return _Part(
        choice([part.behavior for part in parts]),
        frozenset().union(*(part.first for part in parts)),
        frozenset().union(*(part.last for part in parts)),
        frozenset().union(*(part.pairs for part in parts)),
        any(part.empty for part in parts),
        any(part.ends for part in parts),
        any(part.endless for part in parts),
    )


def _rounds(part: _Part, least: int, most: int | None) -> _Part:
    if most == 0:
        return _EMPTY
    pairs = part.pairs | ({(a, b) for a in part.last for b in part.first} if most != 1 else frozenset())
    return _Part(repeat(part.behavior, least, most), part.first, part.last, pairs, part.empty or least == 0)


# Specs ----------------------------------------------------------------------------------------------------------------


def _written(name: Word, states: dict[str, _State], whole: _Part, form: Word | Group) -> Imported:
    begin = first_steps(whole.behavior)
    if len(begin) != 1:
        raise SpecError(
            f"a run begins with what the user says, in one state; this one may begin with {', '.join(sorted(begin))}",
            location=form.location,
        )
    notes = _roles(states, whole, next(iter(begin)))
    words = [word for word in _words(form) if word in states]
    if whole.endless and "until" in _words(form) and len(words) > len(set(words)):
        notes.append("some states are named twice: a session may also stay for ever in the rounds of an until")
    lines = ["# From the notation of Crouse et al. (arXiv 2310.08535); see agentspec import.", "version: 1"]
    lines += [f"name: {_key(name)}", *(["semantics: infinite"] if whole.endless else []), "steps:"]
    first = len(lines) + len(notes)
    lines += [f"  {_key(state.name)}: {{{_step(state)}}}" for state in states.values()]
    lines += [f"behavior: {json.dumps(show_behavior(whole.behavior))}"]
    yaml = "\n".join([*lines[:1], *(f"# {note}" for note in notes), *lines[1:]]) + "\n"
    try:
        load_text(yaml)
    except InvalidInput as problem:
        row = problem.location.line - first - 1 if problem.location else -1
        culprit = [state.name for state in states.values()][row] if 0 <= row < len(states) else name
        what = f"'{culprit.text}' has no form in a spec of ours: {problem.message[:300]}"
        raise SpecError(what, location=culprit.location) from None
    return Imported(name.text, yaml, tuple(notes))


def _roles(states: dict[str, _State], whole: _Part, begin: str) -> list[str]:
    """Say in each state who writes it, and in which calls of tools are written. Returns what was guessed."""
    notes: list[str] = []
    before: dict[str, set[str]] = {name: set() for name in states}
    for a, b in whole.pairs:
        before[b].add(a)
    states[begin].role = "user"
    if states[begin].constraints:
        notes.append(f"{begin} is what the user says; its :output-constrs are left out")
    for name, state in states.items():
        if not state.from_environment or name == begin:
            continue
        state.role = "tool"
        callers = sorted(one for one in before[name] if one != begin and not states[one].from_environment)
        inputs = [one for one in callers if _hints(states[one]) and len(before[one]) == 1]
        for one in inputs:
            (chooser,) = before[one]
            if chooser != begin and not states[chooser].from_environment:
                states[chooser].role, states[one].role = "name", "arguments"
                notes.append(f"{chooser} and {one} are read as a tool's name and its arguments, which {name} answers")
        if not any(states[one].role == "arguments" for one in callers):
            for one in callers:
                states[one].role = "call"
                notes.append(f'{one} is read as a whole call, {{"name": …, "arguments": …}}, which {name} answers')
        if not callers and before[name]:
            raise SpecError(
                f"the state '{name}' comes from outside, and nothing that the model writes comes before it to call it",
                location=state.name.location,
            )
    notes += _left_out(states, whole)
    for state in states.values():
        if state.constraints and state.role in ("name", "call"):
            notes.append(
                f"{state.name.text} may name these tools, to be listed as tools: {', '.join(state.constraints)}"
            )
        elif state.constraints and state.role == "arguments":
            notes.append(f"{state.name.text} holds a tool's arguments by its schema; its :output-constrs are left out")
    if any(state.role == "text" and not state.constraints for state in states.values()):
        notes.append("how long a text may be is not told there: a line of 400 characters here")
    return [_line(note) for note in dict.fromkeys(notes)]


def _left_out(states: dict[str, _State], whole: _Part) -> list[str]:
    """What the behavior says and a tool's steps cannot be: each call is answered at once, and nothing else is."""
    calls = {name for name, state in states.items() if state.role in ("call", "arguments")}
    tools = {name for name, state in states.items() if state.role == "tool"}
    odd = sorted(pair for pair in whole.pairs if (pair[0] in calls) != (pair[1] in tools))
    found = [f"{a} before {b}" for a, b in odd] + [f"{name} at the end" for name in sorted(whole.last & calls)]
    if not found:
        return []
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return [f"a call is answered at once, and nothing else is: no run has {', '.join(found[:5])}{more}"]


def _line(note: str) -> str:
    """The note as one line that can stand in a comment."""
    return "".join(c if c.isprintable() else " " for c in note)


def _hints(state: _State) -> bool:
    return bool(_INPUT.search(state.name.text) or _INPUT.search(state.cue))


def _key(name: Word) -> str:
    """The name as YAML reads it: some words are no strings there."""
    return json.dumps(name.text) if name.text.lower() in ("true", "false", "null") else name.text


def _step(state: _State) -> str:
    cue = f"cue: {json.dumps(state.cue, ensure_ascii=False)}"
    if state.role in ("user", "tool"):
        return f"by: {state.role}, {cue}"
    if state.role == "text":
        kind = (
            f"choice: {json.dumps(state.constraints, ensure_ascii=False)}"
            if state.constraints
            else "text: {max_chars: 400}"
        )
        return f"by: model, {cue}, {kind}"
    return f"by: model, {cue}, tool: {state.role}"

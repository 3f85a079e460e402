"""Mask laws: what a matcher offers is what it takes. They hold for every grammar and every place in a text."""

from __future__ import annotations

import numpy as np
import pytest

from agentspec.decoding.matcher import Matcher
from agentspec.errors import AgentSpecError, EngineFault
from tests.decoding.bytes import PIECES, factory, tokens

GRAMMARS = {
    "line": ('start: n0\nn0: L0\nL0: "[A] " /[a-cé😀]{1,3}/ "\\n"\n', ["[A] abc\n", "[A] a\n", "[A] é😀b\n"]),
    "loop": (
        'start: n0\nn0: L0 n0 | L1 n1 | ""\nn1: L0\nL0: "[A] " /[a-c]{1,3}/ "\\n"\nL1: "[B] x\\n"\n',
        ["[A] ab\n[A] abc\n", "[B] x\n[A] a\n", "[A] c\n[B] x\n[A] bb\n"],
    ),
    "choice": ('start: n0\nn0: L0\nL0: "[A] " ("ab" | "abc" | "b") "\\n"\n', ["[A] ab\n", "[A] abc\n", "[A] b\n"]),
    "json": (
        'start: n0\nn0: L0\nL0: "[A] " "{" ("" | "\\"a\\":[" ("" | "\\"x\\"" (",\\"x\\""){0,2}) "]") "}" "\\n"\n',
        ["[A] {}\n", '[A] {"a":["x","x"]}\n', '[A] {"a":[]}\n'],
    ),
    "fixed": ('start: n0\nn0: L0\nL0: "[A] abc\\n"\n', ["[A] abc\n"]),
}
VOCABULARIES = [(), PIECES]
CASES = [(name, text, pieces) for name, (_, texts) in GRAMMARS.items() for text in texts for pieces in VOCABULARIES]


def at(name: str, prefix: list[int], pieces: tuple[bytes, ...]) -> Matcher:
    """A fresh matcher after a prefix."""
    matcher = factory(pieces).matcher(GRAMMARS[name][0])
    if prefix:
        matcher.consume(prefix)
    return matcher


def takes(name: str, prefix: list[int], run: list[int], pieces: tuple[bytes, ...]) -> bool:
    """Whether a copy at the prefix takes the tokens."""
    matcher = at(name, prefix, pieces)
    try:
        matcher.consume(run)
    except EngineFault:
        return False
    return True


def assert_mask_law(name: str, prefix: list[int], pieces: tuple[bytes, ...], every: bool) -> None:
    """What is offered is taken. What is taken is offered, or else a longer token that spells it further is."""
    vocabulary = tokens(pieces)
    mask = at(name, prefix, pieces).mask()
    assert mask.dtype == np.bool_
    assert mask.shape == (len(vocabulary),)
    likely = {*np.flatnonzero(mask).tolist(), *b'[AB] abcx{}",:\n', 0xC3, 0xF0, *range(256, len(vocabulary))}
    for token in range(len(mask)) if every else sorted(likely):
        taken = takes(name, prefix, [token], pieces)
        if mask[token] or not pieces:
            assert mask[token] == taken, (prefix, token)
        elif taken:
            longer = [vocabulary[other] for other in np.flatnonzero(mask)]
            assert all(other.startswith(vocabulary[token]) for other in longer), (prefix, token)


@pytest.mark.parametrize(("name", "text", "pieces"), CASES)
def test_a_token_is_in_the_mask_exactly_if_it_can_be_consumed(name: str, text: str, pieces: tuple[bytes, ...]) -> None:
    data = text.encode()
    for cut in range(len(data)):
        assert_mask_law(name, list(data[:cut]), pieces, every=cut in (4, len(data) - 2))


@pytest.mark.parametrize(("name", "text", "pieces"), CASES)
def test_every_text_can_be_written_by_what_is_offered(name: str, text: str, pieces: tuple[bytes, ...]) -> None:
    matcher, rest, vocabulary = at(name, [], pieces), text.encode(), tokens(pieces)
    while rest:
        assert not matcher.finished
        fitting = [token for token in np.flatnonzero(matcher.mask()).tolist() if rest.startswith(vocabulary[token])]
        assert fitting, rest
        assert pieces or fitting == [rest[0]]
        matcher.consume([min(fitting, key=lambda token: len(vocabulary[token]))])
        rest = text.encode()[len(text.encode()) - len(rest) + min(len(vocabulary[token]) for token in fitting) :]
    assert matcher.is_accepting


@pytest.mark.parametrize(("name", "text", "pieces"), CASES)
def test_forced_tokens_are_the_only_continuation(name: str, text: str, pieces: tuple[bytes, ...]) -> None:
    data, vocabulary = text.encode(), tokens(pieces)
    for cut in range(len(data)):
        prefix = list(data[:cut])
        matcher = at(name, prefix, pieces)
        forced = matcher.forced()
        assert at(name, prefix, pieces).mask().tolist() == matcher.mask().tolist(), "forced() moved the matcher"
        if not forced:
            continue
        written = b"".join(vocabulary[token] for token in forced)
        assert takes(name, prefix, forced, pieces)
        for place, token in enumerate(forced):
            rest = b"".join(vocabulary[t] for t in forced[place:])
            offered = np.flatnonzero(at(name, prefix + forced[:place], pieces).mask()).tolist()
            assert token in offered
            assert all(rest.startswith(vocabulary[other]) or vocabulary[other].startswith(rest) for other in offered), (
                "something else could follow"
            )
        assert data[cut:].startswith(written) or written.startswith(data[cut:])


@pytest.mark.parametrize(("name", "text", "pieces"), CASES)
def test_rollback_restores_everything(name: str, text: str, pieces: tuple[bytes, ...]) -> None:
    data = list(text.encode())
    matcher = at(name, [], pieces)
    seen = []
    for byte in data:
        seen.append((matcher.mask().tolist(), matcher.forced(), matcher.is_accepting, matcher.finished))
        matcher.consume([byte])
    for back in range(1, len(data) + 1):
        matcher.rollback(1)
        assert (matcher.mask().tolist(), matcher.forced(), matcher.is_accepting, matcher.finished) == seen[-back]
    matcher.consume(data)
    matcher.rollback(len(data))
    assert matcher.mask().tolist() == seen[0][0]


def test_rollback_into_another_text() -> None:
    matcher = at("choice", list(b"[A] abc\n"), ())
    assert matcher.finished
    matcher.rollback(3)
    assert not matcher.finished
    matcher.consume(list(b"b\n"))
    assert matcher.finished


def test_a_mask_stays_as_it_was() -> None:
    matcher = at("line", [], ())
    first = matcher.mask()
    copy = first.copy()
    matcher.consume(list(b"[A] "))
    matcher.mask()
    assert (first == copy).all()


def test_finished_and_accepting() -> None:
    matcher = at("loop", [], ())
    assert (matcher.finished, matcher.is_accepting) == (False, True)
    matcher.consume(list(b"[A] ab"))
    assert (matcher.finished, matcher.is_accepting) == (False, False)
    matcher.consume([10])
    assert (matcher.finished, matcher.is_accepting) == (False, True)
    matcher.consume(list(b"[B] x\n"))
    assert (matcher.finished, matcher.is_accepting) == (False, False)
    matcher.consume(list(b"[A] ab\n"))
    assert (matcher.finished, matcher.is_accepting) == (True, True)
    assert matcher.forced() == []


def test_the_end_token_is_offered_where_the_text_may_end() -> None:
    matcher = at("loop", [], ())
    for byte in b"[A] abc\n":
        assert matcher.mask()[matcher.end_token] == matcher.is_accepting
        matcher.consume([byte])
    assert matcher.mask()[matcher.end_token]
    matcher.consume([matcher.end_token])
    assert matcher.finished


BAD = [
    "",
    "nonsense",
    "start: n0\n",
    "start: n0\nn0: L0\n",
    'start: n0\nn0: L0\nL0: "a\n',
    "start: n0\nn0: L0\nL0: /[/\n",
    "start: n0\nn0: L0\nL0: /(?=a)/\n",
    'n0: "a"\n',
]


@pytest.mark.parametrize("grammar", BAD)
def test_a_bad_grammar_raises(grammar: str) -> None:
    with pytest.raises(EngineFault, match="the grammar was refused"):
        factory().matcher(grammar)
    with pytest.raises(EngineFault, match="the grammar was refused"):
        factory().matcher(grammar)


@pytest.mark.parametrize("prefix", [b"", b"[A] ", b"[A] abc"])
def test_a_refused_token_raises(prefix: bytes) -> None:
    matcher = at("line", list(prefix), ())
    with pytest.raises(EngineFault, match=r"refused the tokens \[90\]") as raised:
        matcher.consume([90])
    assert isinstance(raised.value, AgentSpecError)
    assert raised.value.exit_code == 4
    # Fail closed: nothing goes on after that.
    for verb in (matcher.mask, matcher.forced, lambda: matcher.consume([97]), lambda: matcher.rollback(1)):
        with pytest.raises(EngineFault):
            verb()


def test_a_token_that_does_not_exist_raises() -> None:
    with pytest.raises(EngineFault):
        at("line", [], ()).consume([100_000])


def test_end_before_the_end_raises() -> None:
    matcher = at("line", list(b"[A] a"), ())
    with pytest.raises(EngineFault):
        matcher.consume([matcher.end_token])


def test_more_after_the_end_raises() -> None:
    matcher = at("fixed", list(b"[A] abc\n"), ())
    assert matcher.finished
    with pytest.raises(EngineFault):
        matcher.consume([91])


def test_undoing_more_than_was_consumed_raises() -> None:
    with pytest.raises(EngineFault, match="cannot undo 3"):
        at("line", list(b"[A"), ()).rollback(3)


def test_matchers_of_one_grammar_are_independent() -> None:
    one, two = at("line", [], ()), at("line", [], ())
    one.consume(list(b"[A] a"))
    assert two.mask()[91]
    assert not one.mask()[91]
    with pytest.raises(EngineFault):
        one.consume([0])
    two.consume(list(b"[A] "))
    assert at("line", [], ()).mask()[91]

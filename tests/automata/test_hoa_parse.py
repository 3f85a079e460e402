"""HOA texts that are wrong, hostile or unusual: an error at the right place, or the automaton that is written."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentspec import limits
from agentspec.automata.acceptance import All, Any, Fin, Inf
from agentspec.automata.buchi import Buchi
from agentspec.automata.hoa import from_hoa, to_hoa
from agentspec.automata.hoa_parse import parse_hoa
from agentspec.automata.omega import Omega
from agentspec.errors import InvalidInput, SyntaxProblem, TooLarge

GOOD = """HOA: v1
name: "two \\"quoted\\" words"
States: 2
Start: 0
AP: 2 "a" "call(pay)"
Alias: @both 0 & 1
acc-name: parity min even 2
Acceptance: 2 Inf(0) | Fin(1)
properties: deterministic
tool: "some" "1.0"
extra-thing: t f 3 "x" word
--BODY--
State: 0 "first" {1}
[@both] 1 {0}
[!@both] 0
State: 1
[t] 1
--END--
"""


def test_what_is_written_is_read() -> None:
    read = parse_hoa(GOOD, "some.hoa")
    assert (read.states, read.starts, read.propositions, read.name) == (
        2,
        (0,),
        ("a", "call(pay)"),
        'two "quoted" words',
    )
    assert read.aliases == {"@both": ("&", (0, 1))}
    assert read.acceptance == Any((Inf(0), Fin(1)))
    assert [(edge.label, edge.target, set(edge.marks)) for edge in read.edges[0]] == [
        ("@both", 1, {0, 1}),
        (("!", ("@both",)), 0, {1}),
    ]
    assert read.edges[1][0].label is True


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "message"),
    [
        ("HOA: v1", "HOA: v2", 1, 6, "version 'v2' of the format; valid: v1"),
        ("HOA: v1", "", 2, 1, "expected 'HOA: v1', found 'name:'"),
        ("HOA: v1", "HOA: 1", 1, 6, "expected the version 'v1', found '1'"),
        ("States: 2", "States: two", 3, 9, "expected the number of states, found 'two'"),
        ("States: 2", "States: 02", 3, 9, "needless zeros"),
        ("States: 2", "States: 2\nStates: 2", 4, 1, "'States:' stands here a second time"),
        ("States: 2", "States: 1", 14, 9, "state 1 is not there; 'States:' says 1"),
        ("Start: 0", "Start: 7", 4, 8, "initial state 7 is not there; there are 2 states"),
        ("Start: 0", "Start: 0&1", 4, 9, "universal branching"),
        ("[t] 1", "[t] 1&0", 17, 6, "universal branching"),
        ("AP: 2", "AP: 3", 5, 1, "announces 3 propositions and names 2"),
        ('"call(pay)"', '"a"', 5, 11, "proposition 'a' stands here a second time"),
        ('"first"', '"first', 13, 10, "a text in quotes that does not end"),
        ("Alias: @both 0 & 1", "Alias: both 0 & 1", 6, 8, "expected the name of the alias"),
        ("Alias: @both 0 & 1", "Alias: @both 0 & 5", 6, 18, "proposition 5 is not there; 'AP:' names 2"),
        ("Alias: @both 0 & 1", "Alias: @both @both", 6, 14, "alias @both is not defined here"),
        ("[@both]", "[@bothe]", 14, 2, "alias @bothe is not defined here; did you mean '@both'?"),
        ("[t] 1", "[2] 1", 17, 2, "proposition 2 is not there; 'AP:' names 2"),
        ("[t] 1", "[] 1", 17, 2, "expected a label: a proposition's number"),
        ("[t] 1", "[0 1] 1", 17, 4, "expected ']', found '1'"),
        ("[t] 1", "[(0] 1", 17, 4, "expected ')', found ']'"),
        ("[t] 1", "[a] 1", 17, 2, "expected a label"),
        ("[t] 1", "[t] 1 {2}", 17, 8, "acceptance set '2' is not there; valid: 0 to 1"),
        ("[t] 1", "[t] 1 {x}", 17, 8, "expected the number of an acceptance set, or '}'"),
        ("[t] 1", "[t] 1\n[0] 1\n1", 19, 1, "some transitions of this state have a label and some have none"),
        ("[t] 1", "1\n1\n1", 19, 1, "3 transitions without labels; 2 propositions need 4"),
        ("State: 1", "State: [t] 1", 17, 1, "a label on a transition of a state that has one"),
        ("State: 1", "State: 0", 16, 8, "state 0 stands here a second time"),
        ("Inf(0)", "Inf(2)", 8, 19, "acceptance set '2' is not there"),
        ("Inf(0)", "Infinitely(0)", 8, 15, "expected an acceptance condition"),
        ("Acceptance: 2 Inf(0) | Fin(1)", "", 12, 1, "no 'Acceptance:' in the header"),
        ("extra-thing:", "Extra-thing:", 11, 1, "header 'Extra-thing:' is not known"),
        ("name: ", "AName: ", 2, 1, "header 'AName:' is not known"),
        ("--BODY--", "", 13, 1, "'State:'"),
        ("--END--", "--ABORT--", 18, 1, "expected 'State:' or --END--, found '--ABORT--'"),
        ("--END--", "", 19, 1, "expected 'State:' or --END--, found the end of the text"),
        ("--END--", "--END-- HOA: v1", 18, 9, "one automaton a text"),
        ("--END--", "/* /* */ --END--", 18, 1, "a comment that does not end"),
        ("--END--", "$ --END--", 18, 1, "no sign of the format: '$'"),
    ],
)
def test_errors_point_at_the_place(old: str, new: str, line: int, column: int, message: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(SyntaxProblem) as raised:
        from_hoa(text, "some.hoa")
    assert message in raised.value.message
    assert str(raised.value).startswith(f"some.hoa:{line}:{column}: ")


HEAD = 'HOA: v1 Start: 0 AP: 2 "a" "b" Acceptance: '


def test_only_deterministic_automata_beyond_generalised_buchi() -> None:
    body = " --BODY-- State: 0 [0] 0 {0} [1] 0 --END--"
    assert isinstance(from_hoa(HEAD + "1 Inf(0)" + body), Buchi)
    with pytest.raises(SyntaxProblem, match=r"state 0 has two transitions for one valuation.*only deterministic"):
        from_hoa(HEAD + "1 Fin(0)" + body)
    with pytest.raises(SyntaxProblem, match="several initial states"):
        from_hoa(HEAD + "1 Fin(0) Start: 1 --BODY-- State: 0 State: 1 --END--")


def test_acceptance_becomes_a_tree() -> None:
    deterministic = " --BODY-- State: 0 [0&1] 0 {0} [!(0&1)] 0 {1} --END--"
    read = from_hoa(HEAD + "3 Fin(0) & (Inf(1) | Fin(!2) | t)" + deterministic)
    assert isinstance(read, Omega)
    assert read.acceptance == All((Fin(0), Any((Inf(1), Fin(5), All(())))))
    assert all(5 in edge.marks for edge in read.edges[0]), "no transition is in set 2, so all are outside it"


def test_conjunctions_of_inf_are_generalised_buchi() -> None:
    body = " --BODY-- State: 0 {2} [t] 0 {0 1} --END--"
    assert from_hoa(HEAD + "3 Inf(2) & (Inf(0) & Inf(2))" + body).edges[0][0].marks == {0, 1}  # type: ignore[union-attr]
    everything = from_hoa(HEAD + "3 t" + body)
    assert isinstance(everything, Buchi)
    assert everything.sets == 0
    assert everything.accepts([], [set()])
    nothing = from_hoa(HEAD + "0 f --BODY-- State: 0 [t] 0 --END--")
    assert isinstance(nothing, Omega)
    assert not nothing.accepts([], [set()])
    outside = from_hoa(HEAD + "1 Inf(!0) --BODY-- State: 0 [0] 0 {0} [!0] 0 --END--")
    assert isinstance(outside, Buchi)
    assert outside.accepts([], [{"a"}, set()])
    assert not outside.accepts([set()], [{"a"}])


def test_implicit_labels_count_the_valuations() -> None:
    read = from_hoa('HOA: v1 Start: 0 AP: 2 "a" "b" Acceptance: 0 t --BODY-- State: 0 1 2 3 4 --END--')
    assert isinstance(read, Buchi)
    targets = {frozenset(edge.letter.true): edge.target for edge in read.edges[0]}
    assert targets == {frozenset(): 1, frozenset("a"): 2, frozenset("b"): 3, frozenset("ab"): 4}
    assert len(read.edges) == 5, "states are those that are named"
    assert read.deterministic


def test_state_labels_and_state_marks_move_to_the_transitions() -> None:
    read = from_hoa('HOA: v1 Start: 0 AP: 1 "a" Acceptance: 1 Inf(0) --BODY-- State: [!0] 0 "x" {0} 0 1 --END--')
    assert isinstance(read, Buchi)
    assert [(str(edge.letter), edge.target, set(edge.marks)) for edge in read.edges[0]] == [
        ("!a", 0, {0}),
        ("!a", 1, {0}),
    ]


def test_several_initial_states_and_none() -> None:
    body = ' AP: 1 "a" Acceptance: 1 Inf(0) --BODY-- State: 0 [0] 0 {0} State: 1 [!0] 1 {0} --END--'
    two = from_hoa("HOA: v1 Start: 0 Start: 1" + body)
    assert isinstance(two, Buchi)
    assert two.accepts([], [{"a"}])
    assert two.accepts([], [set()])
    assert not two.accepts([set()], [{"a"}])
    none = from_hoa("HOA: v1" + body)
    assert isinstance(none, Buchi)
    assert not none.accepts([], [{"a"}])


def test_comments_nest_and_blanks_are_free() -> None:
    text = 'HOA:v1/* a /* b */ ] */Start:0\tAP:1\r\n"a"Acceptance:1Inf(0)--BODY--State:0[0]0{0}[!0]0--END--/**/'
    assert from_hoa(text) == from_hoa(
        'HOA: v1\nStart: 0\nAP: 1 "a"\nAcceptance: 1 Inf(0)\n--BODY--\nState: 0\n[0] 0 {0}\n[!0] 0\n--END--\n'
    )


def labelled(label: str, propositions: int) -> str:
    names = " ".join(f'"p{i}"' for i in range(propositions))
    return f"HOA: v1 Start: 0 AP: {propositions} {names} Acceptance: 0 t --BODY-- State: 0 [{label}] 0 --END--"


def test_hostile_texts_end_soon_with_an_error() -> None:
    doubled = " ".join(f"Alias: @a{i} (@a{i - 1} & 0) | (@a{i - 1} & 1)" for i in range(1, 200))
    entangled = "&".join(f"({i}|{i + 100})" for i in range(100))
    hostile: list[tuple[str, type[InvalidInput]]] = [
        ("HOA: v1 " + "/*" * 200_000, SyntaxProblem),
        ("(" * 500_000, SyntaxProblem),
        ('HOA: v1 name: "' + "\\" * 1_000_001, SyntaxProblem),
        (labelled("(" * 10_000 + "0" + ")" * 10_000, 1), SyntaxProblem),
        (labelled("!" * 10_000 + "0", 1), SyntaxProblem),
        (HEAD + "1 " + "(" * 10_000 + "Inf(0)", SyntaxProblem),
        (labelled(entangled, 200), TooLarge),
        (labelled("|".join(f"({i}&{i + 100})" for i in range(100)), 200), TooLarge),
        ("HOA: v1 States: 99999999999999999999999", TooLarge),
        ("HOA: v1 AP: 1000000", TooLarge),
        ("HOA: v1 Start: 99999999", TooLarge),
        ("HOA: v1 Acceptance: 100000", TooLarge),
        ("HOA: v1 " + "x: " * 100_000, SyntaxProblem),
        (" " * (limits.HOA_TEXT + 1), TooLarge),
    ]
    for text, error in hostile:
        began = time.monotonic()
        with pytest.raises(error):
            from_hoa(text)
        assert time.monotonic() - began < 5, text[:60]
    read = from_hoa(
        f'HOA: v1 Start: 0 AP: 2 "a" "b" Acceptance: 0 t Alias: @a0 t {doubled} --BODY-- State: 0 [@a199] 0 --END--'
    )
    assert sorted(str(edge.letter) for edge in read.edges[0]) == ["!a & b", "a"]


def test_limits_count_what_labels_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOA_EDGES", 3)
    assert len(from_hoa(labelled("0&1 | 2&!0", 3)).edges[0]) <= 3
    with pytest.raises(TooLarge, match="more than 3 cubes"):
        from_hoa(labelled("(0|1)&(2|3)", 4))
    monkeypatch.setattr(limits, "HOA_PAIRS", 1)
    body = " --BODY-- State: 0 [0&1] 0 [0&!1] 0 [!0] 0 --END--"
    with pytest.raises(TooLarge, match="too many transitions"):
        from_hoa(HEAD + "1 Fin(0)" + body)


PIECES = """HOA: v1|States: 2|Start: 0|AP: 1 "a"|Alias: @a 0|Acceptance: 1 Inf(0)|acc-name: x|--BODY--|State: 0|State:
[0]|[|]|0|1|{0}|{|}|(|)|!|&|t|f|"s"|"|/*|*/|--END--|@a|Inf(|é"""
pieces = st.sampled_from(PIECES.replace("\n", "|").split("|"))


@settings(deadline=None, max_examples=150)
@given(st.lists(pieces, max_size=30).map(" ".join))
@example("")
def test_any_text_is_read_or_refused(text: str) -> None:
    read = read_or_refused(text)
    if read is not None:
        assert from_hoa(to_hoa(read, "again")) == read


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(GOOD)), st.integers(0, 8), st.text(max_size=3))
def test_a_damaged_text_is_read_or_refused(at: int, cut: int, put: str) -> None:
    read_or_refused(GOOD[:at] + put + GOOD[at + cut :])


def read_or_refused(text: str) -> Buchi | Omega | None:
    """The automaton, or None where the text is refused at a place; any other error is one."""
    try:
        return from_hoa(text)
    except (SyntaxProblem, TooLarge) as problem:
        if problem.location is None:
            raise
        return None

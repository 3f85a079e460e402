"""The dialect: grammar, validator, proposition, slow definition and Python's `re` agree on all short strings."""

from __future__ import annotations

from itertools import product
from time import perf_counter

import pytest
from hypothesis import given, settings

from agentspec.content.constraint import And, Constraint, Literal, Not, Sequence
from agentspec.content.language import Language, matches
from agentspec.content.regex import parse_regex, regex_line
from agentspec.errors import InvalidInput, SyntaxProblem
from tests.content import oracle
from tests.content.dialect import FULL, PATTERNS, python, words
from tests.decoding.grammar import texts_of

END = "<.>"


def strings(pattern: str) -> list[str]:
    """All strings of 2 characters of the whole alphabet, and of 5 of those the pattern speaks of."""
    own = [character for character in dict.fromkeys(pattern) if character in FULL][:2]
    few = [*own, "b" if "b" not in own else "é"]
    found = ["".join(letters) for length in range(3) for letters in product(FULL, repeat=length)]
    return list(
        dict.fromkeys([*found, *("".join(letters) for length in (4, 5) for letters in product(few, repeat=length))])
    )


def grammar_of(content: Constraint, texts: list[str]) -> set[str]:
    """Which of the texts llguidance takes, whatever characters they hold."""
    return texts_of(Sequence((content, Literal(END))), [text + END for text in texts])


@pytest.mark.parametrize(("pattern", "pythons"), PATTERNS, ids=[ascii(pattern) for pattern, _ in PATTERNS])
def test_grammar_validator_proposition_and_oracles_agree(pattern: str, pythons: str) -> None:
    regex, second = parse_regex(pattern), python(pythons)
    texts = strings(pattern)
    for constraint, found in ((regex.full(), second.fullmatch), (regex.search(), second.search)):
        expected = {text for text in texts if found(text)}
        language = Language(constraint)
        assert {text for text in texts if language.accepts(text)} == expected
        sample = texts[:: 1 + len(texts) // 300]
        assert {text for text in sample if oracle.matches(constraint, text)} == expected & set(sample)
        assert grammar_of(constraint, texts) == {text + END for text in expected}


SMALL = ["".join(letters) for length in range(5) for letters in product('a"\n', repeat=length)]


@settings(deadline=None, max_examples=50)
@given(words(["a", "b", '"', "\n", "\\", "é"]))
def test_random_patterns_agree(pattern: str) -> None:
    regex, second = parse_regex(pattern), python(pattern)
    for constraint, found in ((regex.full(), second.fullmatch), (regex.search(), second.search)):
        expected = {text for text in SMALL if found(text)}
        language = Language(constraint)
        assert {text for text in SMALL if language.accepts(text)} == expected
        assert {text for text in SMALL[::5] if oracle.matches(constraint, text)} == expected & set(SMALL[::5])


@settings(deadline=None, max_examples=30)
@given(words(["a", '"', "\n"]))
def test_random_patterns_agree_with_their_grammar(pattern: str) -> None:
    regex = parse_regex(pattern)
    for constraint in (regex.full(), regex.search()):
        language = Language(constraint)
        if not language.is_empty():
            assert grammar_of(constraint, SMALL) == {text + END for text in SMALL if language.accepts(text)}


@settings(deadline=None, max_examples=25)
@given(words(["a", "b"]), words(["a", '"']))
def test_what_one_pattern_has_and_the_other_has_not_partition_it(one: str, other: str) -> None:
    base, condition = parse_regex(one).search(), parse_regex(other).full()
    parts = [And((base, condition)), And((base, Not(condition)))]
    taken = [{text for text in SMALL if language.accepts(text)} for language in map(Language, parts)]
    assert taken[0] | taken[1] == {text for text in SMALL if python(one).search(text)}
    assert taken[0] == {text for text in SMALL if python(one).search(text) and python(other).fullmatch(text)}
    for part, found in zip(parts, taken, strict=True):
        if not Language(part).is_empty():
            assert grammar_of(part, SMALL) == {text + END for text in found}


# ---- the classes, character by character


@pytest.mark.parametrize(
    ("pattern", "members"),
    [
        (r"\d", "0123456789"),
        (r"\w", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"),
        (r"\s", "\t\n\x0b\x0c\r "),
        (r"[^\D]", "0123456789"),
        (r"[^\S]", "\t\n\x0b\x0c\r "),
        ("[^.]", None),
    ],
)
def test_classes_hold_ascii_alone(pattern: str, members: str | None) -> None:
    language = Language(parse_regex(pattern).full())
    codes = [code for code in [*range(0x3100), 0xFF10, 0x1D7CE, 0x1F600, 0x10FFFF] if not 0xD800 <= code <= 0xDFFF]
    found = [chr(code) for code in codes if language.accepts(chr(code))]
    assert found == (sorted(members) if members else [chr(code) for code in codes if code != 0x2E])


def test_a_dot_is_any_character_but_those_that_end_lines() -> None:
    dot = Language(parse_regex(".").full())
    for code in [*range(0x3100), 0x1F600, 0x10FFFF]:
        assert dot.accepts(chr(code)) == (len(f"a{chr(code)}b".splitlines()) == 1), hex(code)


@pytest.mark.parametrize(
    ("pattern", "fine", "wrong"),
    [
        ("(?i)key", ["KEY", "key", "kEy"], ["\u212aey", "ke"]),
        ("(?i)straße", ["STRAßE", "straße"], ["STRASSE", "STRAẞE"]),
        ("(?i)é", ["é", "É"], ["e", "E"]),
        ("(?i)ΣΑΣ", ["σασ", "ΣΑΣ"], ["σας"]),
        ("(?i)i", ["i", "I"], ["ı", "İ"]),
        ("(?i)s", ["s", "S"], ["ſ"]),
        ("(?i)[k-m]", ["K", "k", "L", "M"], ["\u212a", "j", "N"]),
        ("(?i)[^k]", ["a", "\u212a"], ["k", "K"]),
        ("(?i)\\x41", ["a", "A"], ["b"]),
        ("(?i)[é-ë]", ["É", "Ë", "ê"], ["e", "Ì"]),
        ("(?i)ǆ", ["Ǆ", "ǆ"], ["ǅ"]),
        ("A", ["A"], ["a"]),
    ],
)
def test_case_is_folded_one_to_one(pattern: str, fine: list[str], wrong: list[str]) -> None:
    language = Language(parse_regex(pattern).full())
    assert [text for text in fine if not language.accepts(text)] == []
    assert [text for text in wrong if language.accepts(text)] == []


# ---- what is refused

REFUSED = [
    ("(?=a)b", 1, "look-ahead"),
    ("a(?!b)", 2, "look-ahead"),
    ("(?<=a)b", 1, "look-behind"),
    ("(?<!a)b", 1, "look-behind"),
    (r"(a)\1", 4, r"back-reference \1"),
    (r"\k<a>", 1, r"back-reference \k"),
    ("(?P=a)", 1, "back-reference"),
    ("(?P<a>b)", 1, "named group"),
    ("x(?<a>b)", 2, "named group"),
    ("(?>a)", 1, "atomic group"),
    ("(?(1)a|b)", 1, "conditional group"),
    ("(?#x)", 1, "comment"),
    ("a*?", 2, "lazy quantifier '*?'"),
    ("a??", 2, "lazy quantifier '??'"),
    ("a{1,2}?", 2, "lazy quantifier '{1,2}?'"),
    ("a++", 2, "possessive quantifier '++'"),
    ("a{2}+", 2, "possessive quantifier"),
    ("a**", 3, "'*' repeats a repetition"),
    ("a{2}{3}", 5, "'{3}' repeats a repetition"),
    ("a?*", 3, "repeats a repetition"),
    ("*a", 1, "nothing before it to repeat"),
    ("(+)", 2, "nothing before it to repeat"),
    ("a|?", 3, "nothing before it to repeat"),
    ("^*", 2, "nothing before it to repeat"),
    ("^{2}a", 2, "nothing before it to repeat"),
    (r"a\b", 2, r"word boundary \b"),
    (r"\B", 1, r"word boundary \B"),
    (r"\Aa", 1, "is written ^ here"),
    (r"a\Z", 2, "is written $ here"),
    (r"\p{L}", 1, r"Unicode property \p"),
    (r"[\P{L}]", 2, r"Unicode property \P"),
    (r"[\b]", 2, r"word boundary \b"),
    (r"\0", 1, r"write \x00"),
    (r"a\q", 2, r"'\q' means nothing here; valid: \n"),
    (r"\é", 1, "means nothing here"),
    ("a\\", 2, "nothing follows"),
    (r"\x4", 1, r"is written \x41"),
    (r"\xgg", 1, r"is written \x41"),
    (r"\u12", 1, r"\u00e9"),
    (r"\u{}", 1, r"\u{1F600}"),
    (r"\u{1234567}", 1, r"\u{1F600}"),
    (r"\u{110000}", 1, "no character 110000"),
    (r"\ud800", 1, "no character d800"),
    ("a\ud800", 2, "surrogate"),
    ("[]", 1, r"a bracket in a class is written \]"),
    ("[]a]", 1, r"a bracket in a class is written \]"),
    ("[^]", 1, r"a bracket in a class is written \]"),
    ("[^\\d\\D]", 1, "holds no character"),
    ("a[b", 2, "this '[' is never closed"),
    ("[a-", 1, "this '[' is never closed"),
    ("[a\\]", 1, "this '[' is never closed"),
    ("[b-a]", 2, "'b-a' runs backwards"),
    (r"[\d-z]", 2, "a single character at both ends"),
    (r"[a-\d]", 2, "a single character at both ends"),
    ("[a-c-e]", 5, "'-' in a class"),
    ("[[:alpha:]]", 2, "POSIX"),
    ("(a", 1, "this '(' is never closed"),
    ("((a)", 1, "this '(' is never closed"),
    ("a)", 2, "this ')' closes no group"),
    ("a]", 2, r"written \]"),
    ("a}", 2, r"written \}"),
    ("a{", 2, r"a brace \{"),
    ("{a}", 1, r"a brace \{"),
    ("a{,3}", 2, "write {0,3}"),
    ("a{x}", 2, "a count is written {3}"),
    ("a{1,2,3}", 2, "a count is written {3}"),
    ("a{-1}", 2, "a count is written {3}"),
    ("a{²}", 2, "a count is written {3}"),
    ("a{3,1}", 2, "1 is less than 3"),
    ("a{1000000000}", 2, "count 1000000000 is larger than 10000"),
    ("a{0,10001}", 2, "count 10001 is larger than 10000"),
    ("((a{1000}){1000})", 11, "larger than 100000"),
    ("a^", 2, "'^' may stand only at the start"),
    ("(^a)", 2, "'^' may stand only at the start"),
    ("^^a", 2, "'^' may stand only at the start"),
    ("a$b", 2, "'$' may stand only at the end"),
    ("(a$)", 3, "'$' may stand only at the end"),
    ("$$", 1, "'$' may stand only at the end"),
    ("a$*", 2, "'$' may stand only at the end"),
    ("a(?i)b", 2, "(?i) may stand only at the very start"),
    ("(?i)(?i)a", 5, "(?i) may stand only at the very start"),
    ("(?s)a", 1, "other flags cannot be used"),
    ("(?i:a)", 1, "other flags cannot be used"),
    ("(?im)a", 1, "other flags cannot be used"),
    ("(*FAIL)", 1, "a verb (*"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "column", "message"), REFUSED, ids=[ascii(pattern) for pattern, *_ in REFUSED])
def test_what_is_refused_is_named_with_its_place(pattern: str, column: int, message: str) -> None:
    with pytest.raises(SyntaxProblem) as raised:
        parse_regex(pattern, source="spec.yaml", line=3, column=10)
    assert message in raised.value.message
    assert raised.value.location is not None
    assert str(raised.value.location) == f"spec.yaml:3:{column + 9}"
    assert str(raised.value).splitlines()[-1] == " " * (4 + 9 + column - 1) + "^"


def test_a_place_behind_a_line_break() -> None:
    with pytest.raises(SyntaxProblem) as raised:
        parse_regex("ab\nc)", source="f", line=3, column=10)
    assert str(raised.value.location) == "f:4:2"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(" * 10_000, "at most 4000"),
        ("(" * 4_000, "nested deeper than 50"),
        ("(?:a" * 900 + ")" * 400, "nested deeper than 50"),
        ("x" * 100_000, "a pattern of 100000 characters"),
        ("a{1000000000}", "larger than 10000"),
        ("a{" + "9" * 3_000 + "}", "larger than 10000"),
        ("(((a{99}){99}){99})", "larger than 100000"),
        ("[" * 4_000, "never closed"),
        ("a{" * 2_000, "a count is written"),
        ("\\" * 3_999, "nothing follows"),
        ("[a" * 2_000, "never closed"),
    ],
)
def test_hostile_patterns_are_refused_at_once(pattern: str, message: str) -> None:
    began = perf_counter()
    with pytest.raises(SyntaxProblem, match=message):
        parse_regex(pattern)
    assert perf_counter() - began < 1


@pytest.mark.parametrize(
    "pattern",
    [
        "(" * 50 + "a" + ")" * 50,
        "(" * 50 + "a" + ")*" * 50,
        "(?:b|" * 50 + "a" + "c)+" * 50,
        "a?" * 2_000,
        "(?i)" + "[a-\u1fff]" * 250,
        "ab?" * 600,
        "(a|b)" * 400,
        "a|b|" * 1_000,
        "(ab|cd){10000}",
        "(\\w{1,30} ){1,1000}",
        "a{0,10000}b{0,10000}",
    ],
    ids=lambda pattern: pattern[:12],
)
def test_large_patterns_that_are_read_take_seconds(pattern: str) -> None:
    began = perf_counter()
    regex = parse_regex(pattern)
    for constraint in (regex.full(), regex.search()):
        language = Language(constraint)
        language.accepts("abcd ef" * 30)
        language.accepts("a" * 300)
    assert perf_counter() - began < 10


# ---- lines


def test_a_line_of_a_pattern() -> None:
    line = Language(regex_line(parse_regex(".*[0-9]|x\\n|\\s+|"), 5))
    for text in ("1", "ab 1", "😀😀😀😀1"):
        assert line.accepts(text), text
    for text in ("", " 1", "\u00a01", "x\n", " ", "abcde1", "\x001", "a\u20281", "a\x851"):
        assert not line.accepts(text), ascii(text)


@pytest.mark.parametrize("pattern", ["", "\\s+", " a", "\\n|\\ta", "a{6}", "a\\nb", "(?i)  x"])
def test_a_pattern_without_a_line_is_refused(pattern: str) -> None:
    with pytest.raises(
        InvalidInput, match=r"^step 'note': no line of 1 to 5 characters that begins with a visible one"
    ):
        regex_line(parse_regex(pattern), 5, what="step 'note'")


def test_anchors_change_nothing_in_a_whole_match() -> None:
    for text in ("a", "b", "ab", ""):
        assert matches(parse_regex("^a|b$").full(), text) == matches(parse_regex("a|b").full(), text)

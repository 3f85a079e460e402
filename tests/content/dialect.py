"""Patterns of the dialect, and random ones, with what Python's `re` (the second oracle) reads for the same language."""

from __future__ import annotations

import re

from hypothesis import strategies as st

COMMON = [
    "", "a", "ab", "a|b", "a|", "|a|b", "ab|a", "(ab)", "(?:ab)", "(a|b)b", "((a))", "()", "(|a)b", "a*", "a+",
    "a?", "a*b", "(ab)*", "(a|b)*b", "(a*)*", "(a*)+", "(a?)?", "(a+)+b", "(a|ab)(b|)", "(a|aa)*", "a{0}",
    "a{2}", "a{1,}", "a{0,1}", "a{1,3}", "(ab?){2}", "(a|){2,3}", "(a{2}){1,2}", "(aa|aaa){1,2}",
    "(a{0,2}b){2}", "[ab]", "[^a]", "[a-b]b", "[^ab]", "[-a]", "[a-]", r"[a\-b]", r"[\]a]", r"[\\a]", "[.*]",
    r"[^\n]", r'["a]*', "[aab]", ".", "..", ".*", ".*b", ".+a.", "a.?b", r"(.|\n)*b", r"\n", r"a\nb", r"\t",
    r"\.", "\\\\", r"\\n", r'\"', r'"', r'"a*"', r"\x61", r"[\x61-\x62]", r"\u00e9", "é", "é+", "[é😀]", "😀{2}",
    "[^é]", "[é-😀]", r"\d", r"\D", r"\w", r"\W+", r"\s", r"\S*", r"[\w]", r"[^\w]", r"[\W]", r"[\sa]", r"[^\s]",
    r"[^\S]", "^a", "a$", "^a$", "^a|b$", "^", "$", "^$", "^a|b|a$", "(a|b)$", "^(a|b)", "a|^$", "(?i)a",
    "(?i)[a]b", "(?i)[^a]", "(?i)A|B", "(?i)[A-B]{2}",
]  # fmt: skip
OURS = [
    ("\\u{e9}", "é"), ("\\u{1F600}a", "😀a"), ("[\\u{61}-\\u{62}]", "[ab]"), ("[\\u{E9}-\\u{1F600}]", "[é-😀]"),
    ("\\v?b", "\\v?b"), ("\\f|a", "\\f|a"), ("(?i)é", "[éÉ]"), ("a\\ b|b", "a b|b"),
]  # fmt: skip
PATTERNS = [*((pattern, pattern) for pattern in COMMON), *OURS]
FULL = 'ab"\\\né😀A'


def python(pattern: str) -> re.Pattern[str]:
    """The same for Python's `re`: its ``$`` also stands before a final newline."""
    return re.compile(pattern.replace("$", "\\Z"), re.ASCII)


def words(characters: list[str]) -> st.SearchStrategy[str]:
    """Random patterns over some characters, each written as it must be."""
    written = {"\n": "\\n", "\\": "\\\\", "-": "\\-"}
    letters = st.sampled_from([written.get(character, character) for character in characters])
    member = st.one_of(letters, st.just("a-b"), st.sampled_from(["\\w", "\\W", "\\s", "\\d", "\\n"]))
    classes = st.builds(
        lambda sign, inner: f"[{sign}{''.join(inner)}]",
        st.sampled_from(["", "^"]),
        st.lists(member, min_size=1, max_size=3),
    ).filter(lambda written: not ("\\w" in written and "\\W" in written))
    atoms = st.one_of(letters, letters, classes, st.sampled_from([".", "\\w", "\\S", "()"]))
    counts = st.sampled_from(["*", "+", "?", "{0}", "{2}", "{1,}", "{0,2}", "{2,3}"])

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        group = st.builds(lambda opening, body: f"{opening}{body})", st.sampled_from(["(", "(?:"]), inner)
        return st.one_of(
            st.lists(inner, min_size=1, max_size=3).map("".join),
            st.lists(inner, min_size=2, max_size=3).map("|".join),
            st.builds(lambda body, count: f"{body}{count}", group, counts),
            st.builds(lambda body, count: f"{body}{count}", atoms, counts),
        )

    anchored = st.tuples(
        st.sampled_from(["", "", "^"]), st.recursive(atoms, extend, max_leaves=6), st.sampled_from(["", "", "$"])
    )
    return anchored.map(lambda parts: f"{parts[0]}({parts[1]}){parts[2]}")

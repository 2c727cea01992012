"""Goal: whoever includes weft.h gets no name that does not begin with weft_ or WEFT_. Method: its text, without what is
inside of functions and structs. What the linker and the preprocessor see of it: tests/outside."""

import re

import pytest
from conftest import ROOT

HEADER = ROOT / "core" / "weft.h"
OURS = re.compile(r"weft_|WEFT_")
COMMENTS = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', re.DOTALL)
DIRECTIVES = re.compile(r"^#ifdef __cplusplus.*?^#endif|^#(?:[^\n]*\\\n)*[^\n]*", re.DOTALL | re.MULTILINE)
BRACES, PARENTHESES = re.compile(r"\{[^{}]*\}"), re.compile(r"\([^()]*\)")


def without(brackets, mark, text):
    """What is left once a mark stands for all that is between such brackets, which may stand in each other."""
    while (less := brackets.sub(mark, text)) != text:
        text = less
    return text


def declared(text):
    """The names that a header declares at file scope."""
    text = DIRECTIVES.sub(" ", COMMENTS.sub(" ", text))
    names = re.findall(r"\b(?:struct|union|enum)\s+(\w+)", text)
    for body in re.findall(r"\benum\b\s*\w*\s*\{([^{}]*)\}", text):
        names += re.findall(r"(?:^|,)\s*(\w+)", body)
    for one in without(PARENTHESES, "@", without(BRACES, ";", text)).split(";"):
        plain = re.sub(r"__attribute__\s*@", " ", one)
        names += re.findall(r"(\w+)\s*@", plain)  # a function's
        names += re.findall(r"^\s*(?:typedef|extern)\b[^@]*?(\w+)\s*$", plain)
    return set(names)


def test_all_names_are_ours():
    found = declared(HEADER.read_text())
    # some of each kind, so that none is overlooked
    assert {"weft_send", "weft_lock", "weft_panic", "weft_ns", "weft_alone", "weft_mutex", "weft_op"} <= found
    assert {"weft_hurried", "WEFT_HURRIED", "WEFT_OK", "weft_results_free", "weft_recover_slow"} <= found
    assert sorted(name for name in found if not OURS.match(name)) == []


@pytest.mark.parametrize(
    "line",
    [
        "void taken(int (*weft_fn)(void));",
        "extern _Bool taken;",
        "typedef long taken;",
        "enum { WEFT_A = 1, taken };",
        "enum weft_e { taken = 3, WEFT_B };",
        "struct taken { int weft_x; };",
        "void taken(const char *, ...) __attribute__((noreturn, format(printf, 1, 2)));",
        "extern inline __attribute__((gnu_inline)) int taken(void) { if (1) { weft_f(); } return 0; }",
    ],
)
def test_a_name_of_each_kind_is_found(line):
    assert "taken" in declared(f"/* weft */\nint weft_before(void);\n{line}\nint weft_after(void);\n")


def test_what_is_inside_takes_no_name():
    found = declared("/* one(two); */ struct weft_a { int one; };\n#define one two\nint weft_f(int two) { int one; }")
    assert found == {"weft_a", "weft_f"}

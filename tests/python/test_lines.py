"""Goal: a line of C fits into 120 columns. Method: all of them, as clang-format leaves comments as they are."""

from weft_lab import paths, testing

COLUMNS = 120


def test_lines_of_c_fit():
    too_long = [
        f"{path.relative_to(paths.ROOT)}:{number}"
        for place in testing.C_PLACES
        for path in sorted((paths.ROOT / place).rglob("*"))
        if path.suffix in testing.C_SUFFIXES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > COLUMNS
    ]
    assert too_long == []

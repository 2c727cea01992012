"""Goal: line numbers agree with the file. Method: documents with everything that could hide a key."""

import tomllib

import pytest
from weft_lab import tomlpos

DOCUMENT = '''\
# [not.a.table]
schema = 1            # key = 2
text = """
[[cells]]
fake = 1
"""

[sampling]
rounds = 6
"quoted key" = 1

[[cells]]
workload = "a = b [ # c"
cap = [
  1,   # comment ]
  2,
]
workers = 1

[[cells]]
workload = \'x\'
inline = { a = 1, b = [2] }
[cells.sub]
deep = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("schema",), 2),
        (("text",), 3),
        (("sampling",), 8),
        (("sampling", "rounds"), 9),
        (("sampling", "quoted_key"), 10),
        (("cells", 0), 12),
        (("cells", 0, "workload"), 13),
        (("cells", 0, "cap"), 14),
        (("cells", 0, "workers"), 18),
        (("cells", 1, "workload"), 21),
        (("cells", 1, "inline"), 22),
        (("cells", 1, "sub", "deep"), 24),
        (("cells", 1, "inline", "a"), 22),  # falls back to what is around it
    ],
)
def test_lines_of_keys(path, line):
    tomllib.loads(DOCUMENT)
    assert tomlpos.line_of(tomlpos.lines(DOCUMENT), path) == line


def test_nothing_inside_a_string_or_comment_is_a_key():
    found = tomlpos.lines(DOCUMENT)
    assert not any("fake" in path or "not" in path for path in found)
    assert not any(path[:2] == ("cells", 2) for path in found)

"""Diffs are read as they stand: every line at its number, whoever wrote them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.reviewing.patch import FileDiff, read_patch

RENAMED = b"""\
diff --git a/old.py b/new name.py
similarity index 90%
rename from old.py
rename to new name.py
index 1..2 100644
--- a/old.py
+++ b/new name.py\t
@@ -3,2 +3,3 @@ def f():
 same
--- a comment that was removed
+++ counter
+more
\\ No newline at end of file
"""
ODD = rb"""diff --git "a/t\303\251\tq\"" "b/t\303\251\tq\""
old mode 100644
new mode 100755
diff --git a/pic.png b/pic.png
new file mode 100644
index 0..1
Binary files /dev/null and b/pic.png differ
diff --git a/sub b/sub
index 1..2 160000
--- a/sub
+++ b/sub
@@ -1 +1 @@
-Subproject commit 1
+Subproject commit 2
diff --git a/link b/link
deleted file mode 120000
--- a/link
+++ /dev/null
@@ -1 +0,0 @@
-target
* Unmerged path both.py
"""
PLAIN = b"""\
Some words of a mail.
--- src/a.c\t2020-01-01 00:00:00
+++ src/a.c\t2020-01-02 00:00:00
@@ -1,2 +1,2 @@
-old
+new
 same
--- b.c.orig
+++ b.c
@@ -0,0 +1 @@
+x
"""


def said(file: FileDiff) -> tuple[object, ...]:
    return file.path, file.old_path, file.kind, file.added, file.removed


def test_a_line_that_looks_like_a_header_belongs_to_its_hunk() -> None:
    [file] = read_patch(RENAMED)
    assert said(file) == ("new name.py", "old.py", "renamed", 2, 1)
    [hunk] = file.hunks
    assert (hunk.old, hunk.new, hunk.header) == (3, 3, "def f():")
    assert hunk.lines == (" same", "--- a comment that was removed", "+++ counter", "+more")


def test_names_are_unquoted_and_what_has_no_lines_is_told_all_the_same() -> None:
    mode, picture, sub, link, both = read_patch(ODD)
    assert (mode.path, mode.hunks, mode.mode) == ('té\tq"', [], "100755")
    assert (picture.path, picture.binary, picture.kind) == ("pic.png", True, "added")
    assert (link.path, link.kind, link.mode) == ("link", "deleted", "120000")
    assert (sub.path, both.path, bool(both.flaw)) == ("sub", "both.py", True)


def test_a_diff_that_is_not_from_git_is_read_too() -> None:
    assert [said(file) for file in read_patch(PLAIN)] == [
        ("src/a.c", "", "modified", 1, 1),
        ("b.c", "b.c.orig", "renamed", 1, 0),
    ]
    windows = read_patch(PLAIN.replace(b"\n", b"\r\n"))
    assert [(file.path, file.hunks) for file in windows] == [(file.path, file.hunks) for file in read_patch(PLAIN)]


@pytest.mark.parametrize(
    "hunk",
    [b"@@ -1,9 +1,9 @@\n x\n", b"@@ -1 +1 @@\n x\n-y\n", b"@@ no @@\n+x\n", b"@@ -1 +9999999999999 @@\n+x\n"],
    ids=["too few", "fewer than there are", "no numbers", "no such number"],
)
def test_a_hunk_that_lies_makes_a_flaw_and_no_line_that_is_not_there(hunk: bytes) -> None:
    [file] = read_patch(b"--- a/f\n+++ b/f\n" + hunk)
    assert file.flaw or file.hunks[0].lines == (" x",)
    assert sum(len(one.lines) for one in file.hunks) <= 2


@given(st.binary(max_size=400) | st.lists(st.sampled_from(RENAMED.split(b"\n") + ODD.split(b"\n"))).map(b"\n".join))
def test_anything_can_be_read(data: bytes) -> None:
    for file in read_patch(data):
        assert file.path or file.flaw
        assert all(line[0] in " +-" for hunk in file.hunks for line in hunk.lines)

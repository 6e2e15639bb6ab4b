"""The two small repositories of the demo: a shop with a bug, and a portal whose tests call into the shop."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

AUTH = '''\
"""Who may enter the shop."""

from dataclasses import dataclass


@dataclass
class User:
    name: str
    expired: bool = False

    def is_valid(self):
        return bool(self.name) and not self.expired


def authenticate(user):
    return False  # Bug here
'''

AUTH_TESTS = """\
import unittest

from auth import User, authenticate


class Authentication(unittest.TestCase):
    def test_a_valid_user_may_enter(self):
        self.assertTrue(authenticate(User("ada")))

    def test_an_expired_user_may_not(self):
        self.assertFalse(authenticate(User("bob", expired=True)))
"""

AUTH_ISSUE = """\
# Issue #123: Fix authentication bug

## Description
The login system fails when a valid user signs in.

## Current Code
```python
def authenticate(user):
    return False  # Bug here
```

## Should Be
```python
def authenticate(user):
    return user.is_valid()
```

## Metadata
- **Repository**: shop
- **Labels**: bug, high-priority

## Agent Assignment
IntelligentIssueAgent
"""

WELCOME = '''\
"""The first line of every page."""


def welcome(user, may_enter):
    return "Hello, stranger"
'''

WELCOME_TESTS = """\
import sys
import time
import unittest
from pathlib import Path

from welcome import welcome

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "shop"))

from auth import User, authenticate


class Welcome(unittest.TestCase):
    def test_a_valid_user_is_greeted_by_name(self):
        ada = User("ada")
        self.assertEqual(welcome(ada, authenticate(ada)), "Hello, ada")

    def test_others_are_asked_to_sign_in(self):
        bob = User("bob", expired=True)
        self.assertNotIn("bob", welcome(bob, authenticate(bob)))

    def test_the_page_loads(self):
        time.sleep(2)  # as a test with a browser would
"""

WELCOME_ISSUE = """\
# Issue #7: Greet people by name

## Description
Everybody is called a stranger, also those the shop lets in.

**File**: welcome.py

## Current Code
```python
    return "Hello, stranger"
```

## Should Be
```python
    return f"Hello, {user.name}" if may_enter else "Please sign in"
```
"""

SHOP = {"auth.py": AUTH, "tests/__init__.py": "", "tests/test_auth.py": AUTH_TESTS, "issues/123.md": AUTH_ISSUE}
PORTAL = {
    "welcome.py": WELCOME,
    "tests/__init__.py": "",
    "tests/test_welcome.py": WELCOME_TESTS,
    "issues/007-greet.md": WELCOME_ISSUE,
}


def make_repositories(folder: Path) -> None:
    """Make `shop` and `portal` in a new folder, each with one commit."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, files in (("shop", SHOP), ("portal", PORTAL)):
        _make(folder / name, files)


def diff(root: Path) -> str:
    """Return what is changed in the work tree, as git shows it."""
    return _git(root, "diff")


def _make(root: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    _git(root, "init", "--quiet", "--initial-branch", "main")
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "--message", "Start")


def _git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=Demo", "-c", "user.email=demo@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", "-C", root, *who, *words], check=True, capture_output=True, text=True).stdout

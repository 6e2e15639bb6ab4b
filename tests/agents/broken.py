"""Small broken repositories, each with an issue in plain words and what a good and a bad model says about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from agents.runtime.patching import Patch, PatchEdit
from agents.runtime.planning import Plan
from agents.runtime.witness import NewTest
from tests.agents.shop import AUTH, AUTH_TESTS, FIXED, RED_TEST


@dataclass(frozen=True)
class Broken:
    """A repository with one bug."""

    files: Mapping[str, str]
    issue: str
    """In plain words."""
    bug: PatchEdit
    """The edit that cures it."""
    cured: Mapping[str, str]
    """The files as they are then."""
    shown_by: str
    """The test that shows it: one that stands there, or the one that is written first."""
    test: NewTest | None = None
    wrong: PatchEdit = field(default_factory=lambda: PatchEdit(path="auth.py", old="x", new="y"))
    """An edit that can be made and cures nothing."""

    def plan(self) -> Plan:
        red = [] if self.test else [self.shown_by]
        return Plan(wrong="It does not do what it says.", files=[self.bug.path], shown_by=red)

    def good(self) -> Patch:
        return Patch(edits=[self.bug], why="Do what it says.")

    def bad(self) -> Patch:
        return Patch(edits=[self.wrong], why="Perhaps this.")

    def answers(self, *patches: Patch) -> list[BaseModel]:
        """What a model says, in the order it is asked."""
        return [self.plan(), *([self.test] if self.test else []), *(patches or (self.good(),))]


SIGN_IN = """\
# Issue #7: Nobody can sign in

Valid users are turned away by `authenticate`, whoever they are. Those whose account has expired should be turned away,
all others should get in.
"""

UNITTEST = Broken(
    files={"auth.py": AUTH, "tests/__init__.py": "", "tests/test_auth.py": AUTH_TESTS, "issues/7.md": SIGN_IN},
    issue="7",
    bug=PatchEdit(path="auth.py", old="    return False  # Bug here", new="    return user.is_valid()"),
    cured={"auth.py": FIXED},
    shown_by=RED_TEST,
    wrong=PatchEdit(path="auth.py", old="    return False  # Bug here", new="    return user.expired"),
)

CART = '''\
"""What a cart costs."""


def total(prices, percent_off=0):
    """Return the sum, less the discount."""
    return sum(prices)
'''
CURED_CART = CART.replace("return sum(prices)", "return sum(prices) * (100 - percent_off) / 100")
CART_TESTS = """\
from shop.cart import total


def test_an_empty_cart_costs_nothing():
    assert total([]) == 0


def test_prices_add_up():
    assert total([1, 2]) == 3
"""
DISCOUNT = """\
# Issue #12: The discount is ignored

Whatever `percent_off` is given to the function that adds up a cart, the customer pays the full price.
With 10 percent off, a cart of 50 and 150 should cost 180.
"""
DISCOUNT_TEST = """\
from shop.cart import total


def test_ten_percent_off_two_hundred_is_a_hundred_and_eighty():
    assert total([50, 150], percent_off=10) == 180
"""

HEAVY = ("schemathesis", "hypothesispytest", "anyio", "xdist", "xdist.looponfail", "langsmith_plugin")
LEAVING = ("benchmark",)
BARE = f"[pytest]\naddopts = {' '.join(f'-p no:{name}' for name in (*HEAVY, *LEAVING))}\n"
"""Without the plugins of this project's own environment a small pytest run takes a tenth of the time.

Another python's may leave a folder in whatever repository they run in, which is none of an agent's.
"""

PYTEST = Broken(
    files={
        "shop/__init__.py": "",
        "shop/cart.py": CART,
        "conftest.py": "",
        "pytest.ini": BARE,
        "tests/test_cart.py": CART_TESTS,
        "README.md": "# Shop\n",
        "issues/012-discount.md": DISCOUNT,
    },
    issue="12",
    bug=PatchEdit(
        path="shop/cart.py",
        old="    return sum(prices)",
        new="    return sum(prices) * (100 - percent_off) / 100",
    ),
    cured={"shop/cart.py": CURED_CART, "tests/test_discount.py": DISCOUNT_TEST},
    shown_by="tests/test_discount.py::test_ten_percent_off_two_hundred_is_a_hundred_and_eighty",
    test=NewTest(path="tests/test_discount.py", new=DISCOUNT_TEST),
    wrong=PatchEdit(
        path="shop/cart.py", old="    return sum(prices)", new="    return sum(prices) - percent_off / 100"
    ),
)

ALL = {"unittest": UNITTEST, "pytest": PYTEST}

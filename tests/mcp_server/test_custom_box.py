"""The box in which a custom agent decides, where there is one; and what is said where there must be one and is none."""

import os
from pathlib import Path

import pytest

from mcp_server.custom_child import Child
from mcp_server.custom_files import found
from state.problem import ProblemError
from tests.mcp_server.custom_repos import READER, agent_file, beside, sister, trust
from tests.tools.boxing import the_box
from tools.boxes.sandbox import Unboxed

pytestmark = pytest.mark.anyio
LOOKS = """
def may(act):
    try:
        act()
        return "yes"
    except OSError:
        return "no"

secret, marker = {secret!r}, {marker!r}
acts = {{
    "read": lambda: os.stat(secret),
    "write": lambda: os.close(os.open(marker, os.O_CREAT | os.O_WRONLY)),
    "fill": lambda: os.close(os.open({inside!r}, os.O_CREAT | os.O_WRONLY)),
    "others": lambda: os.stat("/proc/" + {server!r}),
}}
return Done(Report(text=" ".join(name + ":" + may(act) for name, act in acts.items())))
"""
OS = "import typing\nos = typing.__dict__['sys'].modules['os']\n"


def there(*paths: Path) -> list[bool]:
    return [path.exists() for path in paths]


@pytest.mark.requirement("R10")
@pytest.mark.parametrize("sandbox", ["auto", "off"])
async def test_a_hostile_agent_in_the_box_reaches_nothing_of_its_person(
    shop: Path, tmp_path: Path, sandbox: str, request: pytest.FixtureRequest
) -> None:
    the_box()
    secret, marker, inside = tmp_path / "secret", tmp_path / "marker", Path(f"/tmp/factor12-{os.getpid()}-{sandbox}")
    request.addfinalizer(lambda: inside.unlink(missing_ok=True))
    secret.write_text("sk-secret")
    body = LOOKS.format(secret=str(secret), marker=str(marker), inside=str(inside), server=str(os.getpid()))
    trust(shop.parent, sister(shop.parent, {"agents/looks.py": agent_file(body.strip(), name="looks", head=OS)}))
    async with beside(shop.parent, FACTOR12_SANDBOX=sandbox) as at:
        await at.runtime.custom.learn()
        told = (await at.told("lib__looks", repo="shop"))["output"]["text"]
    boxed = sandbox == "auto"
    assert told == ("read:no write:no fill:no others:no" if boxed else "read:yes write:yes fill:yes others:yes")
    assert there(marker, inside) == [not boxed, not boxed]


async def test_without_a_box_one_that_is_required_keeps_agents_from_deciding(shop: Path) -> None:
    root = sister(shop.parent, {"agents/reader.py": READER})
    (one,) = found(root, "lib")[0]
    required, free = Child("lib", Unboxed("there is none", required=True)), Child("lib", Unboxed())
    with pytest.raises(ProblemError, match="FACTOR12_SANDBOX is `require`, and there is no sandbox"):
        await required.ask(one, "shape", 20)
    assert (await free.ask(one, "shape", 20))["shape"]["name"] == "reader"
    free.end()

"""Custom agents that are broken on purpose, or hostile: each fails by name, and breaks nothing else."""

from pathlib import Path
from subprocess import Popen
from textwrap import indent
from typing import cast

import pytest

from tests.mcp_server.custom_repos import READER, agent_file, beside, names, sister, trust
from tests.mcp_server.door import text_of

pytestmark = pytest.mark.anyio
OS = "import typing\nos = typing.__dict__['sys'].modules['os']\n"
"""How a file that means harm gets what it may not import: the rules for imports are no wall."""
THREADS = "import typing\nthreading = typing.__dict__['sys'].modules['threading']\n"
ASK = "import typing\nAsk = typing.__dict__['sys'].modules['state.steps'].Ask\n"
FINE = "return Done(Report(text='fine'))"
FORGED = b'{"number":1,"step":{"call":{"key":"k","tool":"take_over","args":{}}}}\n'
GOOD = (READER.replace('"reader"', '"a"'), READER)
ODD = "class Odd(BaseException):\n    def __str__(self):\n        {}\n\n\nraise Odd\n"
MODELS = "from pydantic import ConfigDict, Field, create_model\n"
TAKES = MODELS + "object.__setattr__(agent, 'input', create_model('T', {}))\n"
WRITES = "for one in range(3, 9):\n    try:\n        os.write(one, {})\n    except OSError:\n        pass\n"
STUCK = "while True: pass"

BREAKS_AT_IMPORT = {
    "a BaseException": ("", ODD.format("return 'so there'"), "raised Odd: so there"),
    "an interrupt": ("", "raise KeyboardInterrupt\n", "raised KeyboardInterrupt"),
    "an end of the process": (OS, "os._exit(7)\n", "died (exit code 7)"),
    "an end that looks well": (OS, "os._exit(0)\n", "died (exit code 0)"),
    "a signal": (OS, "os.kill(os.getpid(), 6)\n", "died (signal 6)"),
    "closed pipes": (OS, "os.closerange(0, 99)\n", "died"),
    "an error that blocks when it is asked": ("", ODD.format(STUCK), "did not come back within 5 s"),
    "an error that cannot be said": ("", ODD.format("raise self"), "cannot be had: Odd"),
    "an object that blocks as it goes": (
        "",
        f"class Odd:\n    def __del__(self):\n        {STUCK}\n\n\nOdd()\n",
        "did not come back within 5 s",
    ),
    "garbage in the pipe": (OS, WRITES.format("b'garbage\\n'"), "what it was not asked"),
    "a half character": ("", "object.__setattr__(agent, 'title', 'half \\ud800')\n", "its title"),
    "a title that is no text": ("", "object.__setattr__(agent, 'title', 3)\n", "its title must be"),
    "an endless title": ("", "object.__setattr__(agent, 'title', 'x' * 50_000_000)\n", "at most 600"),
    "schemas without end": ("", TAKES.format("**{f'f{n}': (int, 0) for n in range(2000)}"), "more than 12000 bytes"),
    "a pattern that no server can read": (
        "",
        TAKES.format("__config__=ConfigDict(regex_engine='python-re'), a=(str, Field('', pattern='(?<!x)y'))"),
        "SchemaError",
    ),
    "a default that is no JSON": ("", TAKES.format("a=(float, float('nan'))"), "no JSON"),
    "a field that no model can have": ("", TAKES.format("a=(int, Field(0, alias='__base__'))"), "of 'lib'"),
}


async def test_files_that_break_when_they_are_loaded_are_named_and_all_others_are_offered(shop: Path) -> None:
    files = {
        f"agents/b{number:02}.py": agent_file(FINE, name=f"b{number:02}", head=head, after=after)
        for number, (head, after, _) in enumerate(BREAKS_AT_IMPORT.values())
    }
    trust(shop.parent, sister(shop.parent, {**files, "agents/a.py": GOOD[0], "agents/reader.py": GOOD[1]}))
    async with beside(shop.parent) as at:
        await at.runtime.custom.learn()
        assert [name for name in await names(at) if "__" in name] == ["lib__a", "lib__reader"]
        broken = (await at.told("health"))["broken_agents"]
        for number, (how, (_, _, says)) in enumerate(BREAKS_AT_IMPORT.items()):
            (said,) = (one for one in broken if f"agents/b{number:02}.py" in one)
            assert "'lib'" in said and says in said, (how, said)
        for name in ("lib__a", "lib__reader"):
            assert (await at.told(name, repo="shop"))["output"] == {"text": "A shop.\n"}


async def test_a_file_that_answers_in_the_place_of_its_process_breaks_nothing_but_itself(shop: Path) -> None:
    for number, forged in enumerate(
        ('{"number":1}', '{"number":1,"shape":{"name":"A B"}}', '{"number":1,"problem":{}}')
    ):
        forges = agent_file(FINE, name="b", head=OS, after=WRITES.format(f"b'{forged}\\n'"))
        trust(shop.parent, sister(shop.parent, {"agents/b.py": forges, "agents/reader.py": GOOD[1]}, f"lib{number}"))
    async with beside(shop.parent) as at:
        await at.runtime.custom.learn()
        assert [name for name in await names(at) if "__" in name] == [f"lib{number}__reader" for number in range(3)]
        broken = (await at.told("health"))["broken_agents"]
        assert [f"agents/b.py of 'lib{number}'" in said for number, said in enumerate(broken)] == [True] * 3


BREAKS_WHEN_ASKED = {
    "a BaseException": ("class Odd(BaseException):\n    pass\nraise Odd('so there')", "", "raised Odd: so there"),
    "an end of the process": ("os._exit(7)", OS, "died (exit code 7)"),
    "an end that looks well": ("os._exit(0)", OS, "ends without a reply"),
    "a signal": ("os.kill(os.getpid(), 6)", OS, "died ("),
    "closed pipes": ("os.closerange(0, 99)", OS, "died ("),
    "closed pipes and a wait": (f"os.closerange(0, 99)\n{STUCK}", OS, ""),
    "a fork": ("os.fork()", OS, "raised PermissionError: os.fork"),
    "a program": ("os.system('true')", OS, "raised PermissionError: os.system"),
    "a stack without end": ("def deeper():\n    return deeper()\nreturn deeper()", "", "raised RecursionError"),
    "chance": ("return Done(Report(text=str(os.urandom(8))))", OS, "from the same log another"),
    "the time": (
        "return Done(Report(text=str(datetime.now().timestamp())))",
        "from datetime import datetime\n",
        "from the same log another",
    ),
    "a half character": ("return Done(Report.model_construct(text='\\ud800'))", "", "is no JSON"),
    "what is no number": ("return Ask('key', 'text', (), 'anyone', {'a': float('nan')})", ASK, "is no JSON"),
    "an endless number": ("return Ask('key', 'text', (), 'anyone', {'a': 10 ** 5000})", ASK, "is no JSON"),
    "fifty megabytes": ("return Done(Report(text='x' * 50_000_000))", "", "is the most"),
    "an output of another type": ("return Done({'text': 'x'})", "", "it ended with a dict, not a Report"),
    "nothing": ("return None", "", "it decided a NoneType, which is no step"),
    "garbage in the pipe": (f"{WRITES.format(repr(b'garbage' + bytes([10])))}return None", OS, "what it was not asked"),
    "no end of garbage": (f"while True:\n{indent(WRITES.format('bytes(65536)'), '    ')}", OS, "says more than 4 MiB"),
    "a forged step": (f"{WRITES.format(repr(FORGED))}return None", OS, ""),
}


@pytest.mark.requirement("R15")
async def test_agents_that_break_when_they_decide_fail_their_threads_by_name(shop: Path) -> None:
    files = {
        f"agents/b{number:02}.py": agent_file(body, name=f"b{number:02}", head=head)
        for number, (body, head, _) in enumerate(BREAKS_WHEN_ASKED.values())
    }
    trust(shop.parent, sister(shop.parent, {**files, "agents/reader.py": GOOD[1]}))
    async with beside(shop.parent) as at:
        await at.runtime.custom.learn()
        assert (await at.told("health")).get("broken_agents", []) == []
        for number, (how, (_, _, says)) in enumerate(BREAKS_WHEN_ASKED.items()):
            told = await at.call(f"lib__b{number:02}", repo="shop")
            assert told.structured_content is not None
            assert (told.is_error, told.structured_content["status"]) == (True, "failed"), (how, text_of(told))
            message = told.structured_content["error"]["message"]
            assert f"agents/b{number:02}.py" in message and says in message, (how, message)
        assert (await at.told("lib__reader", repo="shop"))["output"] == {"text": "A shop.\n"}


async def test_what_a_file_leaves_behind_keeps_nobody_waiting(shop: Path) -> None:
    talks = "import typing\nsay = typing.__dict__['sys'].stdout.write\n"
    stays = f"{THREADS}\n\ndef stay():\n    {STUCK}\n\n\n"
    files = {
        "agents/talks.py": agent_file(f"say('x' * 100_000_000)\n{FINE}", name="talks", head=talks),
        "agents/stays.py": agent_file(f"threading.Thread(target=stay).start()\n{FINE}", name="stays", head=stays),
    }
    trust(shop.parent, sister(shop.parent, files))
    async with beside(shop.parent) as at:
        await at.runtime.custom.learn()
        for name in ("lib__talks", "lib__stays"):
            assert (await at.told(name, repo="shop"))["output"] == {"text": "fine"}
        children = vars(at.runtime.custom)["_children"].values()
        processes = [cast("Popen[bytes]", vars(child)["_process"]) for child in children]
    assert [process.returncode is not None for process in processes] == [True, True]


INTERNALS = {
    "import importlib\n": "importlib",
    "import sys\n": "sys",
    "import os\n": "os",
    "import threading\n": "threading",
    "import random\n": "random",
    "import time\n": "time",
    "import builtins\n": "builtins",
    "from mcp_server import compose\n": "mcp_server",
    "import state\n": "state",
    "import agents.runtime.engine\n": "agents.runtime.engine",
    "import mcp_server.plugin as a, mcp_server.settings\n": "mcp_server.settings",
    "from typing import sys\n": "typing.sys",
    "from statistics import random\n": "statistics.random",
    "import typing\nos = typing.sys.modules['os']\n": "typing.sys",
    "import mcp_server.plugin\nkept = mcp_server.custom_loading\n": "mcp_server.custom_loading",
    "store = __import__('state.store')\n": "__import__",
    "fetch = __import__\n": "__import__",
    "fetch = __builtins__['__import__']\n": "__builtins__",
    "fetch = script.__globals__['inspect']\n": "__globals__",
    "fetch = object.__subclasses__()\n": "__subclasses__",
}


async def test_an_import_of_what_is_not_promised_is_refused_in_its_line(shop: Path) -> None:
    files = {f"agents/b{n:02}.py": agent_file(FINE, name=f"b{n:02}", head=head) for n, head in enumerate(INTERNALS)}
    trust(shop.parent, sister(shop.parent, {**files, "agents/reader.py": READER}))
    async with beside(shop.parent) as at:
        await at.runtime.custom.learn()
        assert [name for name in await names(at) if "__" in name] == ["lib__reader"]
        broken = (await at.told("health"))["broken_agents"]
        for number, (head, says) in enumerate(INTERNALS.items()):
            (said,) = (one for one in broken if f"agents/b{number:02}.py:{1 + head.count(chr(10))} of 'lib'" in one)
            assert says in said, (head, said)


PROMISED = [
    "from datetime import datetime, time\nfrom collections import abc, deque\nfrom copy import copy\n",
    "import datetime\nnoon = datetime.time(12)\nimport collections.abc\nkind = collections.abc.Mapping\n",
    "import mcp_server.plugin\nsame = mcp_server.plugin.Agent\nfrom mcp_server import plugin\nstate = {}\n",
    "import urllib.parse\nhost = urllib.parse.urlsplit('http://a/').hostname\nimport re\nflags = re.MULTILINE\n",
    "# -*- coding: latin-1 -*-\n",
]


async def test_an_import_of_what_computes_is_taken(shop: Path) -> None:
    files = {f"agents/a{n}.py": agent_file(FINE, name=f"a{n}", head=head) for n, head in enumerate(PROMISED)}
    trust(shop.parent, sister(shop.parent, files))
    async with beside(shop.parent) as at:
        await at.runtime.custom.learn()
        assert (await at.told("health")).get("broken_agents", []) == []
        assert [name for name in await names(at) if "__" in name] == [f"lib__a{n}" for n in range(len(PROMISED))]


async def test_what_one_file_does_to_our_modules_spoils_no_other(shop: Path) -> None:
    spoils = "Agent.__init__ = None\nBaseModel.model_json_schema = None\nAgent.task = None\n"
    first = agent_file(FINE, name="first", after=spoils)
    trust(shop.parent, sister(shop.parent, {"agents/first.py": first, "agents/reader.py": READER}))
    async with beside(shop.parent) as at:
        await at.runtime.custom.learn()
        assert "lib__reader" in await names(at)
        assert (await at.told("lib__reader", repo="shop"))["output"] == {"text": "A shop.\n"}

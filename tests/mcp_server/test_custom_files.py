"""Which files of a repository become agents at all: text in one encoding, no links, as many as a list can hold."""

import os
from pathlib import Path

import pytest

from tests.mcp_server.custom_repos import READER, beside, names, sister, trust
from tests.mcp_server.door import text_of

pytestmark = pytest.mark.anyio
UNREADABLE = [
    (READER.encode() + b"# caf\xe9\n", "of 'lib': Python cannot read it: it is not UTF-8"),
    (b"# coding: utf-7\n" + READER.encode() + b"# +AAo-import os\nimport subprocess\n", "imports subprocess"),
    (READER.encode("utf-16"), "agents/reader.py of"),
    (b"# mcp_server\n" + b"(" * 60_000, "agents/bad.py:2 of 'lib': Python cannot read it"),
    (b"# mcp_server\n" + b"-" * 200_000 + b"1", "agents/bad.py"),
    (READER.encode() + b"#" * (256 * 1024), "agents/bad.py of 'lib'"),
]


@pytest.mark.parametrize(("data", "says"), UNREADABLE)
async def test_a_file_that_cannot_be_read_is_named_with_its_repository(shop: Path, data: bytes, says: str) -> None:
    root = sister(shop.parent, {"agents/reader.py": READER})
    (root / "agents/bad.py").write_bytes(data)
    trust(shop.parent, root)
    async with beside(shop.parent) as at:
        await at.runtime.custom.learn()
        assert [name for name in await names(at) if "__" in name] == ["lib__reader"]
        broken = (await at.told("health")).get("broken_agents", [])
        if data.startswith(b"\xff\xfe"):
            assert broken == []  # it does not mention us
        else:
            assert says in broken[0] and len(broken) == 1


async def test_a_mark_at_the_beginning_of_a_file_does_no_harm(shop: Path) -> None:
    root = sister(shop.parent, {"README.md": "A library.\n"})
    (root / "agents").mkdir()
    (root / "agents/reader.py").write_bytes(b"\xef\xbb\xbf" + READER.encode().replace(b"\n", b"\r\n"))
    trust(shop.parent, root)
    async with beside(shop.parent) as at:
        await at.runtime.custom.learn()
        assert "lib__reader" in await names(at)
        assert (await at.told("lib__reader", repo="shop"))["outcome"] == "done"


@pytest.mark.parametrize("way", ["a link to a file", "a link to a folder", "a pipe", "a name that is not UTF-8"])
async def test_what_is_no_file_of_the_repository_is_never_followed(shop: Path, tmp_path: Path, way: str) -> None:
    root = sister(shop.parent, {"README.md": "A library.\n"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "reader.py").write_text(READER)
    if way != "a link to a folder":
        (root / "agents").mkdir()
        (root / "agents/good.py").write_text(READER.replace('"reader"', '"good"'))
    match way:
        case "a link to a file":
            (root / "agents/reader.py").symlink_to(elsewhere / "reader.py")
        case "a link to a folder":
            (root / "agents").symlink_to(elsewhere)
        case "a pipe":
            os.mkfifo(root / "agents/reader.py")
        case _:
            (root / "agents" / os.fsdecode(b"reader\xff.py")).write_text(READER)
    trust(shop.parent, root)
    async with beside(shop.parent, FACTOR12_TRUSTED_ROOTS=str(shop.parent)) as at:
        await at.runtime.custom.learn()
        offered = [name for name in await names(at) if "__" in name]
        assert offered == ([] if way == "a link to a folder" else ["lib__good"])
        (said,) = (await at.told("health"))["broken_agents"]
        assert "agents/reader" in said and "'lib'" in said


async def test_a_file_that_is_swapped_after_it_was_checked_is_not_run(shop: Path, tmp_path: Path) -> None:
    root = sister(shop.parent, {"agents/reader.py": READER})
    trust(shop.parent, root)
    async with beside(shop.parent) as at:
        await at.runtime.custom.learn()
        thread = await at.told("lib__reader", repo="shop")
        assert thread["outcome"] == "done"
        stand_in, path = READER.replace("read_file)(task.path)", "read_file)('evil')"), root / "agents/reader.py"
        before = path.stat()
        path.write_text(
            stand_in.ljust(before.st_size)[: before.st_size] if len(stand_in) < before.st_size else stand_in
        )
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        told = await at.call("lib__reader", repo="shop")
        assert told.is_error and "evil" not in text_of(told)


async def test_what_does_not_fit_into_a_list_is_said(shop: Path) -> None:
    files = {f"agents/a{number:03}.py": READER.replace('"reader"', f'"a{number:03}"') for number in range(200)}
    trust(shop.parent, sister(shop.parent, files))
    async with beside(shop.parent, patience_s=90) as at:
        await at.runtime.custom.learn()
        offered = [name for name in await names(at) if "__" in name]
        assert offered == [f"lib__a{number:03}" for number in range(50)]
        (said,) = (await at.told("health"))["broken_agents"]
        assert "agents/ of 'lib' has 200 files; the first 50" in said

"""Repositories that name a program of theirs, each with what makes plain git run it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.tools.gitting import Place

Build: TypeAlias = Callable[[Place, Path], None]


@dataclass(frozen=True)
class Trap:
    """A kind of hostile repository."""

    build: Build
    control: tuple[str, ...]
    """What a careless program would run, and what then runs the program of the repository."""
    says: str = ""
    """In every refusal, if it is one that is not opened at all."""
    stdin: str = ""
    without: frozenset[str] = frozenset()
    """Steps of a visit that are refused, of a repository that is opened: what they need is not there."""

    @property
    def name(self) -> str:
        return self.build.__name__


def configure(place: Place, root: Path, **values: str) -> None:
    for key, value in values.items():
        place.git(root, "config", key.replace("__", "."), value)


def fsmonitor(place: Place, root: Path) -> None:
    place.git(root, "config", "core.fsmonitor", str(place.mark("fsmonitor")))


def hooks(place: Place, root: Path) -> None:
    for name in ("post-index-change", "reference-transaction", "pre-commit", "commit-msg", "post-commit"):
        shutil.copy2(place.mark(name), root / ".git" / "hooks" / name)


def checkout_hook(place: Place, root: Path) -> None:
    shutil.copy2(place.mark("post-checkout"), root / ".git" / "hooks" / "post-checkout")


def collection_hook(place: Place, root: Path) -> None:
    configure(place, root, gc__auto="1", gc__autoPackLimit="1")
    for content in (b"one", b"other"):
        blob = place.git(root, "hash-object", "-w", "--stdin", stdin=content)
        place.git(root, "pack-objects", "-q", ".git/objects/pack/pack", stdin=blob.encode())
    shutil.copy2(place.mark("pre-auto-gc"), root / ".git" / "hooks" / "pre-auto-gc")


def hooks_path(place: Place, root: Path) -> None:
    folder = place.folder / "husky"
    folder.mkdir()
    shutil.copy2(place.mark("husky"), folder / "reference-transaction")
    place.git(root, "config", "core.hooksPath", str(folder))


def clean_filter(place: Place, root: Path) -> None:
    place.git(root, "config", "filter.evil.clean", str(place.mark("clean")))
    place.git(root, "config", "filter.evil.smudge", str(place.mark("smudge")))
    place.git(root, "config", "filter.evil.required", "true")
    (root / ".gitattributes").write_text("*.txt filter=evil\n", encoding="utf-8")


def process_filter(place: Place, root: Path) -> None:
    place.git(root, "config", "filter.Evil.Name.process", str(place.mark("process")))
    (root / ".git" / "info" / "attributes").write_text("*.txt filter=Evil.Name\n", encoding="utf-8")


def attributes_outside(place: Place, root: Path) -> None:
    (place.folder / "attributes").write_text("*.txt filter=lfs\n", encoding="utf-8")
    place.git(root, "config", "core.attributesFile", str(place.folder / "attributes"))
    place.git(root, "config", "filter.lfs.clean", str(place.mark("git-lfs")))


def textconv(place: Place, root: Path) -> None:
    place.git(root, "config", "diff.evil.textconv", str(place.mark("textconv")))
    place.git(root, "config", "diff.evil.cachetextconv", "true")
    (root / ".gitattributes").write_text("* diff=evil\n", encoding="utf-8")


def diff_command(place: Place, root: Path) -> None:
    place.git(root, "config", "diff.evil.command", str(place.mark("command")))
    (root / ".gitattributes").write_text("* diff=evil\n", encoding="utf-8")


def diff_external(place: Place, root: Path) -> None:
    place.git(root, "config", "diff.external", str(place.mark("external")))


def diff_filter(place: Place, root: Path) -> None:
    configure(place, root, interactive__diffFilter=str(place.mark("diff-filter")), color__ui="always")


def difftool(place: Place, root: Path) -> None:
    configure(place, root, difftool__evil__cmd=str(place.mark("difftool")), diff__tool="evil", difftool__prompt="false")


def verifying(place: Place, root: Path) -> None:
    place.git(root, "config", "gpg.program", str(place.mark("gpg")))
    place.git(root, "config", "log.showSignature", "true")
    text = place.git(root, "cat-file", "commit", "HEAD")
    signed = text.replace("\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n\n", 1).encode()
    made = place.git(root, "hash-object", "-t", "commit", "-w", "--stdin", stdin=signed).strip()
    place.git(root, "update-ref", "refs/heads/main", made)


def signing(place: Place, root: Path) -> None:
    program = str(place.mark("sign"))
    configure(place, root, commit__gpgSign="true", gpg__format="ssh", gpg__ssh__program=program)
    configure(place, root, gpg__ssh__defaultKeyCommand=program)


def ssh_command(place: Place, root: Path) -> None:
    place.git(root, "config", "core.sshCommand", str(place.mark("ssh", copies=False)))
    place.git(root, "config", "remote.origin.url", "ssh://localhost/x")


def git_proxy(place: Place, root: Path) -> None:
    configure(
        place, root, core__gitProxy=str(place.mark("proxy", copies=False)), remote__origin__url="git://localhost/"
    )


def external_transport(place: Place, root: Path) -> None:
    place.git(root, "config", "remote.origin.url", f"ext::{place.mark('ext', copies=False)} x")
    place.git(root, "config", "protocol.ext.allow", "always")


def promisor(place: Place, root: Path) -> None:
    external_transport(place, root)
    _promise(place, root)


def promisor_beside(place: Place, root: Path) -> None:
    upload_pack(place, root)
    _promise(place, root)


def _promise(place: Place, root: Path) -> None:
    place.git(root, "config", "core.repositoryformatversion", "1")
    place.git(root, "config", "extensions.partialClone", "origin")
    place.git(root, "config", "remote.origin.promisor", "true")
    blob = place.git(root, "rev-parse", "HEAD:a.txt").strip()
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()


def upload_pack(place: Place, root: Path) -> None:
    place.git(root, "config", "remote.origin.url", str(root))
    place.git(root, "config", "remote.origin.uploadpack", str(place.mark("uploadpack", copies=False)))


def receive_pack(place: Place, root: Path) -> None:
    place.git(root, "config", "remote.origin.url", str(root))
    place.git(root, "config", "remote.origin.receivepack", str(place.mark("receivepack", copies=False)))


def pack_objects_hook(place: Place, root: Path) -> None:
    """git takes it from the person's own configuration only: even there it is nothing of ours."""
    for words in ([], ["--global"]):
        place.git(root, "config", *words, "uploadpack.packObjectsHook", str(place.mark("pack", copies=False)))


def editor(place: Place, root: Path) -> None:
    configure(place, root, core__editor=str(place.mark("editor")), core__pager=str(place.mark("pager")))


def sequence_editor(place: Place, root: Path) -> None:
    configure(place, root, sequence__editor=str(place.mark("sequence")))


def ask_pass(place: Place, root: Path) -> None:
    configure(place, root, core__askPass=str(place.mark("askpass")))


def credential_helper(place: Place, root: Path) -> None:
    place.git(root, "config", "credential.https://example.org.helper", f"!{place.mark('credential', copies=False)}")


def alias(place: Place, root: Path) -> None:
    for name in ("status", "st", "frotz"):
        place.git(root, "config", f"alias.{name}", f"!{place.mark('alias')}")


def archiver(place: Place, root: Path) -> None:
    configure(place, root, tar__evil__command=str(place.mark("tar")))


def trailer(place: Place, root: Path) -> None:
    configure(place, root, trailer__sign__command=str(place.mark("trailer")), trailer__sign__key="Signed-off-by: ")


def merge_driver(place: Place, root: Path) -> None:
    place.git(root, "config", "merge.evil.driver", f"{place.mark('merge')} %A")
    place.git(root, "config", "merge.evil.name", "evil")
    (root / ".git" / "info" / "attributes").write_text("* merge=evil\n", encoding="utf-8")


def included(place: Place, root: Path) -> None:
    _extra(place)
    configure(place, root, include__path=str(place.folder / "extra"))


def included_if(place: Place, root: Path) -> None:
    _extra(place)
    place.git(root, "config", "includeIf.gitdir:/.path", str(place.folder / "extra"))


def included_by_worktree(place: Place, root: Path) -> None:
    _extra(place)
    place.git(root, "config", "extensions.worktreeConfig", "true")
    place.git(root, "config", "--worktree", "include.path", str(place.folder / "extra"))


def _extra(place: Place) -> None:
    (place.folder / "extra").write_text(f"[core]\nfsmonitor = {place.mark('included')}\n", encoding="utf-8")


def worktree_config(place: Place, root: Path) -> None:
    place.git(root, "config", "extensions.worktreeConfig", "true")
    place.git(root, "config", "--worktree", "core.fsmonitor", str(place.mark("worktree")))


def other_work_tree(place: Place, root: Path) -> None:
    fsmonitor(place, root)
    place.git(root, "config", "core.worktree", str(place.folder))


def equals_sign(place: Place, root: Path) -> None:
    with (root / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write(f'[filter "a=b"]\n\tclean = {place.mark("equals")}\n')
    (root / ".git" / "info" / "attributes").write_text("a.txt filter=a=b\n", encoding="utf-8")


def submodule(place: Place, root: Path) -> None:
    other = place.repository("library", {"lib.txt": "one\n", ".gitattributes": "* filter=evil\n"})
    place.git(root, "submodule", "add", "-q", str(other), "lib")
    place.git(root, "commit", "-q", "-m", "submodule")
    place.git(root / "lib", "config", "core.fsmonitor", str(place.mark("fsmonitor-of-submodule")))
    place.git(root / "lib", "config", "filter.evil.clean", str(place.mark("clean-of-submodule")))
    (root / "lib" / "lib.txt").write_text("two\n", encoding="utf-8")


def submodule_update(place: Place, root: Path) -> None:
    submodule(place, root)
    shutil.rmtree(root / "lib")
    (root / "lib").mkdir()
    place.git(root, "config", "submodule.lib.update", f"!{place.mark('update')}")
    with (root / ".gitmodules").open("a", encoding="utf-8") as modules:  # git itself is safe from an option here
        modules.write('[submodule "other"]\n\tpath = other\n\turl = -u./payload\n')


def nested_repository(place: Place, root: Path) -> None:
    inner = place.repository(
        str(root.relative_to(place.folder) / "inner"), {"x.txt": "one\n", ".gitattributes": "* filter=evil\n"}
    )
    place.git(root, "add", "inner")
    place.git(root, "commit", "-q", "-m", "nested")
    place.git(inner, "config", "filter.evil.clean", str(place.mark("clean-of-nested")))
    (inner / "x.txt").write_text("two\n", encoding="utf-8")


def embedded_bare(place: Place, root: Path) -> None:
    bare = root / "sub"
    bare.mkdir()
    place.git(bare, "init", "-q", "--bare", ".")
    place.git(bare, "--git-dir", ".", "config", "core.fsmonitor", str(place.mark("bare")))
    place.git(bare, "--git-dir", ".", "config", "core.worktree", str(root))
    place.git(bare, "--git-dir", ".", "config", "core.bare", "false")


def _moved(place: Place, root: Path) -> Path:
    fsmonitor(place, root)
    moved = place.folder / "moved"
    (root / ".git").rename(moved)
    return moved


def git_file_elsewhere(place: Place, root: Path) -> None:
    moved = _moved(place, root)
    (root / ".git").write_text(f"gitdir: {moved}\n", encoding="utf-8")


def git_link(place: Place, root: Path) -> None:
    moved = _moved(place, root)
    (root / ".git").symlink_to(moved)


def common_folder(place: Place, root: Path) -> None:
    moved = place.folder / "moved"
    shutil.copytree(root / ".git", moved)
    place.git(root, "--git-dir", str(moved), "config", "core.fsmonitor", str(place.mark("common")))
    (root / ".git" / "commondir").write_text(f"{moved}\n", encoding="utf-8")


def split_index(place: Place, root: Path) -> None:
    fsmonitor(place, root)
    place.git(root, "update-index", "--split-index", "--fsmonitor")


def sparse_index(place: Place, root: Path) -> None:
    place.write(root, {"kept/x": "x", "left/y": "y"})
    place.commit(root, "folders")
    place.git(root, "sparse-checkout", "init", "--cone", "--sparse-index")
    place.git(root, "sparse-checkout", "set", "kept")
    fsmonitor(place, root)


_COMMIT = frozenset({"commit_edits"})
_BLOBLESS = frozenset({"own_tree", "git_diff", "git_diff_range", "git_show", "git_show_file"})
_FORM = "protocol=https\nhost=example.org\n\n"
TRAPS = (
    Trap(fsmonitor, ("status",)),
    Trap(hooks, ("commit", "-am", "x")),
    Trap(checkout_hook, ("checkout", "-f", "side")),
    Trap(collection_hook, ("gc", "--auto")),
    Trap(hooks_path, ("update-ref", "refs/heads/other", "HEAD")),
    Trap(clean_filter, ("add", "-A"), without=_COMMIT),
    Trap(process_filter, ("diff",), without=_COMMIT),
    Trap(attributes_outside, ("add", "-A"), without=_COMMIT),
    Trap(textconv, ("diff",)),
    Trap(diff_command, ("diff",)),
    Trap(diff_external, ("diff",)),
    Trap(diff_filter, ("commit", "-p", "-m", "x"), stdin="q\n"),
    Trap(difftool, ("difftool",)),
    Trap(verifying, ("log", "-1")),
    Trap(signing, ("commit", "-am", "x")),
    Trap(ssh_command, ("fetch", "origin")),
    Trap(git_proxy, ("fetch", "origin")),
    Trap(external_transport, ("fetch", "origin")),
    Trap(promisor, ("cat-file", "blob", "HEAD:a.txt"), without=_BLOBLESS),
    Trap(promisor_beside, ("cat-file", "blob", "HEAD:a.txt"), without=_BLOBLESS),
    Trap(upload_pack, ("fetch", "origin")),
    Trap(receive_pack, ("push", "origin", "HEAD")),
    Trap(pack_objects_hook, ("clone", "--no-local", "--bare", ".", "../copy")),
    Trap(editor, ("commit", "-a")),
    Trap(sequence_editor, ("rebase", "-i", "--autostash", "--root")),
    Trap(ask_pass, ("credential", "fill"), stdin=_FORM),
    Trap(credential_helper, ("credential", "fill"), stdin=_FORM),
    Trap(alias, ("frotz",)),
    Trap(archiver, ("archive", "--format=evil", "HEAD")),
    Trap(trailer, ("interpret-trailers",), "trailer.sign.command", stdin="x\n"),
    Trap(merge_driver, ("merge", "--autostash", "side")),
    Trap(included, ("status",), "include.path"),
    Trap(included_if, ("status",), "includeif.gitdir"),
    Trap(included_by_worktree, ("status",), "include.path"),
    Trap(worktree_config, ("status",)),
    Trap(other_work_tree, ("status",)),
    Trap(equals_sign, ("diff",), "filter.a=b.clean"),
    Trap(submodule, ("status",)),
    Trap(submodule_update, ("submodule", "update")),
    Trap(nested_repository, ("add", "-A")),
    Trap(embedded_bare, ("-C", "sub", "status")),
    Trap(git_file_elsewhere, ("status",), "does not point back"),
    Trap(git_link, ("status",), "neither a folder nor a file"),
    Trap(common_folder, ("status",), "borrows from another repository"),
    Trap(split_index, ("status",)),
    Trap(sparse_index, ("status",)),
)

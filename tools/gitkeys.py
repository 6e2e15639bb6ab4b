"""What a repository's own configuration may say: it may describe the repository, and it may not name programs."""

from collections.abc import Iterable

_PLAIN = """
    advice alias am annex apply author blame branch bundle checkout clean clone color column commit commitgraph
    committer core credential diff difftool extensions fastimport feature fetch filter format fsck gc git-p4 gitbutler
    gitflow github gk gpg graph grep gui help hub http i18n imap index init interactive lfs log lsrefs magit mailinfo
    mailmap maintenance merge mergetool notes pack pager protocol pull push rebase receive reftable remote remotes
    repack rerere reset revert sendemail sendpack sequence showbranch splitindex stash status submodule svn svn-remote
    tag tar transfer uploadarchive uploadpack url user versionsort worktree
"""
PLAIN = frozenset(_PLAIN.split())
"""Sections that only describe, or whose programs are switched off below or belong to commands that are never run here
(alias, difftool, fetch, pager, push, sequence). An unknown section is more likely to be a new way to start a program
than something a reader of the repository misses."""

PROGRAMS = {
    "filter": {"clean": "", "smudge": "", "process": "", "required": "false"},
    "diff": {"textconv": "cat", "command": "true", "external": "true"},
    "merge": {"driver": "false"},
    "gpg": {"program": "false", "defaultkeycommand": "false"},
    "credential": {"helper": ""},
}
"""Section -> variable -> what it is set to instead. Never an empty command where git would hand it to a shell: with
an empty textconv the shell would run the file."""


def refused(names: Iterable[str]) -> list[str]:
    """Return the keys that an untrusted repository may not have, in order."""
    return [name for name in dict.fromkeys(names) if name.partition(".")[0].lower() not in PLAIN]


def overrides(names: Iterable[str]) -> dict[str, str]:
    """Return key -> value for every key that names a program: settings of the command line, which win over files."""
    found: dict[str, str] = {}
    for name in names:
        section, _, rest = name.partition(".")
        subsection, dot, variable = rest.rpartition(".")
        match section, PROGRAMS.get(section, {}):
            case "filter", values:
                found |= {f"filter.{subsection}{dot}{other}": value for other, value in values.items()}
            case _, values if variable in values:
                found[name] = values[variable]
            case _:
                continue
    return found

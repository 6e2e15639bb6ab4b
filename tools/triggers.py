"""Know the files that make programs run without anybody asking: to change one takes a person (SECURITY row 7)."""

import re
import unicodedata

_RULES = (
    (
        "decides what the build servers run",
        r"\.(?:github|gitlab|circleci|buildkite|woodpecker|forgejo|gitea|teamcity|ci)",
        r"\.(?:gitlab-ci|travis|drone|woodpecker|cirrus)\.ya?ml|\.?appveyor\.ya?ml|jenkinsfile"
        r"|(?:azure|bitbucket)-pipelines\.ya?ml|cloudbuild\.ya?ml",
    ),
    (
        "decides what git runs",
        r"\.husky|\.githooks",
        r"\.git(?:attributes|modules|config)|\.?lefthook(?:-local)?\.ya?ml|\.pre-commit-config\.ya?ml",
    ),
    (
        "decides what editors run when they open the folder",
        r"\.(?:vscode|idea|zed|fleet|devcontainer|cursor|windsurf)",
        r"\.(?:devcontainer\.json|cursorrules|windsurfrules|n?vimrc|exrc|nvim\.lua|dir-locals\.el)"
        r"|.*\.code-workspace",
    ),
    (
        "decides what AI hosts and this server run",
        r"\.(?:claude|codex|gemini|mcp)",
        r"\.?mcp\.json|claude_desktop_config\.json|factor12\.toml|prompts/[^/]*\.md\.j2",
    ),
    (
        "decides what shells, interpreters and package managers run",
        r"\.direnv",
        r"\.envrc|\.?mise\.toml|\.npmrc|\.yarnrc(?:\.yml)?|\.pnpmfile\.cjs|\.bazelrc|(?:site|user)customize\.py|.*\.pth",
    ),
)
_COMPILED = tuple(
    (why, re.compile(rf"(?:.*/)?(?:(?:{folders})/.*|(?:{files}))", re.DOTALL)) for why, folders, files in _RULES
)


def needs_person(relative: str) -> str | None:
    """Say why a change of this file needs a person's approval, or `None`. Case does not matter."""
    path = unicodedata.normalize("NFKC", relative).casefold()
    return next((f"{relative!r} {why}." for why, pattern in _COMPILED if pattern.fullmatch(path)), None)

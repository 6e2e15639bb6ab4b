"""Files that make programs run by themselves are not changed without a person."""

import pytest

from tools.triggers import needs_person


@pytest.mark.requirement("R8")
@pytest.mark.parametrize(
    "path",
    [
        ".mcp.json",
        "sub/.mcp.json",
        ".cursor/mcp.json",
        ".vscode/tasks.json",
        ".VSCode/settings.json",
        ".github/workflows/ci.yml",
        ".github/actions/x/action.yml",
        ".gitlab-ci.yml",
        ".circleci/config.yml",
        "Jenkinsfile",
        "azure-pipelines.yml",
        "factor12.toml",
        "Factor12.TOML",
        "prompts/plan.md.j2",
        ".envrc",
        ".husky/pre-commit",
        ".githooks/pre-push",
        ".gitattributes",
        "a/b/.gitattributes",
        ".gitmodules",
        ".pre-commit-config.yaml",
        ".claude/settings.json",
        ".npmrc",
        ".idea/runConfigurations/x.xml",
        "x.code-workspace",
        "x.pth",
        "sitecustomize.py",
    ],
)
def test_a_file_that_runs_things_needs_a_person_and_says_why(path: str) -> None:
    reason = needs_person(path)
    assert reason is not None
    assert path in reason


@pytest.mark.parametrize(
    "path",
    [
        "src/app.py",
        "README.md",
        "package.json",
        ".gitignore",
        "github/x.py",
        "docs/mcp.json.md",
        "ci.py",
        "a.path",
        "prompts/plan.md",
    ],
)
def test_an_ordinary_file_needs_nobody(path: str) -> None:
    assert needs_person(path) is None

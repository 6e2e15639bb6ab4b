"""Which agents and tools a process has."""

from typing import Any

from agents.assistant import agent as assistant
from agents.intelligent_issue import agent as intelligent_issue
from agents.issue_fixer import agent as issue_fixer
from agents.pr_review import agent as pr_review
from agents.research import agent as research
from agents.runtime.definition import Agent
from agents.smart_issue import agent as smart_issue
from agents.take_over import agent as take_over_agent
from agents.testing import agent as testing
from tools.base import Tool
from tools.calculating import CALCULATING
from tools.checks import run_check
from tools.citations import check_claims
from tools.commit import commit_edits
from tools.complexity import assess_issue
from tools.facts import gather, show_files
from tools.files import edit_file, list_files, read_file, undo_edit, write_file
from tools.git import git_diff, git_log, git_show, git_status
from tools.issue import read_issue
from tools.issue_parts import list_parts
from tools.linters import run_linter
from tools.locate import locate
from tools.lookups import look_up
from tools.review import review_edits
from tools.reviewing.change import read_change, read_parts
from tools.reviewing.recall import recall_reviews
from tools.search import search
from tools.surveying import survey
from tools.takeover import take_over

AGENTS: tuple[Agent[Any, Any], ...] = (
    issue_fixer,
    intelligent_issue,
    smart_issue,
    pr_review,
    testing,
    assistant,
    research,
    take_over_agent,
)
OFFERED = tuple(agent for agent in AGENTS if agent.offered)
TOOLS: tuple[Tool[..., Any], ...] = (
    read_issue,
    assess_issue,
    list_parts,
    gather,
    show_files,
    locate,
    run_check,
    run_linter,
    read_file,
    list_files,
    write_file,
    edit_file,
    undo_edit,
    review_edits,
    search,
    git_status,
    git_diff,
    git_log,
    git_show,
    commit_edits,
    take_over,
    *CALCULATING,
    read_change,
    read_parts,
    recall_reviews,
    survey,
    look_up,
    check_claims,
)

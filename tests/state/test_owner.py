"""Whether the process that holds a lease still lives: certain, or not said."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from state.owner import is_dead, started_without_proc, this_process
from tests.state.places import ELSEWHERE, dead_owner

pytestmark = pytest.mark.requirement("R6")


def test_the_running_process_is_not_dead() -> None:
    assert this_process() == this_process()
    assert this_process().pid == os.getpid()
    assert not is_dead(this_process())


def test_a_process_that_ended_is_dead() -> None:
    assert is_dead(dead_owner())


def test_a_pid_that_was_given_anew_does_not_bring_its_process_back() -> None:
    mine = this_process()
    assert is_dead(replace(mine, started=mine.started + 1))
    assert not is_dead(replace(mine, started=0.0)), "without a start time nothing is certain"


def test_a_process_that_nobody_buried_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        owner = replace(this_process(), pid=child.pid, started=0.0)
        assert not is_dead(owner)
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(owner)


def test_nothing_is_certain_about_another_host() -> None:
    assert not is_dead(ELSEWHERE)
    assert not is_dead(replace(dead_owner(), host="another-host"))


def test_where_there_is_no_proc_a_process_is_alive_or_gone_and_no_more_is_known() -> None:
    assert started_without_proc(dead_owner().pid) is None
    assert started_without_proc(os.getpid()) == 0.0
    assert started_without_proc(1) == 0.0, "also one of somebody else"

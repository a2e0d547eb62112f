"""Flows that change while calls run: the last good ones stay in use."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest
from flow_folder import FILES, MANIFEST, write_folder

from ivr.flow import FlowErrors, FlowStore, Manifest, load_flows


def test_a_good_change_is_used_and_a_running_call_keeps_its_own_version(tmp_path: Path) -> None:
    store = FlowStore(write_folder(tmp_path), MANIFEST)
    running = store.current
    write_folder(tmp_path, main=FILES["main.yaml"].replace("count < 3", "count < 4"))
    assert store.changed()
    assert store.reload() == []
    assert store.current.version != running.version
    assert store.current["main"].version != running["main"].version
    assert store.current["identify"].version == running["identify"].version
    assert "count < 3" in running["main"].expressions
    assert not store.changed()


def test_a_bad_change_leaves_the_last_good_flows_and_says_why_once(tmp_path: Path) -> None:
    store = FlowStore(write_folder(tmp_path), MANIFEST)
    good = store.current
    write_folder(tmp_path, main="flow: [")
    assert [problem.code for problem in store.reload()] == ["F102"]
    assert store.current is good
    assert [problem.code for problem in store.problems] == ["F102"]
    assert store.reload() == []
    write_folder(tmp_path)
    assert store.reload() == []
    assert store.problems == []
    assert store.current.version == good.version


def test_a_warning_does_not_keep_new_flows_out(tmp_path: Path) -> None:
    store = FlowStore(write_folder(tmp_path), MANIFEST)
    extra = "flow: extra\nentry: a\nsteps:\n  a: {hangup: normal}\n"
    write_folder(tmp_path, extra=extra)
    assert [problem.code for problem in store.reload()] == ["F313"]
    assert "extra" in store.current.flows
    assert [problem.code for problem in store.current.warnings] == ["F313"]
    (tmp_path / "extra.yaml").unlink()
    assert store.reload() == []
    assert "extra" not in store.current.flows


def test_what_surrounds_the_flows_may_change_too(tmp_path: Path) -> None:
    store = FlowStore(write_folder(tmp_path), MANIFEST)
    poorer = Manifest({}, MANIFEST.prompts)
    assert "F409" in {problem.code for problem in store.reload(poorer)}
    assert store.current.manifest.services == MANIFEST.services


def test_bad_flows_at_the_very_beginning_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FlowErrors, match="F102"):
        FlowStore(write_folder(tmp_path, main="flow: ["), MANIFEST)


def test_reloading_from_many_threads_ends_with_one_good_library(tmp_path: Path) -> None:
    store = FlowStore(write_folder(tmp_path), MANIFEST)
    write_folder(tmp_path, main=FILES["main.yaml"].replace("count < 3", "count < 5"))
    threads = [Thread(target=store.reload) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "count < 5" in store.current["main"].expressions


def test_the_version_is_that_of_the_content_alone(tmp_path: Path) -> None:
    one = load_flows(write_folder(tmp_path / "a"), MANIFEST)
    other = load_flows(write_folder(tmp_path / "b"), MANIFEST)
    assert one.version == other.version
    assert one["main"].position("premium", "do") == other["main"].position("premium", "do") == (22, 5)

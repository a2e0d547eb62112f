"""What a person at the command line is told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cli_kit import Run
from hotline_process import ROOT

from ivr.resources import bundled


@pytest.fixture
def hotline(command: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs `hotline …` where new files are everybody's to read, unless the hotline says otherwise."""
    monkeypatch.setenv("COLUMNS", "200")
    mask = os.umask(0o022)
    yield command
    os.umask(mask)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A company's own copy of the flows."""
    folder = tmp_path / "own"
    shutil.copytree(bundled("flows"), folder)
    return folder


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_flows_that_come_with_the_hotline_are_good(hotline) -> None:
    status, out, _ = hotline("flow", "check")
    assert status == 0
    assert "flows are good" in out


#: Twenty ways to break a flow: the file, what is replaced by what, the code and a word of the remedy.
BROKEN: Sequence[tuple[str, str, str, str, str]] = [
    ("main.yaml", "entry: start", "entry: strat", "F", "start"),
    ("main.yaml", "go: policy\n", "go: polcy\n", "F", "policy"),
    ("main.yaml", "say: closed_notice,", "say: closed_notise,", "F", "closed_notice"),
    ("main.yaml", "do: caller.profile", "do: caller.profil", "F", "caller.profile"),
    ("main.yaml", "call: policy_enquiry", "call: policy_inquiry", "F", "policy_enquiry"),
    ("main.yaml", "hours: people", "hours: peeple", "F", "people"),
    ("main.yaml", "      - {else: who_calls}\n", "", "F", "else"),
    ("main.yaml", "if: greeted,", "if: greted,", "F", "greeted"),
    ("main.yaml", "timeout: 600ms", "timeout: 600", "F", "such as 6s"),
    ("main.yaml", "timeout: 600ms", "timeuot: 600ms", "F", "timeout"),
    ("main.yaml", "language: en,", "language: fr,", "F", "fr"),
    ("main.yaml", "entry: start", "entry: start\nentry: start", "F", "entry"),
    ("main.yaml", "  greeted_now: {", "  greeted_now: [", "F", "expected"),
    (
        "main.yaml",
        "  who_calls: ",
        "  nobody_goes_here: {say: welcome, next: menu}\n  who_calls: ",
        "F",
        "nobody_goes_here",
    ),
    ("hotline.yaml", "main: main", "main: mian", "F", "main"),
    ("hotline.yaml", "zone: Asia/Shanghai", "zone: Asia/Shangai", "F", "Shang"),
    ("hotline.yaml", "on_error: trouble", "on_error: truoble", "F", "trouble"),
    ("premium_enquiry.yaml", "amount: due.amount", "amount: due.amont", "F", "amount"),
    ("identify_caller.yaml", "type: secret", "type: secert", "F", "secret"),
    ("take_message.yaml", "voicemail: service", "voicemail: servise", "F", "service"),
]


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "word"), BROKEN, ids=[f"{b[0]}: {b[2].strip()}" for b in BROKEN]
)
def test_a_broken_flow_is_named_by_file_line_column_and_remedy(
    hotline, own: Path, file: str, old: str, new: str, code: str, word: str
) -> None:
    change(own / file, old, new)
    status, _, err = hotline("flow", "check", "--flows", str(own))
    assert status == 1
    found = [line for line in err.splitlines() if line.startswith(f"{file}:") and "(warning)" not in line]
    assert found, err
    place, _, message = found[0].partition(" ")
    _, line, column, _ = place.split(":")
    assert int(line) > 0
    assert int(column) > 0
    assert message.startswith(code)
    assert any(word in one for one in found), found


def test_flow_test_reports_full_coverage_of_every_flow_that_comes_with_the_hotline(hotline) -> None:
    status, out, _ = hotline("flow", "test", "--least", "100")
    assert status == 0, out
    assert "0 failed" in out


def test_a_failing_flow_test_is_told_with_its_transcript_and_fails_the_command(hotline, own: Path) -> None:
    change(own / "choose_language.yaml", "expect: [", "expect: [{hangup: never}, ")
    status, _, err = hotline("flow", "test", "--flows", str(own), "choose_language")
    assert status == 1
    assert "choose_language.yaml:" in err


def test_random_callers_always_come_to_an_end(hotline) -> None:
    status, out, _ = hotline("flow", "fuzz", "--calls", "300", "--seed", "11")
    assert status == 0, out


def test_a_flow_is_drawn_as_text_and_as_a_picture(hotline, tmp_path: Path) -> None:
    assert "flowchart" in hotline("flow", "draw", "main")[1]
    picture = tmp_path / "main.svg"
    assert hotline("flow", "draw", "main", "--kind", "svg", "--output", str(picture))[0] == 0
    assert picture.read_text(encoding="utf-8").startswith("<svg")


def test_the_schema_for_editors_is_the_committed_one(hotline) -> None:
    assert hotline("flow", "schema")[1] == (ROOT / "docs/flow.schema.json").read_text(encoding="utf-8")


def test_an_unknown_flow_is_answered_with_those_there_are(hotline) -> None:
    status, _, err = hotline("flow", "draw", "mane")
    assert status == 1
    assert "H107" in err
    assert "main" in err


def test_init_copies_flows_and_prompts_and_never_overwrites(hotline, tmp_path: Path) -> None:
    status, _, _ = hotline("init", str(tmp_path / "company"))
    assert status == 0
    folder = tmp_path / "company"
    assert (folder / "flows/main.yaml").is_file()
    assert (
        hotline("flow", "check", "--flows", str(folder / "flows"), "--prompts", str(folder / "prompts"))[0]
        == 0
    )
    status, _, err = hotline("init", str(folder))
    assert status == 1
    assert "not empty" in err


def test_a_wrong_setting_is_named_with_what_it_wants(hotline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_SIP_PORT", "many")
    status, _, err = hotline("flow", "check")
    assert status == 1
    assert "HOTLINE_SIP_PORT" in err
    assert "integer" in err


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("HOTLINE_ZONE", "Mars/Phobos", "Asia/Shanghai"),
        ("HOTLINE_SIP_PEERS", "10.0.0.0/8, office", "192.0.2.0/24"),
        ("HOTLINE_SIP_REGISTRAR", "sip:pbx.example.com", "HOTLINE_SIP_SECRET"),
    ],
)
def test_a_setting_that_cannot_be_is_told_before_anything_answers(
    hotline, monkeypatch: pytest.MonkeyPatch, name: str, value: str, remedy: str
) -> None:
    monkeypatch.setenv(name, value)
    status, _, err = hotline("serve")
    assert status == 1
    assert err.startswith("H100")
    assert remedy in err


def test_a_mistake_between_settings_shows_no_secret(hotline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_SIP_REGISTRAR", "sip:pbx.example.com")
    monkeypatch.setenv("HOTLINE_DATABASE_URL", "postgresql://hotline:tell-nobody@db/hotline")
    assert "tell-nobody" not in hotline("serve")[2]


def test_a_data_folder_that_cannot_be_made_is_named(
    hotline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("HOTLINE_DATA_DIR", str(folder))
        for command in (("demo",), ("db", "migrate"), ("call", "--keys", "1")):
            status, _, err = hotline(*command)
            assert status == 1
            assert err.startswith(f"H301 the data folder {folder} cannot be used")


def test_a_database_whose_key_is_missing_is_refused_and_no_other_key_is_put_in_its_place(
    hotline, tmp_path: Path
) -> None:
    hotline("db", "demo", "--customers", "20")
    key = tmp_path / "data" / "database.key"
    kept = key.read_bytes()
    key.unlink()
    status, _, err = hotline("call", "--keys", "1")
    assert status == 1
    assert err.startswith("DB_KEY")
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    assert hotline("call", "--keys", "1")[0] == 0


def test_what_the_hotline_keeps_is_for_its_owner_alone(hotline, tmp_path: Path) -> None:
    hotline("db", "demo", "--customers", "20")
    hotline("call", "--keys", "71 speak:3")
    kept = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    assert any(path.suffix == ".wav" for path in kept)
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


def test_a_folder_of_flows_that_is_not_there_is_named(hotline) -> None:
    status, _, err = hotline("flow", "check", "--flows", "/no/such/flows")
    assert status == 1
    assert "/no/such/flows" in err


def test_the_demonstration_is_made_once_and_a_call_in_the_terminal_hears_what_is_due(
    hotline, tmp_path: Path
) -> None:
    status, out, _ = hotline("db", "demo", "--customers", "20")
    assert status == 0
    assert "86001234" in out
    assert "there already" in hotline("db", "demo")[1]
    record = tmp_path / "call.yaml"
    status, out, _ = hotline("call", "--keys", "2 86001234 011234 246810", "--record", str(record))
    assert status == 0
    assert "3,200.00" in out
    assert "246810" not in out
    assert "premium_due" in record.read_text(encoding="utf-8")


def test_a_word_no_caller_can_do_is_refused(hotline) -> None:
    status, _, err = hotline("call", "--keys", "dance")
    assert status == 1
    assert "say:WORDS" in err

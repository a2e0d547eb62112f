"""Imports: what a file is taken for, what each line comes to, and that applying is whole, once, and as checked."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from policy_db import PolicyDatabase
from policy_db.errors import BadValueError, ConflictError
from policy_db.imports import KINDS, FileRefusedError, ImportLine, ImportRecord, problem_text
from policy_db.imports.problems import codes
from policy_db.imports.reading import open_source

SALES = "number,name,phone,branch,hired_on\n"
HOLDER = "name,sex,born_on,id_number,phone\n"


async def _check(
    db: PolicyDatabase, tmp_path: Path, kind: str, text: str | bytes
) -> tuple[ImportRecord, Path, tuple[ImportLine, ...]]:
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    record = await db.imports.begin(kind, "file.csv", path, by="staff:root")
    record = await db.imports.check(record.id, path)
    return record, path, await db.imports.lines(record.id)


def _codes(lines: tuple[ImportLine, ...]) -> list[tuple[int, str, str]]:
    return [(line.line, one["column"], one["code"]) for line in lines for one in line.problems]


async def test_a_dry_run_says_line_by_line_and_field_by_field_and_writes_nothing(
    demo: PolicyDatabase, tmp_path: Path
) -> None:
    text = SALES + "1001,林海涛,,城北营业部,\n2001,赵志刚,13800138000,,2026-03-01\n2002,,x,,2026-13-01\n"
    record, _, lines = await _check(demo, tmp_path, "salespeople", text)
    assert (record.state, record.added, record.changed, record.wrong) == ("checked", 1, 1, 1)
    assert lines[0].changes == {"branch": ["城南营业部", "城北营业部"]}
    assert lines[1].changes["phone"] == ["", "+8613800138000"]
    assert _codes(lines) == [(4, "phone", "phone"), (4, "hired_on", "date")]
    assert await demo.administration.find("salespeople", "2001") is None


async def test_an_import_is_written_once_however_often_it_comes(demo: PolicyDatabase, tmp_path: Path) -> None:
    text = SALES + "2001,赵志刚,13800138000,城东,2026-03-01\n"
    record, path, _ = await _check(demo, tmp_path, "salespeople", text)
    done = await demo.imports.apply(record.id, path, by="staff:root")
    assert (done.state, done.applied_by) == ("applied", "staff:root")
    with pytest.raises(ConflictError):
        await demo.imports.apply(record.id, path, by="staff:root")
    again, _, lines = await _check(demo, tmp_path, "salespeople", text)
    assert (again.same, again.writes, lines) == (1, 0, ())
    entry = (await demo.audit.about("salesperson:2001"))[0]
    assert (entry.action, entry.details["import"]) == ("imported_added", record.id)


async def test_wrong_lines_hold_everything_back_unless_they_are_left_out(
    demo: PolicyDatabase, tmp_path: Path
) -> None:
    text = SALES + "2001,赵,,,2026-03-01\n2002,,,,\n"
    record, path, _ = await _check(demo, tmp_path, "salespeople", text)
    with pytest.raises(BadValueError):
        await demo.imports.apply(record.id, path, by="staff:root")
    assert await demo.administration.find("salespeople", "2001") is None
    await demo.imports.apply(record.id, path, by="staff:root", skip_wrong=True)
    assert await demo.administration.find("salespeople", "2001") is not None


async def test_what_changed_after_the_dry_run_is_looked_at_again_and_nothing_is_written(
    demo: PolicyDatabase, tmp_path: Path
) -> None:
    record, path, _ = await _check(demo, tmp_path, "salespeople", SALES + "2001,赵,,,2026-03-01\n")
    cells = {"number": "2001", "name": "钱", "hired_on": "2026-01-01"}
    await demo.administration.save("salespeople", cells, by="staff:mei")
    with pytest.raises(ConflictError):
        await demo.imports.apply(record.id, path, by="staff:root")
    found = await demo.imports.find(record.id)
    assert found is not None
    assert (found.state, found.changed, found.added) == ("checked", 1, 0)
    entry = await demo.administration.find("salespeople", "2001")
    assert entry is not None
    assert entry.cell("name") == "钱"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file.empty"),
        (b"PK\x03\x04rest", "file.spreadsheet"),
        (b"\x89PNG\r\n\x1a\n", "file.not_text"),
        (b"number,name\n1,\x00\n", "file.nul"),
        ("number,name\n".encode("utf-16"), "file.utf16"),
        (b"number,name\n2001,\xff\xff\n", "file.encoding"),
        (b'number,name\n2001,"never ends\n', "file.csv"),
        (b"a,b\n1,2\n", "file.no_header"),
        (b"number,nickname\n1,2\n", "file.unknown_columns"),
        (b"number,pin\n1,1234\n", "file.pin_column"),
        (b"name,phone\nx,1\n", "file.missing_columns"),
        (b"number,number\n1,2\n", "file.twice"),
        (b",".join([b"number"] * 300), "file.too_many_columns"),
    ],
)
async def test_a_file_that_cannot_be_taken_is_refused_with_the_reason(
    db: PolicyDatabase, tmp_path: Path, content: bytes, code: str
) -> None:
    record, _, lines = await _check(db, tmp_path, "salespeople", content)
    assert record.state == "refused"
    assert record.problem is not None
    assert record.problem["code"] == code
    assert lines == ()
    for language in ("zh-CN", "en"):
        assert "{" not in problem_text(language, record.problem)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(b"x" * 2000)
    with pytest.raises(FileRefusedError, match="at most"):
        open_source(path, limit=1000, most_lines=10)


@pytest.mark.parametrize(
    ("encode", "said"),
    [
        (lambda text: text.encode(), "UTF-8"),
        (lambda text: codecs.BOM_UTF8 + text.encode(), "UTF-8 (BOM)"),
        (lambda text: text.encode("gb18030"), "GB18030"),
    ],
)
async def test_encodings_are_found_out_and_said(
    demo: PolicyDatabase, tmp_path: Path, encode: object, said: str
) -> None:
    text = "工号,姓名,入职日期\n2001,赵志刚,2026-03-01\n"
    record, path, _ = await _check(demo, tmp_path, "salespeople", encode(text))  # type: ignore[operator]
    assert (record.encoding, record.added) == (said, 1)
    await demo.imports.apply(record.id, path, by="staff:root")
    entry = await demo.administration.find("salespeople", "2001")
    assert entry is not None
    assert entry.cell("name") == "赵志刚"


async def test_what_a_spreadsheet_damaged_is_refused_and_what_it_only_rewrote_is_read(
    demo: PolicyDatabase, tmp_path: Path
) -> None:
    text = HOLDER + (
        "甲,m,1986/8/1,110101198608010017,13800138000\n"
        "乙,f,1990-01-01,4.40301E+17,13800138001\n"
        "丙,f,1990-01-01,440301199001011000,13800138001\n"
        "丁,f,3/5/1990,P1234567,13800138001\n"
        "戊,f,33000,P1234568,1.38E+10\n"
    )
    record, _, lines = await _check(demo, tmp_path, "customers", text)
    assert (record.added, record.wrong, record.warned) == (1, 4, 1)
    assert _codes(lines) == [
        (2, "born_on", "date_slashes"),
        (3, "id_number", "scientific"),
        (4, "id_number", "id_rounded"),
        (5, "born_on", "date_order"),
        (6, "born_on", "date_serial"),
        (6, "phone", "scientific"),
    ]
    kept = str([(line.key, line.changes, line.problems) for line in lines])
    assert "110101198608010017" not in kept
    assert "440301199001011000" not in kept


async def test_customers_without_a_number_are_known_by_their_id_number(
    demo: PolicyDatabase, tmp_path: Path
) -> None:
    text = HOLDER + "甲,m,1986-08-01,110101198608010017,13800138000\n"
    record, path, _ = await _check(demo, tmp_path, "customers", text)
    await demo.imports.apply(record.id, path, by="staff:root")
    found = await demo.customers.find_by_id_number("110101198608010017")
    assert [one.name for one in found] == ["甲"]
    assert await demo.customers.id_number(found[0].number) == "110101198608010017"
    again, _, lines = await _check(demo, tmp_path, "customers", text.replace("13800138000", "13900139000"))
    assert (again.changed, again.added) == (1, 0)
    assert lines[0].changes == {"phone": ["+8613800138000", "+8613900139000"]}


async def test_the_same_record_twice_in_a_file_is_wrong(demo: PolicyDatabase, tmp_path: Path) -> None:
    text = SALES + "2001,甲,,,2026-03-01\n2001,乙,,,2026-03-01\n"
    _, _, lines = await _check(demo, tmp_path, "salespeople", text)
    assert _codes(lines) == [(3, "number", "duplicate")]
    assert lines[1].problems[0]["values"] == {"line": "2"}


async def test_a_blank_cell_leaves_a_value_and_empty_takes_it_away(
    demo: PolicyDatabase, tmp_path: Path
) -> None:
    text = SALES + "1001,,(empty),,\n1002,(empty),,,\n"
    _, _, lines = await _check(demo, tmp_path, "salespeople", text)
    assert lines[0].changes["phone"][1] == ""
    assert set(lines[0].changes) == {"phone"}
    assert _codes(lines) == [(3, "name", "not_empty")]


async def test_payments_go_to_the_earliest_dues_and_no_further_than_is_open(
    demo: PolicyDatabase, tmp_path: Path
) -> None:
    policies = "number,customer,product,insured,sum_insured,premium,frequency,started_on\n"
    customer = (await demo.administration.search("customers", limit=1))[0].key
    dues = "policy,due_on,amount\n990001,2026-01-01,100.00\n990001,2026-02-01,100.00\n"
    for kind, text in (
        ("policies", policies + f"990001,{customer},101,甲,200000,100,monthly,2026-01-01\n"),
        ("instalments", dues),
    ):
        record, path, _ = await _check(demo, tmp_path, kind, text)
        assert record.wrong == 0
        await demo.imports.apply(record.id, path, by="staff:root")
    text = (
        "policy,reference,amount,paid_on\n990001,R1,150.00,2026-01-05\n990001,R2,60.00,2026-02-05\n"
        "990001,R3,50.00,2026-02-06\n"
    )
    record, path, lines = await _check(demo, tmp_path, "payments", text)
    assert _codes(lines) == [(3, "amount", "too_much")]
    await demo.imports.apply(record.id, path, by="staff:root", skip_wrong=True)
    paid = [one.paid.amount for one in await demo.policies.instalments("990001")]
    assert [str(one) for one in paid] == ["100.00", "100.00"]
    again, _, _ = await _check(demo, tmp_path, "payments", text)
    assert (again.same, again.wrong) == (2, 1)


async def test_rates_that_overlap_are_wrong_within_the_file_too(demo: PolicyDatabase, tmp_path: Path) -> None:
    text = "product,term,sex,age_from,age_to,rate\n101,99,any,10,19,1.5\n101,99,any,15,24,1.6\n101,99,m,12,13,1.7\n"
    _, _, lines = await _check(demo, tmp_path, "rates", text)
    assert _codes(lines) == [(2, "term", "not_in_terms"), (3, "term", "not_in_terms"), (3, "age_from", "overlaps"),
                             (4, "term", "not_in_terms"), (4, "sex", "mixed_sexes")]  # fmt: skip


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "payments"])
async def test_what_is_exported_is_imported_again_without_a_change(
    demo: PolicyDatabase, tmp_path: Path, kind: str
) -> None:
    from policy_db.imports.values import written

    names = [one.name for one in KINDS[kind].columns if not one.secret]
    entries = await demo.administration.search(kind, limit=300)
    if kind == "commissions":  # some have no policy, and are one of several of a month
        keys = [one.key for one in entries]
        entries = tuple(one for one in entries if one.values["policy"] and keys.count(one.key) == 1)
    rows = [",".join(f'"{written(one.values[name])}"' for name in names) for one in entries]
    record, _, lines = await _check(demo, tmp_path, kind, "\n".join([",".join(names), *rows]) + "\n")
    assert (record.same, record.lines) == (len(entries), len(entries)), _codes(lines)[:3]


async def test_templates_are_taken_as_they_are(demo: PolicyDatabase, tmp_path: Path) -> None:
    for kind, found in KINDS.items():
        header, example = found.template()
        record, _, lines = await _check(demo, tmp_path, kind, f"{','.join(header)}\n{','.join(example)}\n")
        strange = {code for _, _, code in _codes(lines)} - {"unknown", "mixed_sexes"}  # it is a company's own
        assert record.state == "checked", (kind, record.problem)
        assert not strange, kind


async def test_an_import_that_was_cut_off_can_be_done_again(demo: PolicyDatabase, tmp_path: Path) -> None:
    record, path, _ = await _check(demo, tmp_path, "salespeople", SALES + "2001,赵,,,2026-03-01\n")
    await demo.imports._claim(record.id)
    await demo.imports.put_right()
    assert (await demo.imports.apply(record.id, path, by="staff:root")).state == "applied"


def test_every_code_that_is_given_has_words_in_both_languages() -> None:
    import re

    folder = Path(__file__).parents[2] / "policy_db" / "imports"
    given = set()
    for path in folder.glob("*.py"):
        text = path.read_text("utf-8")
        given |= set(re.findall(r'(?:\.wrong|warn|WrongCellError)\(\s*"([a-z_]+)"', text))
        given |= {f"file.{code}" for code in re.findall(r'FileRefusedError\("([a-z_0-9]+)"', text)}
    assert given <= codes()


async def test_ten_thousand_lines_are_taken_in_little_memory(demo: PolicyDatabase, tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "many.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write(SALES)
        file.writelines(f"N{i:06d},营销员{i},,城东,2026-03-01\n" for i in range(10_000))
    record = await demo.imports.begin("salespeople", "many.csv", path, by="staff:root")
    tracemalloc.start()
    try:
        record = await demo.imports.check(record.id, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert record.added == 10_000
    assert peak < 25_000_000

"""The learner judged on public data: the procedure on made-up files, and quick looks at the real ones."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cross_sell.errors import DataError
from cross_sell.evaluation import bank, coil, health, run
from cross_sell.evaluation.data import read_table
from cross_sell.schema import Use
from ivr.cli import commands
from tests.cross_sell.worlds import callers

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
shared = pytest.mark.shared
absent = pytest.mark.skipif(not SHARED.is_dir(), reason="the evaluation data do not lie beside the checkout")


@pytest.fixture(autouse=True)
def no_boosting(monkeypatch):
    """Scorecards alone, so that these are quick."""
    monkeypatch.setattr("cross_sell.candidates.can_boost", lambda: False)


def write(path, names, rows, separator=",", head=True):
    lines = [separator.join(map(str, row)) for row in rows]
    text = "\n".join([*([separator.join(names)] if head else []), *lines]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.fixture
def coil_folder(tmp_path):
    chance = np.random.default_rng(1)
    rows = chance.integers(0, 5, (600, 86))
    rows[:, 85] = chance.random(600) < 0.02 + 0.05 * rows[:, 46]
    write(tmp_path / "ticdata2000.txt.gz", coil.NAMES, rows, "\t", head=False)
    return tmp_path


def test_coil_tells_hits_of_every_method_with_ours_last(coil_folder):
    told = []
    table = coil.evaluate(coil_folder, 1, lambda doing, share: told.append(share), splits=2)
    assert [name for name, _ in table.rows] == ["plain scorecard", "LightGBM, defaults", "cross_sell.fit"]
    assert 47 < table.value("cross_sell.fit", "hits of 238") < 238
    assert told == sorted(told)
    assert "| cross_sell.fit |" in table.markdown()
    assert table.csv().startswith("method,hits of 238")


def test_coil_judges_the_contests_own_split_where_it_is_there(coil_folder):
    frame = read_table(coil_folder / "ticdata2000.txt.gz", names=coil.NAMES)
    rows = np.column_stack([frame.numbers(name) for name in coil.NAMES]).astype(int)[:200]
    write(coil_folder / "ticeval2000.txt", coil.NAMES, rows[:, :85], "\t", head=False)
    write(coil_folder / "tictgts2000.txt", ["CARAVAN"], rows[:, 85:], "\t", head=False)
    table = coil.evaluate(coil_folder, 1, splits=2)
    assert table.value("plain scorecard", "contest's split") > 47


def test_coils_shares_of_religions_are_forbidden_and_neighbours_are_not_told(coil_folder):
    schema = coil.schema_of(read_table(coil_folder / "ticdata2000.txt.gz", names=coil.NAMES))
    assert {name for name, one in schema.items() if one.use is Use.FORBIDDEN} == {
        "MGODRK",
        "MGODPR",
        "MGODOV",
        "MGODGE",
    }
    assert schema["MINKGEM"].use is Use.SILENT
    assert schema["PPERSAUT"].use is Use.FEATURE


def test_health_is_told_over_all_and_among_those_not_yet_insured(tmp_path):
    world = callers(3000, seed=2, drift=1.0)
    insured = np.random.default_rng(3).integers(0, 2, 3000)
    response = (world["bought"] & (insured == 0)).astype(int)
    rows = zip(range(3000), world["region"], world["cars"], insured, response, strict=True)
    write(tmp_path / "health_dev.csv", ["id", "Region", "Cars", "Previously_Insured", "Response"], rows)
    table = health.evaluate(tmp_path)
    assert table.value("cross_sell.fit", "AUC") > table.value("cross_sell.fit", "AUC, not yet insured") > 0.55


def bank_rows(rows, seed, drift):
    world = callers(rows, seed=seed, drift=drift)
    days = ["mon", "tue", "wed", "thu", "fri"]
    return [
        ["may", days[index // 40 % 5], world["cars"][index], world["region"][index], 100 * world["bought"][index],
         "yes" if world["bought"][index] else "no"]
        for index in range(rows)
    ]  # fmt: skip


def test_bank_outcomes_come_late_and_the_model_follows_them(tmp_path):
    rows = [*bank_rows(2400, 4, -0.5), *bank_rows(1200, 5, 1.5)]
    write(
        tmp_path / "bank-additional-first80.csv.gz",
        ["month", "day_of_week", "cars", "region", "duration", "y"],
        rows,
        ";",
    )
    table = bank.evaluate(tmp_path)
    still = table.value("cross_sell.fit, still", "calibration error")
    assert table.value("cross_sell.fit, observing", "calibration error") < still
    assert table.value("cross_sell.fit, observing", "AUC") < 0.9


def test_a_folder_that_lacks_the_files_says_which(tmp_path):
    for name in ("coil2000", "health_cross_sell", "bank_marketing"):
        with pytest.raises(DataError, match="Give a folder with"):
            run(name, tmp_path)
    with pytest.raises(DataError, match="There are"):
        run("other", tmp_path)
    with pytest.raises(DataError, match="not a folder"):
        run("coil2000", tmp_path / "none")


def test_a_ragged_file_names_its_row(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n3\n")
    with pytest.raises(DataError, match="Row 1"):
        read_table(path)


def test_a_model_is_trained_put_to_use_and_rolled_back_from_the_command_line(tmp_path):
    world = callers(400, seed=6)
    source = tmp_path / "callers.csv"
    write(source, list(world), zip(*world.values(), strict=True))
    (tmp_path / "schema.json").write_text('{"premium": "forbidden"}')
    program, run_it = commands("crosssell"), CliRunner()

    def hotline(*words):
        result = run_it.invoke(program, ["crosssell", *words])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    data = ["--data-dir", str(tmp_path / "data")]
    told = hotline(
        "train", str(source), "--target", "bought", "--schema", str(tmp_path / "schema.json"), "--name", "101",
        "--promote", "--out", str(tmp_path / "one.json"), *data,
    )  # fmt: skip
    assert "in use" in told
    assert (tmp_path / "one.json").exists()
    assert "yes" in hotline("models", "list", *data)
    assert "No model of 101" in hotline("models", "roll-back", "101", *data)


@shared
@absent
@pytest.mark.parametrize(
    ("name", "file", "module", "target", "rows"),
    [
        ("coil2000", "ticdata2000.txt.gz", coil, "CARAVAN", 348),
        ("bank_marketing", "bank-additional-first80.csv.gz", bank, "y", 2100),
    ],
)
def test_the_published_files_read_as_they_are(name, file, module, target, rows):
    if not (SHARED / name / file).exists():
        pytest.skip(f"{name} is not there")
    frame = read_table(SHARED / name / file, names=coil.NAMES if module is coil else None)
    assert int(frame.labels(target).sum()) == pytest.approx(rows, abs=5)


@shared
@absent
def test_scorecards_alone_beat_a_random_ranking_of_coil_by_far():
    table = coil.evaluate(SHARED / "coil2000", 0, splits=2)
    assert table.value("cross_sell.fit", "hits of 238") > 105

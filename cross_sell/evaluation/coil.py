"""CoIL Challenge 2000: who owns a caravan policy. How many of them are among the best-ranked fifth?

(van der Putten and van Someren 2000.) The contest had one split, in which the winner found 121 of 238; that one
figure is luck to within ±8. Here it is the mean over repeated stratified re-splits, per 238 buyers, rows of equal
score sharing their places. Where the folder has the contest's test part too (`ticeval2000`, `tictgts2000`), that is
judged as well, and its rows take part in the re-splits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cross_sell.evaluation.baselines import methods, stratified_folds
from cross_sell.evaluation.data import find, needed, read_table
from cross_sell.evaluation.table import Table, Tell
from cross_sell.frame import Frame, read_frame
from cross_sell.metrics import auc, top_hits
from cross_sell.schema import Schema

TARGET = "CARAVAN"
BUYERS = 238
SHARE = 0.2

#: The columns in the order of the published dictionary.
_NAMES = """
MOSTYPE MAANTHUI MGEMOMV MGEMLEEF MOSHOOFD MGODRK MGODPR MGODOV MGODGE MRELGE MRELSA MRELOV MFALLEEN MFGEKIND
MFWEKIND MOPLHOOG MOPLMIDD MOPLLAAG MBERHOOG MBERZELF MBERBOER MBERMIDD MBERARBG MBERARBO MSKA MSKB1 MSKB2 MSKC
MSKD MHHUUR MHKOOP MAUT1 MAUT2 MAUT0 MZFONDS MZPART MINKM30 MINK3045 MINK4575 MINK7512 MINK123M MINKGEM MKOOPKLA
PWAPART PWABEDR PWALAND PPERSAUT PBESAUT PMOTSCO PVRAAUT PAANHANG PTRACTOR PWERKT PBROM PLEVEN PPERSONG PGEZONG
PWAOREG PBRAND PZEILPL PPLEZIER PFIETS PINBOED PBYSTAND AWAPART AWABEDR AWALAND APERSAUT ABESAUT AMOTSCO AVRAAUT
AAANHANG ATRACTOR AWERKT ABROM ALEVEN APERSONG AGEZONG AWAOREG ABRAND AZEILPL APLEZIER AFIETS AINBOED ABYSTAND
CARAVAN
"""
NAMES = tuple(_NAMES.split())


def schema_of(frame: Frame) -> Schema:
    """Shares of religions are never features; what describes a neighbourhood's people counts and is not told."""
    inferred = Schema.infer(frame, TARGET)
    said = {
        name: {"kind": str(column.kind), "use": "forbidden" if name.startswith("MGOD") else "silent"}
        for name, column in inferred.items()
        if name.startswith("M")
    }
    return Schema.of(said).completed(frame, TARGET)


def evaluate(folder: str | Path, seed: int = 0, progress: Tell | None = None, *, splits: int = 10) -> Table:
    """Hits per 238 buyers and AUC of every method, each row judged once by a model that has not seen it."""
    frame, test = _read(Path(folder))
    tell = progress or (lambda _doing, _share: None)
    whole = frame if test is None else _joined(frame, test)
    schema, folds = schema_of(whole), stratified_folds(whole, TARGET, splits, seed)
    truth = whole.labels(TARGET)
    found: dict[str, dict[str, float]] = {}
    for number, (name, method) in enumerate(methods().items()):
        hits, areas = [], []
        for fold in range(splits):
            tell(f"{name}, split {fold + 1} of {splits}", (number + fold / splits) / len(methods()))
            judged = folds == fold
            chances = method(whole.take(~judged), whole.take(judged), TARGET, schema, seed + fold)
            hits.append(BUYERS * top_hits(truth[judged], chances, SHARE))
            areas.append(auc(truth[judged], chances))
        found[name] = {
            "hits of 238": float(np.mean(hits)),
            "± (s.e.)": float(np.std(hits, ddof=1) / np.sqrt(splits)),
            "AUC": float(np.mean(areas)),
        }
        if test is not None:
            chances = method(frame, test, TARGET, schema, seed)
            found[name]["contest's split"] = BUYERS * top_hits(test.labels(TARGET), chances, SHARE)
    columns = ["hits of 238", "± (s.e.)", "AUC", *(["contest's split"] if test is not None else [])]
    notes = (f"{whole.rows:,} rows, {int(truth.sum())} buyers, {splits} stratified splits, seed {seed}.",)
    return Table("CoIL 2000: buyers among the best-ranked fifth", columns, list(found.items()), notes)


def _read(folder: Path) -> tuple[Frame, Frame | None]:
    frame = read_table(needed(folder, "training part", "ticdata2000*"), separator="\t", names=NAMES)
    rows, answers = find(folder, "ticeval2000*"), find(folder, "tictgts2000*")
    if rows is None:
        return frame, None
    if answers is None:
        return frame, read_table(rows, separator="\t", names=NAMES)
    test = read_table(rows, separator="\t", names=NAMES[:-1])
    target = read_table(answers, separator="\t", names=[TARGET])
    return frame, read_frame({**test.columns, **target.columns})


def _joined(first: Frame, second: Frame) -> Frame:
    return read_frame(
        {name: np.concatenate([first.columns[name], second.columns[name]]) for name in first.columns}
    )

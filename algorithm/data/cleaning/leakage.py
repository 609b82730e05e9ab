"""Pictures that are in TRAIN and in EVAL: what is measured on them is not what the model will do on new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from algorithm.data.cleaning.duplicates import PictureMark, lookalikes, same_files
from algorithm.data.cleaning.findings import LEFT_OUT, REPORTED, Checked, Finding
from algorithm.data.readers.annotation import Complaint
from algorithm.errors import DataError

UNSPLIT = None  # the usage of a dataset that leaves the split to the job


def without_copies(results: Sequence[Checked]) -> list[Checked]:
    """The entries with findings about pictures that are there twice.

    The same file in TRAIN and EVAL: the TRAIN samples are left out, so that EVAL stays as it was given. The same
    file twice where the job makes the split: all but the first are left out, since the split would part them.
    Reported only: the same file twice within TRAIN or within EVAL (it may be meant, as a weight), and pictures that
    look the same across TRAIN and EVAL or where the job makes the split (a guess).
    DataError when every TRAIN picture is in EVAL: there is nothing left to train on.
    """
    decoded = [
        index for index, result in enumerate(results) if result.usable and result.mark is not None
    ]
    marks = [results[index].mark for index in decoded]
    found: dict[int, list[Finding]] = {}
    lost: set[int] = set()
    for group in same_files(marks):
        for index, finding in _of_group([decoded[place] for place in group], results):
            found.setdefault(index, []).append(finding)
            if finding.action == LEFT_OUT:
                lost.add(index)
    train = {index for index in decoded if _usage(results[index]) == "train"}
    if train and train <= lost:
        raise DataError(
            f"expected EVAL to have pictures of its own, found all {len(train)} TRAIN pictures in it: "
            "publish a version with a split, or run with --do_data_cleaning=False to train on EVAL"
        )
    for one, other in _lookalikes(marks, [_usage(results[index]) for index in decoded]):
        first, second = decoded[one], decoded[other]
        problem = (
            f"expected pictures that differ, found one that looks like {_called(results[second])}"
        )
        found.setdefault(first, []).append(
            _finding(results[first], problem, "looks like another picture", REPORTED)
        )
    return [
        result
        if index not in found
        else replace(result, findings=(*result.findings, *found[index]), usable=index not in lost)
        for index, result in enumerate(results)
    ]


def _usage(result: Checked) -> str | None:
    return result.entry.usage


def _called(result: Checked) -> str:
    usage = _usage(result)
    return f"{result.entry.source}" + (f" of {usage.upper()}" if usage else "")


def _of_group(group: list[int], results: Sequence[Checked]) -> list[tuple[int, Finding]]:
    """(index, finding) of the samples of one file but the one that is kept."""
    evaluated = [index for index in group if _usage(results[index]) == "eval"]
    unsplit = [index for index in group if _usage(results[index]) is UNSPLIT]
    kept = (evaluated or group)[0]
    findings = []
    for index in group:
        if index == kept:
            continue
        parted = index in unsplit or evaluated and index not in evaluated
        rule = (
            "same file in TRAIN and EVAL"
            if evaluated and index not in evaluated
            else "same file twice"
        )
        differs = _differ(results[index], results[kept])
        problem = (
            f"expected each picture once, found the file of {_called(results[kept])} again{differs}"
        )
        findings.append(
            (index, _finding(results[index], problem, rule, LEFT_OUT if parted else REPORTED))
        )
    return findings


def _differ(one: Checked, other: Checked) -> str:
    same = one.names == other.names and one.boxes.tobytes() == other.boxes.tobytes()
    return (
        ""
        if same
        else f", annotated differently ({len(one.names)} and {len(other.names)} object(s))"
    )


def _finding(result: Checked, problem: str, rule: str, action: str) -> Finding:
    return Finding(
        Complaint(result.entry.source, problem), rule, action, fault=False, of_picture=True
    )


def _lookalikes(
    marks: Sequence[PictureMark], usages: Sequence[str | None]
) -> list[tuple[int, int]]:
    """Pairs of places in `marks` that a split parts or may part."""
    if any(usage is UNSPLIT for usage in usages):
        return list(lookalikes(marks, range(len(marks))))
    train = [place for place, usage in enumerate(usages) if usage == "train"]
    evaluated = [place for place, usage in enumerate(usages) if usage == "eval"]
    return list(lookalikes(marks, train, evaluated))

"""The pictures of the last evaluation, of whole, unfinished and foreign TensorBoard files."""

import struct

from event_records import PNG, record

from algorithm.local_platform.event_pictures import last_pictures


def test_the_last_evaluation_wins(tmp_path):
    records = [
        record("data/picture_0", 0, PNG + b"data"),
        record("eval/picture_0", 10, PNG + b"early"),
        record("eval/picture_1", 10, PNG + b"only early"),
        record("eval/loss", 20, b"no picture"),
        record("eval/picture_0", 20, PNG + b"late"),
    ]
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(b"".join(records))
    assert [(each.name, each.step, each.content) for each in last_pictures(tmp_path)] == [
        ("eval/picture_0", 20, PNG + b"late")
    ]
    path.write_bytes(b"".join(records)[:-9])  # the last one is being written
    assert [each.content for each in last_pictures(tmp_path)] == [
        PNG + b"early",
        PNG + b"only early",
    ]


def test_other_files_have_none(tmp_path):
    assert last_pictures(tmp_path) == []
    (tmp_path / "events.out.tfevents.1").write_bytes(struct.pack("<Q", 4) + b"not an event at all")
    assert last_pictures(tmp_path) == []

"""Which network learns from which: what the platform publishes."""

from __future__ import annotations

# The platform's own. Other students and teachers of the same classes work too.
OFFLINE_STUDENT = "efficientdet-d0"
OFFLINE_TEACHERS = tuple(f"efficientdet-d{level}" for level in range(2, 7))

ONLINE_STUDENTS = tuple(f"efficientdet-t{level}" for level in range(3))

# The peer of use_online_kd is the student itself on pictures this many times as large on a side.
PEER_ENLARGEMENT = 2


def as_markdown() -> str:
    """Return the table of supported pairs in Markdown."""
    rows = [
        (
            "offline, `use_offline_kd`",
            OFFLINE_STUDENT,
            ", ".join(OFFLINE_TEACHERS),
            "`teacher_model_url`",
        ),
        (
            "online, `use_online_kd`",
            ", ".join(ONLINE_STUDENTS),
            f"the student at {PEER_ENLARGEMENT} times its input size",
            "none, trained along",
        ),
        (
            "online, `use_online_kd` with `peer_model`",
            "any",
            "`peer_model` at the student's input size",
            "`peer_pretrained`, trained along",
        ),
    ]
    lines = [
        "| Distillation | Student | Teacher | Where the teacher comes from |",
        "| --- | --- | --- | --- |",
    ]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])

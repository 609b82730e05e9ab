"""Which network may learn from which: what the platform publishes, and the peer of every model that has one."""

from __future__ import annotations

# The platform's own pairs. Other students and teachers of the same classes work too.
OFFLINE_STUDENT = "efficientdet-d0"
OFFLINE_TEACHERS = tuple(f"efficientdet-d{level}" for level in range(2, 7))

# The peer that use_online_kd trains along: it fits the weights of its student, and sees the student's pictures enlarged.
ONLINE_PEERS = {f"efficientdet-t{level}": "efficientdet-lite0" for level in range(3)}
PEER_ENLARGEMENT = 2


def as_markdown() -> str:
    """The table of supported pairs."""
    rows = [("offline, `use_offline_kd`", OFFLINE_STUDENT, ", ".join(OFFLINE_TEACHERS), "`teacher_model_url`")]
    rows += [("online, `use_online_kd`", student, f"{peer} at {PEER_ENLARGEMENT} times the student's input size", "none, trained along")
             for student, peer in ONLINE_PEERS.items()]
    lines = ["| Distillation | Student | Teacher | Where the teacher comes from |", "| --- | --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])

"""The words for what has become of an exercise."""

STATUSES = ("passed", "partial", "failed", "not started", "unchecked", "timed out", "crashed", "forbidden")

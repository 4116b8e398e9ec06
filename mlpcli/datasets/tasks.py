"""What there is to learn."""

from typing import Literal, get_args

Task = Literal["classification", "multi-label", "regression"]
TASKS: tuple[Task, ...] = get_args(Task)

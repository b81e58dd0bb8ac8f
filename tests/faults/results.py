"""What the trials of first logins came to, for the table at the end."""

from dataclasses import dataclass

from tests.faults.load_clients import Crowd


@dataclass
class Score:
    """Of one fault: how many trials, in how many all was right, and what the crowds met before their answers."""

    fault: str
    trials: int = 0
    vouchers_right: int = 0
    answers_right: int = 0
    cut: int = 0
    refused: int = 0
    busy: int = 0
    seconds: float = 0.0

    def add(self, crowd: Crowd, *, vouchers_right: bool, answers_right: bool) -> None:
        """Count one trial."""
        self.trials += 1
        self.vouchers_right += vouchers_right
        self.answers_right += answers_right
        self.cut += crowd.met["cut"]
        self.refused += crowd.met["503"]
        self.busy += crowd.met["409"]
        self.seconds += crowd.seconds


SCORES: list[Score] = []


def table() -> list[str]:
    """The scores in Markdown."""
    head = ["fault", "trials", "vouchers right", "answers right", "cut off", "503", "409", "seconds a burst"]
    rows = [
        f"| {it.fault} | {it.trials} | {it.vouchers_right} | {it.answers_right} | {it.cut} | {it.refused} | {it.busy}"
        f" | {it.seconds / max(1, it.trials):.1f} |"
        for it in SCORES
    ]
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows]

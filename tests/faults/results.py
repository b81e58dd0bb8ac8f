"""Results of the faults on first logins, for the table at the end."""

from dataclasses import dataclass

from tests.faults.load_clients import LoadClients


@dataclass
class Score:
    """Results of one fault: trials, how many were correct, and what the clients met before their responses."""

    fault: str
    trials: int = 0
    vouchers_right: int = 0
    answers_right: int = 0
    disconnected: int = 0
    unavailable: int = 0
    busy: int = 0
    seconds: float = 0.0

    def add(self, clients: LoadClients, *, vouchers_right: bool, answers_right: bool) -> None:
        """Add one trial."""
        self.trials += 1
        self.vouchers_right += vouchers_right
        self.answers_right += answers_right
        self.disconnected += clients.retried["cut"]
        self.unavailable += clients.retried["503"]
        self.busy += clients.retried["409"]
        self.seconds += clients.seconds


SCORES: list[Score] = []


def format_table() -> list[str]:
    """Format the scores as a Markdown table."""
    head = [
        "fault",
        "trials",
        "vouchers correct",
        "responses correct",
        "disconnects",
        "503",
        "409",
        "seconds per trial",
    ]
    rows: list[list[object]] = [
        [
            score.fault, score.trials, score.vouchers_right, score.answers_right, score.disconnected,
            score.unavailable, score.busy, f"{score.seconds / max(1, score.trials):.1f}",
        ]
        for score in SCORES
    ]  # fmt: skip
    lines = [f"| {' | '.join(str(cell) for cell in row)} |" for row in [list[object](head), *rows]]
    return [lines[0], "|---" * len(head) + "|", *lines[1:]]

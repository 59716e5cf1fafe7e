"""One measured figure, and how a list of them is shown."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Row:
    """*floor* must hold, *goal* is aimed at; both in *ours*' unit."""

    measure: str
    unit: str
    better: Literal["higher", "lower"]
    ours: float
    n: int
    peer: float | None = None
    floor: float | None = None
    goal: float | None = None

    def holds_floor(self) -> bool:
        if self.floor is None:
            return True
        return self.ours >= self.floor if self.better == "higher" else self.ours <= self.floor

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def table(rows: list[Row]) -> str:
    """Return a Markdown table."""
    lines = [
        "| measure | unit | better | ours | peer | floor | goal | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.measure} | {r.unit} | {r.better} | {shown(r.ours)} | {shown(r.peer)} | "
        f"{shown(r.floor)} | {shown(r.goal)} | {r.n} |"
        for r in rows
    ]
    return "\n".join(lines)


def shown(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"


def percentile(values: list[float], share: float) -> float:
    """Return the value below which *share* of them lie (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]

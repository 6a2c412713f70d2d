"""One line of the table: what was measured, and what it should be."""

from dataclasses import dataclass


@dataclass
class Figure:
    what: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = True  # else at most

    @property
    def factor(self) -> float:
        """How many times better than the target."""
        value = max(self.value, 1e-9)
        return value / self.target if self.at_least else self.target / value

    def cells(self) -> tuple[str, str, str, str]:
        value = f"{self.value:,.3g}" if self.value < 1000 else f"{self.value:,.0f}"
        if self.target is None:
            return self.what, f"{value} {self.unit}", "", ""
        sign = "≥" if self.at_least else "≤"
        return self.what, f"{value} {self.unit}", f"{sign} {self.target:g} {self.unit}", "yes" if self.factor >= 1 else "NO"

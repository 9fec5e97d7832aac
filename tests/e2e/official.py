"""What a reply used, and the hidden official meter it moves.

The meter's weights are nobody's list prices, and the clients under test never learn them: they see percentages only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Used:
    """What one reply used, in tokens. ``input`` excludes all that is cached; ``output`` includes ``reasoning``."""

    input: int = 10
    output: int = 5
    cache_read: int = 0
    w5m: int = 0
    w1h: int = 0
    reasoning: int = 0
    extra: dict[str, Any] = field(default_factory=dict)  # more of the service's own keys: iterations, speed, ...

    def anthropic(self) -> dict[str, Any]:
        """As the Messages API states it at the end of a stream."""
        return {
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read_input_tokens": self.cache_read,
            "cache_creation_input_tokens": self.w5m + self.w1h,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.w5m,
                "ephemeral_1h_input_tokens": self.w1h,
            },
            "output_tokens_details": {"thinking_tokens": self.reasoning},
            "service_tier": "standard",
            **self.extra,
        }

    def openai(self) -> dict[str, Any]:
        """As the Responses API states it: cached input and cache writes are part of the input."""
        writes = self.w5m + self.w1h
        whole = self.input + self.cache_read + writes
        return {
            "input_tokens": whole,
            "input_tokens_details": {"cached_tokens": self.cache_read, "cache_write_tokens": writes},
            "output_tokens": self.output,
            "output_tokens_details": {"reasoning_tokens": self.reasoning},
            "total_tokens": whole + self.output,
        }


@dataclass
class Window:
    """One window of the meter: ``used`` is a fraction of its cap and passes 1 only when a reply overshoots."""

    minutes: int
    cap: float  # in weighted tokens
    resets_at: int
    used: float = 0.0

    @property
    def status(self) -> str:
        if self.used >= 1:
            return "rejected"
        return "allowed_warning" if self.used >= 0.9 else "allowed"


@dataclass
class Meter:
    """The official meter. Weights are per token and deliberately not the list prices."""

    five_hour: Window
    seven_day: Window
    weights: dict[str, float] = field(
        default_factory=lambda: {"input": 1, "output": 5, "cache_read": 0.07, "w5m": 1.25, "w1h": 2, "reasoning": 0}
    )
    factors: dict[str, float] = field(default_factory=lambda: {"haiku": 0.1, "sonnet": 0.5, "fable": 2.0})

    @property
    def windows(self) -> tuple[Window, Window]:
        return self.five_hour, self.seven_day

    @property
    def rejected(self) -> bool:
        return any(window.used >= 1 for window in self.windows)

    def units(self, model: str, used: Used) -> float:
        """Weighted tokens of one reply."""
        factor = next((f for name, f in self.factors.items() if name in model), 1.0)
        return float(factor * sum(weight * getattr(used, kind) for kind, weight in self.weights.items()))

    def add(self, model: str, used: Used) -> None:
        for window in self.windows:
            window.used += self.units(model, used) / window.cap

    def claude_headers(self) -> dict[str, str]:
        """``utilization`` is a fraction; the windows' worst state speaks for the whole."""
        out: dict[str, str] = {}
        for name, window in (("5h", self.five_hour), ("7d", self.seven_day)):
            out[f"{name}-utilization"] = f"{window.used:.5f}"
            out[f"{name}-reset"] = str(window.resets_at)
            out[f"{name}-status"] = window.status
        worst = max(self.windows, key=lambda window: window.used)
        out["status"] = worst.status
        out["reset"] = str(worst.resets_at)
        out["representative-claim"] = "five_hour" if worst is self.five_hour else "seven_day"
        return {f"anthropic-ratelimit-unified-{name}": value for name, value in out.items()}

    def codex_headers(self) -> dict[str, str]:
        """Percentages, as floats; windows are named by their length alone."""
        out: dict[str, str] = {}
        for name, window in (("primary", self.five_hour), ("secondary", self.seven_day)):
            out[f"x-codex-{name}-used-percent"] = f"{window.used * 100:.3f}"
            out[f"x-codex-{name}-window-minutes"] = str(window.minutes)
            out[f"x-codex-{name}-reset-at"] = str(window.resets_at)
        return out


def meter(*, five_hour_cap: float = 1e6, seven_day_cap: float = 1e7, now: float | None = None) -> Meter:
    """A meter with both windows open: the five hours end in two, the week in three days."""
    start = int(now if now is not None else time.time())
    return Meter(
        Window(minutes=300, cap=five_hour_cap, resets_at=start + 2 * 3600),
        Window(minutes=10080, cap=seven_day_cap, resets_at=start + 3 * 86400),
    )

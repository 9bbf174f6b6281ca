"""What this process has had to pay for: tokens that went to paid servers. The command line tells it at its end."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(slots=True)
class _Spent:
    tokens: int = 0
    requests: int = 0
    price: float | None = None


class Account:
    """Tokens by model. May be shared between threads."""

    def __init__(self) -> None:
        self._spent: dict[str, _Spent] = {}
        self._lock = threading.Lock()

    def add(self, model: str, tokens: int, price: float | None) -> None:
        """One request.

        Args:
            tokens: as the server counts them; 0 when it does not say.
            price: of a million of them; None when nobody told.
        """
        with self._lock:
            spent = self._spent.setdefault(model, _Spent())
            spent.tokens += tokens
            spent.requests += 1
            spent.price = price

    def lines(self) -> list[str]:
        """One for each model, for people; takes them off the account."""
        with self._lock:
            spent, self._spent = self._spent, {}
        return [_line(model, one) for model, one in spent.items()]


ACCOUNT = Account()


def _line(model: str, spent: _Spent) -> str:
    cost = "" if spent.price is None else f", cost {spent.tokens * spent.price / 1e6:.4f}"
    return f"{model}: {spent.tokens:,} tokens in {spent.requests} requests{cost}"

"""Expectations of what comes next in a row of symbols: prediction by partial matching (PPM), escape C.

Cleary and Witten 1984, doi 10.1109/TCOM.1984.1096090; escape C: Moffat 1990, doi 10.1109/26.61469.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence


class PatternModel:
    """What a listener expects after the last four symbols, from what has followed them before.

    A symbol is looked for among those that followed the last four, then among those that followed the last
    three, and so on; what a longer context has ruled out is left out of a shorter one (exclusion). A symbol
    that never came is as likely as any other that never came.

    Parameters
    ----------
    alphabet : int
        How many different symbols there may be.
    """

    ORDER = 4

    def __init__(self, alphabet: int) -> None:
        self._alphabet = alphabet
        self._followers: dict[tuple[Hashable, ...], Counter[Hashable]] = defaultdict(Counter)

    def learn(self, symbols: Sequence[Hashable]) -> None:
        """Count what follows what."""
        for i in range(len(symbols)):
            self._count(symbols, i)

    def surprise(self, symbols: Sequence[Hashable]) -> list[float]:
        """Return the surprise of each symbol, in bits, and learn nothing."""
        return [self._bits(symbols, i) for i in range(len(symbols))]

    def surprise_while_learning(self, symbols: Sequence[Hashable]) -> list[float]:
        """Return the surprise of each symbol, in bits, and learn it before the next."""
        bits = []
        for i in range(len(symbols)):
            bits.append(self._bits(symbols, i))
            self._count(symbols, i)
        return bits

    def _count(self, symbols: Sequence[Hashable], i: int) -> None:
        for order in range(min(self.ORDER, i) + 1):
            self._followers[tuple(symbols[i - order : i])][symbols[i]] += 1

    def _bits(self, symbols: Sequence[Hashable], i: int) -> float:
        escape = 1.0
        excluded: set[Hashable] = set()
        for order in range(min(self.ORDER, i), -1, -1):
            followers = self._followers.get(tuple(symbols[i - order : i]), Counter())
            counts = {each: count for each, count in followers.items() if each not in excluded}
            if not counts:
                continue
            total = sum(counts.values()) + len(counts)
            if symbols[i] in counts:
                return -math.log2(escape * counts[symbols[i]] / total)
            escape *= len(counts) / total
            excluded |= counts.keys()
        return -math.log2(escape / (self._alphabet - len(excluded)))

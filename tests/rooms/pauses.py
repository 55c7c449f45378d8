"""The pauses that clients saw, by what they are compared with (faults.py)."""
import math

NAMES = {"pair": "a pair remains", "last": "solo, or an election first", "planned": "planned", "none": "served on",
         "all": "no node left"}


class Pauses:
    def __init__(self):
        self.seen = {kind: [] for kind in NAMES}

    def add(self, kind, milliseconds):
        self.seen[kind].append(milliseconds)

    @staticmethod
    def at(values, part):
        """The smallest that `part` of all do not exceed."""
        return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]

    def json(self):
        return {kind: {"count": len(values), "p50_ms": round(self.at(values, 0.5), 1),
                       "p99_ms": round(self.at(values, 0.99), 1), "max_ms": round(max(values), 1)}
                for kind, values in self.seen.items() if values}

    def table(self):
        lines = [f"{'pause of clients, ms':28} {'faults':>7} {'p50':>7} {'p99':>7} {'max':>7}"]
        for kind, row in self.json().items():
            lines.append(f"{NAMES[kind]:28} {row['count']:>7} {row['p50_ms']:>7.0f} {row['p99_ms']:>7.0f} {row['max_ms']:>7.0f}")
        return "\n".join(lines)

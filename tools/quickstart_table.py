#!/usr/bin/env python3
"""Draws the closing table of ./quickstart from the JSON lines of two `arete optimize --json` runs.

    tools/quickstart_table.py MOBILE.json CPU.json

Colours only on a terminal, and not when NO_COLOR is set. A value that a run does not report is shown as a dash.
"""

import json
import os
import pathlib
import sys

DASH = "–"
COLUMNS = ["", "bytes", "p50 latency", "top-1", "speed-up"]


def bytes_text(value):
    if value is None:
        return DASH
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value} B"


def latency_text(value_ms):
    if value_ms is None:
        return DASH
    return f"{value_ms * 1000:.0f} µs" if value_ms < 1 else f"{value_ms:.2f} ms"


def accuracy_text(value):
    return DASH if value is None else f"{value * 100:.2f} %"


def row(name, figures, speedup):
    """One row from an {bytes, p50_latency_ms, accuracy} object."""
    return [name, bytes_text(figures.get("bytes")), latency_text(figures.get("p50_latency_ms")),
            accuracy_text(figures.get("accuracy")), DASH if speedup is None else f"{speedup:.2f} x"]


def speedup_of(result):
    value = result.get("speedup")
    return value.get("median") if isinstance(value, dict) else value


def draw(rows, colour):
    """Returns the table as text; the second column and on are set to the right."""
    bold, dim, green, plain = ("\033[1m", "\033[2m", "\033[32m", "\033[0m") if colour else ("",) * 4
    widths = [max(len(line[i]) for line in [COLUMNS] + rows) for i in range(len(COLUMNS))]

    def rule(left, middle, right):
        return dim + left + middle.join("─" * (width + 2) for width in widths) + right + plain

    def cells(line, style):
        padded = [text.ljust(width) if i == 0 else text.rjust(width) for i, (text, width) in enumerate(zip(line, widths))]
        bar = dim + "│" + plain
        return bar + bar.join(f" {style}{text}{plain} " for text in padded) + bar

    body = [cells(rows[0], "")] + [cells(line, green) for line in rows[1:]]
    return "\n".join([rule("╭", "┬", "╮"), cells(COLUMNS, bold), rule("├", "┼", "┤"), *body, rule("╰", "┴", "╯")])


def main():
    mobile, cpu = (json.loads(pathlib.Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:3])
    rows = [row("original", mobile["original"], 1.0),
            row("for phones (--target mobile)", mobile["optimized"], speedup_of(mobile)),
            row("for servers (--target cpu)", cpu["optimized"], speedup_of(cpu))]
    sys.stdout.reconfigure(encoding="utf-8")
    print("\n" + draw(rows, sys.stdout.isatty() and "NO_COLOR" not in os.environ))


if __name__ == "__main__":
    main()

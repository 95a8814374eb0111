"""Reads a CSV file with Python's own reader and compares it with what was written.

usage: csv_read.py FILE EXPECTED; EXPECTED has a JSON array of texts and nulls a line.
Null and empty are one to this reader. An apostrophe at the beginning of a text is the
guard against formulas. Prints the number of rows."""
import csv
import json
import sys

csv.field_size_limit(10**9)
n = 0
with open(sys.argv[1], newline="", encoding="utf-8-sig") as f, open(sys.argv[2], encoding="utf-8") as g:
    rows = csv.reader(f, strict=True)
    for got in rows:
        want = json.loads(next(g))
        got = [v[1:] if v.startswith("'") else v for v in got]
        want = [v or "" for v in want]
        if got != want:
            sys.exit(f"row {n}: {got!r}, not {want!r}")
        n += 1
    if g.readline():
        sys.exit(f"rows are missing behind {n}")
print(n - 1)

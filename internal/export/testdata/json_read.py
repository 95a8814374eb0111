"""Reads JSON Lines and compares them with what was written: see csv_read.py. Numbers
have to have all their digits."""
import json
import sys

n = 0
with open(sys.argv[1], encoding="utf-8") as f, open(sys.argv[2], encoding="utf-8") as g:
    names = json.loads(next(g))
    for line in f:
        got = json.loads(line, parse_float=str)
        want = json.loads(next(g))
        text = lambda v: {True: "true", False: "false"}[v] if isinstance(v, bool) else v if v is None else str(v)
        if list(got) != names or [text(v) for v in got.values()] != want:
            sys.exit(f"row {n}: {got!r}, not {want!r}")
        n += 1
    if g.readline():
        sys.exit(f"rows are missing behind {n}")
print(n)

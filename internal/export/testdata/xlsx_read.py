"""Reads a workbook with openpyxl and compares it with what was written: see csv_read.py.
Prints the number of rows, the names of the sheets and the description."""
import datetime
import json
import sys

import openpyxl
from openpyxl.utils.escape import unescape


def text(v, want, fmt):
    if v is None or isinstance(v, str):
        # This reader leaves _xHHHH_ as it is, and has no cell for an empty text.
        return "" if v is None and want == "" else v and unescape(v)
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, datetime.datetime):
        if fmt == "yyyy-mm-dd":
            return v.date().isoformat()
        return v.isoformat(timespec="milliseconds") + "Z"
    if isinstance(v, datetime.time):
        return v.isoformat(timespec="milliseconds")
    if isinstance(v, float) and want not in ("0", None) and "." in want and fmt.startswith("0."):
        return f"{v:.{len(fmt) - 2}f}"
    return repr(v)


book = openpyxl.load_workbook(sys.argv[1], read_only=True)
n = 0
with open(sys.argv[2], encoding="utf-8") as g:
    names = json.loads(next(g))
    for sheet in book.worksheets:
        rows = sheet.iter_rows()
        if [c.value for c in next(rows)] != names:
            sys.exit(f"the header of {sheet.title} is another")
        for row in rows:
            want = json.loads(next(g))
            got = []
            for i, w in enumerate(want):
                c = row[i] if i < len(row) else None
                got.append(w if w == "" and (c is None or c.value is None) else text(c.value, w, c.number_format) if c is not None and c.value is not None else None)
            if got != want:
                sys.exit(f"row {n}: {got!r}, not {want!r}")
            n += 1
    if g.readline():
        sys.exit(f"rows are missing behind {n}")
print(n, [s.title for s in book.worksheets], book.properties.description)

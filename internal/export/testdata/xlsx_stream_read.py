"""Reads a workbook of any length with xlsx2csv, row by row, and compares it with what was
written: see csv_read.py. Null and empty are one to this reader, and it tells nothing of
types but how a cell is formatted: xlsx_read.py holds those. Dates and times are asked for
as the numbers that the cells have. Prints the number of rows and the names of the sheets."""
import csv
import datetime
import io
import json
import re
import subprocess
import sys

DAY = datetime.timedelta(days=1)
ZERO = datetime.datetime(1899, 12, 30)


def unescape(s):
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), s)


def at(serial):  # exact to the millisecond
    return ZERO + round(float(serial) * (DAY / datetime.timedelta(milliseconds=1))) * datetime.timedelta(milliseconds=1)


FORMS = {
    "at": lambda s: at(s).isoformat(timespec="milliseconds") + "Z",
    "due": lambda s: at(s).date().isoformat(),
    "clock": lambda s: at(s).time().isoformat(timespec="milliseconds"),
    "paid": str.lower,
}


def text(name, s):
    s = unescape(s)
    form = FORMS.get(name)
    return form(s) if form and not re.search("[-:]", s) and s else s


csv.field_size_limit(10**9)
reader = subprocess.Popen(["xlsx2csv", "-s", "0", "--ignore-formats", "date", "time", "--", sys.argv[1]], stdout=subprocess.PIPE)
n, sheets, header = 0, [], False
with open(sys.argv[2], encoding="utf-8") as g:
    names = json.loads(next(g))
    for row in csv.reader(io.TextIOWrapper(reader.stdout, encoding="utf-8", newline=""), strict=True):
        if len(row) == 1 and row[0].startswith("-------- "):
            sheets.append(row[0].split(" - ", 1)[1])
            header = True
        elif header:
            if row != names:
                sys.exit(f"the header of {sheets[-1]} is another: {row!r}")
            header = False
        else:
            want = [v or "" for v in json.loads(next(g))]
            got = [text(*pair) for pair in zip(names, row)]
            if got != want or len(row) != len(names):
                sys.exit(f"row {n}: {got!r}, not {want!r}")
            n += 1
    if g.readline():
        sys.exit(f"rows are missing behind {n}")
if reader.wait() != 0:
    sys.exit(f"xlsx2csv ends with {reader.returncode}")
print(n, sheets)

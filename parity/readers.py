"""What `npm run test:parity` compares our readers and writers of rows with: Python's csv and json, and pyarrow.

Reads one JSON job per line from standard input and answers each with one line, as reference.py does. What JSON has no word for
is written as an object with one key that begins with a dollar sign.
"""

import csv
import datetime
import decimal
import io
import json
import math
import random
import re
import sys
import uuid

import pyarrow
import pyarrow.csv
import pyarrow.parquet

from jobs import serve

csv.field_size_limit(sys.maxsize)


def plain(value):
    """A value as JSON can hold it, whole numbers to the last digit."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"$whole": str(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, decimal.Decimal):
        return {"$decimal": format(value, "f")}
    if isinstance(value, datetime.datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"$date": value.isoformat()}
    if isinstance(value, uuid.UUID):
        return {"$uuid": str(value)}
    return {"$other": repr(value)}


def csv_file(path, delimiter):
    """The records of a whole file, blank lines left out."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        quoting = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
        return [row for row in csv.reader(file, delimiter=delimiter, quoting=quoting) if row]


def csv_from_each_line(path):
    """Of each line the record that begins there, and how many lines it takes. Of returns only those before a newline are signs:
    csv refuses others, and `_` stands for them here."""
    with open(path, "rb") as file:
        lines = re.sub(r"\r(?!\r*\n)", "_", file.read().decode("utf-8-sig") + "\n").split("\n")
    while lines and lines[-1] == "":
        lines.pop()
    found = []
    for i in range(len(lines)):
        reader = csv.reader(line + "\n" for line in lines[i:])
        found.append({"cells": next(reader, []), "lines": reader.line_num})
    return found


def arrow_csv(path):
    """The records by pyarrow, which tells an empty cell from an empty text."""
    with open(path, "rb") as file:
        head = file.readline().decode("utf-8-sig").strip().split(",")
    table = pyarrow.csv.read_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: pyarrow.string() for name in head},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return [list(row.values()) for row in table.to_pylist()]


def csv_write(path, rows, **dialect):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, **dialect).writerows(rows)


def no_json(word):
    raise ValueError(f"{word} is no JSON")


def json_lines(path):
    """What each line holds that is not blank."""
    found = []
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8-sig")
            if text.strip():
                found.append({"line": number, "value": plain(json.loads(text, parse_constant=no_json))})
        except (ValueError, RecursionError) as error:
            found.append({"line": number, "error": str(error)})
    return found


def json_file(path):
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return {"value": plain(json.load(file, parse_constant=no_json))}
    except (ValueError, RecursionError) as error:
        return {"error": str(error)}


TEXTS = ["", "a", "27\" monitor", "x, y", "two\nlines", "ÿ😀", "\ufffd", " ", "null", "[[A]]"]
WHOLE = [0, 1, -1, 2**31, -(2**31), 2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
FLOATS = [0.0, 0.5, -1.25, 1e-300, 1.7976931348623157e308, 3.0, float("nan"), float("inf"), float("-inf")]
MOMENT = datetime.datetime(2024, 2, 29, 13, 1, 2, 345000)


def columns_of(draw):
    """Types of columns, and how a value of each is drawn."""
    whole = lambda low, high: lambda: draw.choice([n for n in WHOLE if low <= n <= high] or [0])  # noqa: E731
    text = lambda: draw.choice(TEXTS)  # noqa: E731
    a = pyarrow
    message = a.struct([("role", a.string()), ("content", a.string())])
    said = lambda: {"role": draw.choice(["user", "assistant"]), "content": text()}  # noqa: E731
    some = lambda one: [one() for _ in range(draw.randrange(4))]  # noqa: E731
    maybe = lambda one: lambda: None if draw.random() < 0.3 else one()  # noqa: E731
    moment = lambda: MOMENT + datetime.timedelta(days=draw.randrange(10_000), milliseconds=draw.randrange(1000))  # noqa: E731
    return {
        "string": (a.string(), text),
        "large_string": (a.large_string(), text),
        "string_view": (a.string_view(), text),
        "dictionary": (a.dictionary(a.int32(), a.string()), text),
        "bool": (a.bool_(), lambda: draw.random() < 0.5),
        "int8": (a.int8(), lambda: draw.choice([-128, -1, 0, 127])),
        "uint8": (a.uint8(), lambda: draw.choice([0, 128, 255])),
        "int16": (a.int16(), lambda: draw.choice([-(2**15), 2**15 - 1])),
        "uint16": (a.uint16(), lambda: draw.choice([0, 2**16 - 1])),
        "int32": (a.int32(), whole(-(2**31), 2**31 - 1)),
        "uint32": (a.uint32(), lambda: draw.choice([0, 2**31, 2**32 - 1])),
        "int64": (a.int64(), whole(-(2**63), 2**63 - 1)),
        "uint64": (a.uint64(), lambda: draw.choice([0, 2**53 + 1, 2**63, 2**64 - 1])),
        "float16": (a.float16(), lambda: draw.choice([0.0, 0.5, -2.0, 65504.0])),
        "float": (a.float32(), lambda: draw.choice([0.0, 0.5, -1.25, 1e10])),
        "double": (a.float64(), lambda: draw.choice(FLOATS)),
        "null": (a.null(), lambda: None),
        "decimal": (a.decimal128(9, 2), lambda: decimal.Decimal(draw.choice(["0.00", "1.25", "-1234567.89"]))),
        "long_decimal": (a.decimal128(25, 0), lambda: decimal.Decimal(draw.choice(["9007199254740993", "-1", "1234567890123456789012345"]))),
        "fine_decimal": (a.decimal128(30, 20), lambda: decimal.Decimal(draw.choice(["0.12345678901234567890", "1.50000000000000000000"]))),
        "date": (a.date32(), lambda: moment().date()),
        "timestamp_ms": (a.timestamp("ms"), moment),
        "timestamp_us": (a.timestamp("us"), moment),
        "timestamp_utc": (a.timestamp("us", tz="UTC"), lambda: moment().replace(tzinfo=datetime.timezone.utc)),
        "binary": (a.binary(), lambda: draw.choice([b"", b"text", b"\xff\xfe\x00"])),
        "fixed": (a.binary(4), lambda: draw.choice([b"abcd", b"\xff\x00\x01\x02"])),
        "uuid": (a.uuid(), lambda: uuid.UUID(int=draw.getrandbits(128)).bytes),
        "messages": (a.list_(message), lambda: some(said)),
        "maybe_messages": (a.list_(message), maybe(lambda: some(maybe(said)))),
        "texts": (a.list_(a.string()), lambda: some(maybe(text))),
        "lists": (a.list_(a.list_(a.int64())), lambda: some(lambda: some(whole(-(2**63), 2**63 - 1)))),
        "struct": (a.struct([("a", a.int64()), ("b", a.struct([("c", a.list_(a.string()))]))]), lambda: {"a": whole(-(2**63), 2**63 - 1)(), "b": {"c": some(text)}}),
        "map": (a.map_(a.string(), a.int64()), lambda: [(str(i), i) for i in range(draw.randrange(3))]),
        "dotted.name": (a.string(), text),
        "ÿ key": (a.string(), text),
        "": (a.string(), text),
    }  # fmt: skip


def make_parquet(path, seed):
    """A file of random columns, and its rows as pyarrow gives them back."""
    draw = random.Random(seed)
    known = columns_of(draw)
    names = draw.sample(sorted(known), draw.randrange(1, 8))
    rows = draw.choice([0, 1, 7, 50, 300])
    empty = draw.choice([0, 0.2, 1])
    arrays = []
    for name in names:
        kind, value = known[name]
        values = [None if draw.random() < empty else value() for _ in range(rows)]
        arrays.append(pyarrow.array(values, kind))
    table = pyarrow.table(arrays, names=names)
    options = {
        "compression": draw.choice(["none", "snappy", "gzip", "zstd", "brotli", "lz4"]),
        "row_group_size": draw.choice([1, 3, 100, 1000]),
        "use_dictionary": draw.random() < 0.5,
        "data_page_version": draw.choice(["1.0", "2.0"]),
        "data_page_size": draw.choice([64, 1 << 20]),
        "version": draw.choice(["1.0", "2.4", "2.6"]),
        "write_page_index": draw.random() < 0.5,
    }
    pyarrow.parquet.write_table(table, path, **options)
    return {"names": names, "options": options, "rows": read_parquet(path)}


def encoded_parquet(path, encoding, kind, values):
    """A column of one encoding that is not what writers take by themselves."""
    column = pyarrow.array(values, getattr(pyarrow, kind)())
    pyarrow.parquet.write_table(
        pyarrow.table({"x": column}), path, use_dictionary=False, column_encoding={"x": encoding}
    )
    return read_parquet(path)


def read_parquet(path):
    table = pyarrow.parquet.read_table(path)
    rows = [{} for _ in range(table.num_rows)]
    for name, column in zip(table.column_names, table.columns):
        # A map is an object of its keys.
        as_map = pyarrow.types.is_map(column.type)
        for row, value in zip(rows, column.to_pylist()):
            row[name] = plain(dict(value) if as_map and value is not None else value)
    return rows


def types_of(path):
    return {field.name: str(field.type) for field in pyarrow.parquet.read_schema(path)}


def main():
    functions = (csv_file, csv_from_each_line, arrow_csv, csv_write, json_lines, json_file, make_parquet, encoded_parquet, read_parquet, types_of)  # fmt: skip
    serve(functions, io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8"))


main()

"""Tables as CSV and as Parquet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from biofeedback.exports.tables import Table

ROWS_IN_GROUP = 1_000_000


def write_csv(table: Table, path: Path) -> None:
    """Write a table as CSV: names in the first line, missing values empty, decimal points, UTF-8.

    Numbers have as many digits as it takes to read the same number back, up to 17.
    """
    names = io.StringIO()
    csv.writer(names, lineterminator="\n").writerow(column.name for column in table.columns)
    options = pacsv.WriteOptions(include_header=False, quoting_style="needed")
    with path.open("wb") as file:
        file.write(names.getvalue().encode())
        with pacsv.CSVWriter(file, table.schema, write_options=options) as writer:
            for batch in table.batches():
                writer.write_batch(batch)


def write_parquet(table: Table, path: Path) -> None:
    """Write a table as Parquet: missing values null, unit and meaning in the metadata of each column."""
    schema = table.schema.with_metadata({"stream": table.name, "nominal_rate_hz": repr(table.rate_hz)})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in table.batches():
            waiting.append(batch.replace_schema_metadata(schema.metadata))
            if sum(one.num_rows for one in waiting) >= ROWS_IN_GROUP:
                writer.write_table(pa.Table.from_batches(waiting, schema))
                waiting = []
        writer.write_table(pa.Table.from_batches(waiting, schema))

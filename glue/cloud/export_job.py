"""
Spark job: the built tables as data.csv and the files beside it, like `python -m ml export`.

Runs on AWS Glue 5.1 (Spark 3.5) as the state machine's export, and as it is on plain pyspark. It
imports nothing of this project: what it writes is in the plan, which `python -m ml export-plan`
makes from the manifest of the dbt build. Each file is one dbt model, sorted: this job joins none,
so that there is one truth about every join.
"""

import argparse
import json
from typing import Any

from pyspark.sql import DataFrame, SparkSession

SORTED_BY = ("orders_back", "user_id", "product_id")


def main() -> None:
    """Read the arguments and export."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--plan", required=True, help="JSON file of python -m ml export-plan")
    parser.add_argument("--out", required=True, help="folder to write to")
    tables = parser.add_mutually_exclusive_group(required=True)
    tables.add_argument("--database", help="database of the Glue catalogue")
    tables.add_argument("--parquet", help="folder with <table>.parquet files")
    # Glue passes arguments of its own beside these
    arguments, _ = parser.parse_known_args()
    spark = SparkSession.builder.appName("next_basket export").getOrCreate()
    plan = json.loads("\n".join(row.value for row in spark.read.text(arguments.plan).collect()))
    if arguments.database:
        spark.catalog.setCurrentDatabase(arguments.database)
    else:
        _register(spark, arguments.parquet)
    export(spark, plan, arguments.out.rstrip("/"))
    spark.stop()


def export(spark: SparkSession, plan: dict[str, Any], out: str) -> None:
    """
    Write every file of the plan to `out`; contract.json, without which nothing is read, comes last.

    Parameters
    ----------
    spark
        A session in which the built tables go by their names.
    plan
        `columns` of data.csv with name, type, description and context; their `hash`; `tables`, the
        names of the other tables, each with the columns that its file is sorted by.
    out
        Folder, without a slash at its end.

    Raises
    ------
    ValueError
        If data.csv did not get every row of `candidates`.

    """
    # that of an earlier attempt would vouch for what this one writes
    _delete(spark, f"{out}/contract.json")
    names = [column["name"] for column in plan["columns"]]
    candidates = spark.table("candidates")
    data = candidates.select(*names).orderBy(*SORTED_BY)
    _one_file(spark, data, "csv", f"{out}/data.csv")
    for name, keys in plan["tables"].items():
        _one_file(spark, spark.table(name).orderBy(*keys), "parquet", f"{out}/{name}.parquet")
    written, expected = spark.read.csv(f"{out}/data.csv", header=True).count(), candidates.count()
    if written != expected:
        raise ValueError(f"data.csv got {written} of the {expected} rows of candidates")
    contract = {
        "hash": plan["hash"],
        "mode": "live" if _is_live(spark) else "benchmark",
        "windows": int(_last_window(spark) or 0) + 1,
        "columns": plan["columns"],
    }
    text = json.dumps(contract, indent=1, ensure_ascii=False) + "\n"
    _write_text(spark, text, f"{out}/contract.json")


def _is_live(spark: SparkSession) -> bool:
    rows: int = spark.table("target_orders").where("eval_set = 'live'").limit(1).count()
    return rows == 1


def _last_window(spark: SparkSession) -> int | None:
    last: int | None = spark.sql("select max(orders_back) from product_ranks").first()[0]
    return last


def _one_file(spark: SparkSession, rows: DataFrame, kind: str, path: str) -> None:
    """Write rows as one file of this name; Spark itself writes a folder of parts."""
    parts = f"{path}.parts"
    # one task takes the sorted parts in their order
    writer = rows.coalesce(1).write.mode("overwrite")
    if kind == "csv":
        writer.csv(parts, header=True, lineSep="\n", nullValue="", emptyValue="", escape='"')
    else:
        writer.parquet(parts)
    hadoop = spark.sparkContext._jvm.org.apache.hadoop.fs  # noqa: SLF001 - Spark's way to Hadoop
    files = _files(spark, path)
    (part,) = [
        found.getPath()
        for found in files.listStatus(hadoop.Path(parts))
        if found.getPath().getName().startswith("part-")
    ]
    target = hadoop.Path(path)
    files.delete(target, False)
    if not files.rename(part, target):  # on S3 a copy
        raise OSError(f"{part} could not be renamed to {path}")
    files.delete(hadoop.Path(parts), True)


def _delete(spark: SparkSession, path: str) -> None:
    hadoop = spark.sparkContext._jvm.org.apache.hadoop.fs  # noqa: SLF001
    _files(spark, path).delete(hadoop.Path(path), False)


def _write_text(spark: SparkSession, text: str, path: str) -> None:
    hadoop = spark.sparkContext._jvm.org.apache.hadoop.fs  # noqa: SLF001
    stream = _files(spark, path).create(hadoop.Path(path), True)
    stream.write(bytearray(text.encode()))
    stream.close()


def _files(spark: SparkSession, path: str) -> Any:  # noqa: ANN401
    """Give the file system that a path lies in."""
    hadoop = spark.sparkContext._jvm.org.apache.hadoop.fs  # noqa: SLF001
    files = hadoop.Path(path).getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())  # noqa: SLF001
    files.setWriteChecksum(False)
    return files


def _register(spark: SparkSession, folder: str) -> None:
    hadoop = spark.sparkContext._jvm.org.apache.hadoop.fs  # noqa: SLF001
    for found in _files(spark, folder).listStatus(hadoop.Path(folder)):
        table = found.getPath().getName().removesuffix(".parquet")
        spark.read.parquet(str(found.getPath())).createOrReplaceTempView(table)


if __name__ == "__main__":
    main()

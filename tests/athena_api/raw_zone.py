"""The raw zone: the shop's CSV files in a bucket of their own, catalogued as a crawler would."""

import tempfile
from pathlib import Path

from glue.raw.athena_files import write_for_athena
from glue.raw.catalogue import ESCAPE_CHAR, OPEN_CSV_SERDE, catalogue_loads
from glue.raw.files import check_raw_folder
from glue.raw.loads import (
    ORDER_LINES,
    PRODUCTS,
    columns_of,
    find_loads,
    is_folder_of_loads,
    marker_of,
    products_file,
    stored_name,
    write_shop_file,
)
from glue.raw.rules import first_rows
from ml.tools.s3 import Location
from tests.athena_api.clients import GlueClient, make_client
from tests.athena_api.glue_tables import PARQUET, TEXT, storage

RAW_BUCKET = "next-basket-raw"
RAW_DATABASE = "raw"


def upload_raw(url: str, raw_dir: Path) -> None:
    """Load the raw files of a folder as `python -m glue upload` writes them for Athena."""
    if is_folder_of_loads(raw_dir):
        _upload_loads(url, raw_dir)
        return
    with tempfile.TemporaryDirectory() as scratch:
        write_for_athena(check_raw_folder(raw_dir), Path(scratch))
        load_raw(url, Path(scratch))


def _upload_loads(url: str, raw_dir: Path) -> None:
    """Load order lines and products; what is there of other loads stays."""
    s3, glue = make_client("s3", url), make_client("glue", url)
    products = products_file(raw_dir)
    loads = find_loads(raw_dir)
    with tempfile.TemporaryDirectory() as scratch:
        files = [(products, PRODUCTS, f"{PRODUCTS}/")]
        for load in loads:
            files += [(p, ORDER_LINES, f"{ORDER_LINES}/load_date={load.day}/") for p in load.files]
        for path, table, folder in files:
            target = Path(scratch) / stored_name(path)
            write_shop_file(path, table, target)
            s3.upload_file(str(target), RAW_BUCKET, folder + target.name)
    for load in loads:
        s3.put_object(Bucket=RAW_BUCKET, Key=marker_of(load.day), Body=b"")
    for table, path in ((PRODUCTS, products), (ORDER_LINES, loads[0].files[0])):
        columns = columns_of(table)
        _catalogue_shop_table(
            glue, table, [*columns.theirs, "line_fault"], Path(stored_name(path)).suffix
        )
    catalogue_loads(glue, s3, Location(RAW_BUCKET), RAW_DATABASE)


def _catalogue_shop_table(glue: GlueClient, table: str, columns: list[str], suffix: str) -> None:
    """Make a table's entry as a crawler would; one with these columns stays, and its partitions."""
    fields = [{"Name": name.lower(), "Type": "string"} for name in columns]
    for entry in glue.get_tables(DatabaseName=RAW_DATABASE)["TableList"]:
        if entry["Name"] == table:
            known = [column["Name"] for column in entry["StorageDescriptor"]["Columns"]]
            if known == [field["Name"] for field in fields]:
                return
            glue.delete_table(DatabaseName=RAW_DATABASE, Name=table)
    location = f"s3://{RAW_BUCKET}/{table}/"
    parameters = {"EXTERNAL": "TRUE", "classification": suffix[1:]}
    descriptor = storage(fields, location, PARQUET)
    if suffix == ".csv":
        parameters |= {"delimiter": ",", "skip.header.line.count": "1"}
        descriptor = storage(
            fields,
            location,
            TEXT._replace(serde=OPEN_CSV_SERDE),
            separatorChar=",",
            quoteChar='"',
            escapeChar=ESCAPE_CHAR,
        )
    keys = [{"Name": "load_date", "Type": "string"}] if table == ORDER_LINES else []
    glue.create_table(
        DatabaseName=RAW_DATABASE,
        TableInput={
            "Name": table,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": parameters,
            "PartitionKeys": keys,
            "StorageDescriptor": descriptor,
        },
    )


def load_raw(url: str, raw_dir: Path) -> None:
    """
    Put the CSV files of a folder into the raw bucket as they are, in place of what is there.

    They are catalogued as a crawler would.

    Parameters
    ----------
    url
        Address of the stand-in.
    raw_dir
        Folder with one file per table, `<table>.csv` or `<table>.csv.gz`.
    """
    s3, glue = make_client("s3", url), make_client("glue", url)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=RAW_BUCKET):
        for entry in page.get("Contents", []):
            s3.delete_object(Bucket=RAW_BUCKET, Key=entry["Key"])
    known = [table["Name"] for table in glue.get_tables(DatabaseName=RAW_DATABASE)["TableList"]]
    for name in known:
        glue.delete_table(DatabaseName=RAW_DATABASE, Name=name)
    for path in sorted(raw_dir.iterdir()):
        if not path.name.removesuffix(".gz").endswith(".csv"):
            continue  # a backup beside a raw file, for one
        table = path.name.partition(".")[0]
        s3.upload_file(str(path), RAW_BUCKET, f"{table}/{path.name}")
        header = (first_rows(path) or [[]])[0]
        glue.create_table(
            DatabaseName=RAW_DATABASE,
            TableInput={
                "Name": table,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {
                    "EXTERNAL": "TRUE",
                    "classification": "csv",
                    "delimiter": ",",
                    "skip.header.line.count": "1",
                },
                "PartitionKeys": [],
                "StorageDescriptor": storage(
                    [
                        {"Name": name.lower() or f"col{place}", "Type": "string"}
                        for place, name in enumerate(header)
                    ],
                    f"s3://{RAW_BUCKET}/{table}/",
                    TEXT._replace(serde=OPEN_CSV_SERDE),
                    separatorChar=",",
                    quoteChar='"',
                    escapeChar=ESCAPE_CHAR,
                ),
            },
        )

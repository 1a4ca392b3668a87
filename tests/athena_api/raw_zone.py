"""The raw zone: the shop's CSV files in a bucket of their own, catalogued as a crawler would."""

import tempfile
from pathlib import Path

from glue.raw.athena_files import write_for_athena
from glue.raw.catalogue import ESCAPE_CHAR, OPEN_CSV_SERDE
from glue.raw.files import check_raw_folder
from glue.raw.rules import first_rows
from tests.athena_api.clients import make_client
from tests.athena_api.glue_tables import TEXT, storage

RAW_BUCKET = "next-basket-raw"
RAW_DATABASE = "raw"


def upload_raw(url: str, raw_dir: Path) -> None:
    """Load the six raw files of a folder as `python -m glue upload` writes them for Athena."""
    with tempfile.TemporaryDirectory() as scratch:
        write_for_athena(check_raw_folder(raw_dir), Path(scratch))
        load_raw(url, Path(scratch))


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

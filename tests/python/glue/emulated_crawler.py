"""A Glue client whose crawler crawls: moto keeps crawlers and tables, but no classifier."""

import csv
import io
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from glue.raw.catalogue import OPEN_CSV_SERDE

LAZY_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


def aws_error(code: str, operation: str) -> ClientError:
    """Make the error that a service answers with."""
    return ClientError({"Error": {"Code": code, "Message": "emulated"}}, operation)


@dataclass
class EmulatedGlue:
    """Passes everything to moto's Glue except classifiers and crawls, which it does itself."""

    glue: Any
    s3: Any
    looks_until_ready: int = 2  # how often GetCrawler says RUNNING
    ends: str = "SUCCEEDED"
    is_running: bool = False
    classifiers: dict[str, dict[str, Any]] = field(default_factory=dict)
    crawls: int = 0
    _looks: int = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Give an operation of moto's Glue."""
        return getattr(self.glue, name)

    def get_classifier(self, Name: str) -> dict[str, Any]:  # noqa: N803
        """Give a classifier."""
        if Name not in self.classifiers:
            raise aws_error("EntityNotFoundException", "GetClassifier")
        return {"Classifier": {"CsvClassifier": self.classifiers[Name]}}

    def create_classifier(self, **asked: dict[str, Any]) -> None:
        """Keep a classifier."""
        (classifier,) = asked.values()
        self.classifiers[classifier["Name"]] = classifier

    def update_classifier(self, **asked: dict[str, Any]) -> None:
        """Replace a classifier."""
        (classifier,) = asked.values()
        self.classifiers[classifier["Name"]] = classifier

    def delete_classifier(self, Name: str) -> None:  # noqa: N803
        """Forget a classifier."""
        if self.classifiers.pop(Name, None) is None:
            raise aws_error("EntityNotFoundException", "DeleteClassifier")

    def start_crawler(self, Name: str) -> None:  # noqa: N803
        """Crawl at once; GetCrawler says RUNNING for a while."""
        self._looks = self.looks_until_ready
        if self.is_running:
            raise aws_error("CrawlerRunningException", "StartCrawler")
        crawler = self.glue.get_crawler(Name=Name)["Crawler"]
        self.crawls += 1
        if self.ends == "SUCCEEDED":
            for target in crawler["Targets"]["S3Targets"]:
                self._crawl(crawler, target["Path"])

    def get_crawler(self, Name: str) -> dict[str, Any]:  # noqa: N803
        """Describe the crawler and its last crawl."""
        crawler = self.glue.get_crawler(Name=Name)["Crawler"]
        self._looks -= 1
        last = {"Status": self.ends, "LogGroup": "/aws-glue/crawlers", "LogStream": Name}
        if self.ends == "FAILED":
            last["ErrorMessage"] = "Internal Service Exception"
        state = "RUNNING" if self._looks >= 0 else "READY"
        return {"Crawler": crawler | {"State": state, "LastCrawl": last}}

    def _crawl(self, crawler: dict[str, Any], path: str) -> None:
        bucket, _, prefix = path.removeprefix("s3://").partition("/")
        found = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        if not found:
            return
        text = self.s3.get_object(Bucket=bucket, Key=found[0]["Key"])["Body"].read().decode()
        header = next(csv.reader(io.StringIO(text)))
        is_custom = any(
            self.classifiers.get(name, {}).get("Serde") == "OpenCSVSerDe"
            for name in crawler["Classifiers"]
        )
        parameters = {
            "classification": "csv",
            "skip.header.line.count": "1",
            "UPDATED_BY_CRAWLER": crawler["Name"],
        }
        table: dict[str, Any] = {
            "Name": prefix.rstrip("/").rsplit("/", 1)[-1],
            "TableType": "EXTERNAL_TABLE",
            "Parameters": parameters,
            "StorageDescriptor": {
                "Columns": [{"Name": name.lower(), "Type": "string"} for name in header],
                "Location": path,
                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "SerdeInfo": {
                    "SerializationLibrary": OPEN_CSV_SERDE if is_custom else LAZY_SERDE,
                    "Parameters": {"quoteChar": '"', "separatorChar": ","}
                    if is_custom
                    else {"field.delim": ","},
                },
                "Parameters": parameters,
            },
        }
        database = crawler["DatabaseName"]
        days = dict.fromkeys(
            one["Key"].removeprefix(prefix).partition("/")[0].partition("load_date=")[2]
            for one in found
        )
        if all(days):
            table["PartitionKeys"] = [{"Name": "load_date", "Type": "string"}]
        try:
            self.glue.create_table(DatabaseName=database, TableInput=table)
        except self.glue.exceptions.AlreadyExistsException:
            if crawler["SchemaChangePolicy"]["UpdateBehavior"] != "LOG":
                self.glue.update_table(DatabaseName=database, TableInput=table)
        for day in filter(None, days):
            self._make_partition(database, table, day)

    def _make_partition(self, database: str, table: dict[str, Any], day: str) -> None:
        """Copy the table's description, as a crawler does, and leave what is there."""
        location = f"{table['StorageDescriptor']['Location']}load_date={day}/"
        with suppress(self.glue.exceptions.AlreadyExistsException):
            self.glue.create_partition(
                DatabaseName=database,
                TableName=table["Name"],
                PartitionInput={
                    "Values": [day],
                    "StorageDescriptor": table["StorageDescriptor"] | {"Location": location},
                },
            )

"""What Athena needs to know about a statement before any engine sees it."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_STATEMENT_BYTES = 262_144
MAX_PARTITIONS_WRITTEN = 100

USER_ERROR = 2
SYSTEM_ERROR = 1
GENERIC_USER_ERROR_TYPE = 1006
GENERIC_SYSTEM_ERROR_TYPE = 1


class QueryError(Exception):
    """
    A query that fails: becomes state FAILED with its reason.

    Parameters
    ----------
    reason
        What GetQueryExecution gives as StateChangeReason.
    category
        AthenaError.ErrorCategory: 1 system, 2 user.
    scanned_bytes
        What was read before it failed.
    """

    def __init__(self, reason: str, category: int = USER_ERROR, scanned_bytes: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.category = category
        self.scanned_bytes = scanned_bytes

    @property
    def error_type(self) -> int:
        """AthenaError.ErrorType."""
        is_user_error = self.category == USER_ERROR
        return GENERIC_USER_ERROR_TYPE if is_user_error else GENERIC_SYSTEM_ERROR_TYPE


@dataclass
class Result:
    """Rows as Athena renders them: text, None for null; `columns` are (name, Athena type)."""

    columns: list[tuple[str, str]] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    update_count: int | None = None
    scanned_bytes: int = 0


class Kind(NamedTuple):
    """Athena's StatementType and SubstatementType, and whether the SQL engine runs it."""

    statement_type: str
    substatement_type: str
    in_engine: bool


KINDS = (
    (r"create\s+external\s+table\b", Kind("DDL", "CREATE_TABLE", in_engine=False)),
    (r"create\s+(or\s+replace\s+)?view\b", Kind("DDL", "CREATE_VIEW", in_engine=True)),
    (r"create\s+(database|schema)\b", Kind("DDL", "CREATE_DATABASE", in_engine=False)),
    (r"drop\s+table\b", Kind("DDL", "DROP_TABLE", in_engine=False)),
    (r"drop\s+view\b", Kind("DDL", "DROP_VIEW", in_engine=False)),
    (r"alter\s+table\b", Kind("DDL", "ALTER_TABLE", in_engine=False)),
    (r"create\s+table\b", Kind("DDL", "CREATE_TABLE_AS_SELECT", in_engine=True)),
    (r"insert\s+into\b", Kind("DML", "INSERT", in_engine=True)),
    (r"(select|with|values)\b|\(", Kind("DML", "SELECT", in_engine=True)),
)

# comments, quoted text and names: where a parenthesis or a semicolon means nothing
_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|[^-/'"`(),;=<>\[\]]+|.""",
    re.DOTALL,
)
_LEADING_COMMENT = re.compile(r"\s*(--[^\n]*(\n|$)|/\*.*?\*/)", re.DOTALL)


def tokens(sql: str) -> list[str]:
    """Split a statement so that quoted text and comments are whole; joined they give it back."""
    return _TOKEN.findall(sql)


def is_comment(token: str) -> bool:
    """Whether a token is a comment."""
    return token.startswith(("--", "/*"))


def bare_statement(sql: str) -> str:
    """Give the statement without leading comments and without the semicolon that ends it."""
    while found := _LEADING_COMMENT.match(sql):
        sql = sql[found.end() :]
    last = -1
    parts = tokens(sql)
    for index, part in enumerate(parts):
        if not is_comment(part) and part.strip():
            last = index
    if last >= 0 and parts[last] == ";":
        del parts[last]
    return "".join(parts).strip()


def check_single_statement(sql: str) -> None:
    """Raise QueryError if there is more than one statement: Athena takes one per call."""
    is_over = False
    for part in tokens(sql):
        if is_comment(part) or not part.strip():
            continue
        if is_over:
            raise QueryError("Only one sql statement is allowed.")
        is_over = part == ";"


def kind_of(sql: str) -> Kind:
    """
    Classify a statement.

    Raises
    ------
    QueryError
        If it is none that this stand-in knows.
    """
    statement = bare_statement(sql)
    for pattern, kind in KINDS:
        if re.match(pattern, statement, re.IGNORECASE):
            return kind
    start = statement.split(maxsplit=1)[:1]
    raise QueryError(
        f"FAILED: ParseException line 1:0 cannot recognize input near {start}. The stand-in runs"
        " SELECT, INSERT, CREATE TABLE AS, views, and the DDL of Hive tables."
    )


def split_at_commas(text: str) -> list[str]:
    """Split at commas that stand outside quotes, parentheses and brackets."""
    entries = [""]
    depth = 0
    for part in tokens(text):
        depth += (part in "([<") - (part in ")]>") if len(part) == 1 else 0
        if part == "," and depth == 0:
            entries.append("")
        else:
            entries[-1] += part
    return [entry.strip() for entry in entries if entry.strip()]


def in_parentheses(text: str) -> tuple[str, str]:
    """
    Give what stands inside the parenthesis that `text` opens with, and what follows it.

    Raises
    ------
    QueryError
        If it does not open with one, or it is never closed.
    """
    parts = tokens(text.lstrip())
    if parts[:1] != ["("]:
        raise QueryError(f"FAILED: ParseException missing ( at '{text[:20]}'")
    depth = 0
    for index, part in enumerate(parts):
        depth += {"(": 1, ")": -1}.get(part, 0)
        if depth == 0:
            return "".join(parts[1:index]), "".join(parts[index + 1 :])
    raise QueryError("FAILED: ParseException missing )")


def table_name(text: str, database: str) -> tuple[str, str]:
    """Split a written name into database and table, both in lower case."""
    parts = [part.strip("`\"'").lower() for part in re.findall(r'"[^"]+"|`[^`]+`|[^.\s]+', text)]
    return (parts[-2], parts[-1]) if len(parts) > 1 else (database.lower(), parts[0])


@dataclass(frozen=True)
class CreateTableAs:
    """A CREATE TABLE AS statement in its parts."""

    database: str
    table: str
    properties: dict[str, str]
    query: str

    @property
    def location(self) -> str | None:
        """Where its files shall go, without a slash at the end; None if it does not say."""
        written = self.properties.get("external_location")
        return written.strip("'").rstrip("/") if written else None

    @property
    def partitioned_by(self) -> list[str]:
        """The partition columns, in order."""
        return [name.lower() for name in re.findall(r"'([^']+)'", self._text("partitioned_by"))]

    @property
    def file_format(self) -> str:
        """Name of the file format, in lower case."""
        return self._text("format").strip("'").lower() or "parquet"

    def _text(self, name: str) -> str:
        return self.properties.get(name, "")


def parse_create_table_as(sql: str, database: str) -> CreateTableAs:
    """
    Take a CREATE TABLE AS statement apart.

    Raises
    ------
    QueryError
        If it is none, or asks for an Iceberg table.
    """
    pattern = r"create\s+table\s+(?P<name>[\w\"`.$-]+)\s*(?P<with>with\s*(?=\())?"
    found = re.match(pattern, bare_statement(sql), re.IGNORECASE)
    if not found:
        raise QueryError("SYNTAX_ERROR: expected CREATE TABLE name WITH (...) AS query")
    rest = bare_statement(sql)[found.end() :]
    properties: dict[str, str] = {}
    if found["with"]:
        inside, rest = in_parentheses(rest)
        for entry in split_at_commas(inside):
            name, _, value = entry.partition("=")
            properties[name.strip().lower()] = value.strip()
    is_query = re.match(r"\s*as\b(.*)$", rest, re.IGNORECASE | re.DOTALL)
    if not is_query:
        raise QueryError("SYNTAX_ERROR: expected AS and a query after CREATE TABLE name WITH (...)")
    if properties.get("table_type", "'hive'").strip("'").lower() != "hive":
        raise QueryError("NOT_SUPPORTED: the stand-in makes Hive tables only")
    schema, table = table_name(found["name"], database)
    return CreateTableAs(schema, table, properties, is_query[1].strip())

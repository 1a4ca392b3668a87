"""One port for everything: Athena's operations here, all other services by moto in this process."""

import base64
import io
import json
import re
import socket
import threading
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from tests.athena_api.athena import ApiError, Athena
from tests.athena_api.faults import Fault, Faults
from tests.athena_api.glue_tables import hive_type

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

CONTROL = "/_control/faults"

# what Trino's metastore client calls and moto lacks; no statistics are kept
GLUE_WITHOUT_STATISTICS: dict[str, dict[str, Any]] = {
    "GetColumnStatisticsForTable": {"ColumnStatisticsList": [], "Errors": []},
    "GetColumnStatisticsForPartition": {"ColumnStatisticsList": [], "Errors": []},
    "UpdateColumnStatisticsForTable": {"Errors": []},
    "UpdateColumnStatisticsForPartition": {"Errors": []},
    "DeleteColumnStatisticsForTable": {},
    "DeleteColumnStatisticsForPartition": {},
    "GetUserDefinedFunctions": {"UserDefinedFunctions": []},
}


class Server:
    """
    The WSGI application.

    Parameters
    ----------
    athena
        Answers Athena's operations.
    moto
        Answers everything else.
    faults
        What a test has injected.
    """

    def __init__(self, athena: Athena, moto: App, faults: Faults) -> None:
        self._athena = athena
        self._moto = moto
        self._faults = faults
        self._glue_lock = threading.Lock()  # moto's Glue is not safe under concurrent calls

    def __call__(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["PATH_INFO"] == CONTROL:
            return self._control(environ, start)
        if environ["PATH_INFO"] == "/GetResourceLFTags":
            # moto's Lake Formation fails on a table that was never tagged
            return _json(start, {})
        service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
        if service not in ("AmazonAthena", "AWSGlue"):
            return self._moto(environ, start)
        body = _read(environ)
        fault = self._faults.take(operation, body.decode())
        if fault and fault.effect == "error":
            status = 500 if fault.code == "InternalServerException" else 400
            return _json(start, {"__type": fault.code, "message": fault.message}, status)
        if fault and fault.effect == "slow":
            threading.Event().wait(fault.seconds)
        answer = self._answer(service, operation, body, environ, start)
        if fault and fault.effect == "lost":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return answer

    def _answer(
        self, service: str, operation: str, body: bytes, environ: Environ, start: StartResponse
    ) -> Iterable[bytes]:
        if service == "AmazonAthena":
            try:
                return _json(start, self._athena.call(operation, json.loads(body or b"{}")))
            except ApiError as error:
                return _json(start, {"__type": error.code, "message": str(error)}, 400)
        if operation in GLUE_WITHOUT_STATISTICS:
            return _json(start, GLUE_WITHOUT_STATISTICS[operation])
        is_trino = "aws-sdk-java" in environ.get("HTTP_USER_AGENT", "")
        if is_trino and operation in ("CreateTable", "UpdateTable"):
            body = _with_view_columns(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._glue_lock:
            if is_trino and operation in ("GetTable", "GetTables"):
                return self._tables_for_trino(environ, start)
            return list(self._moto(environ, start))

    def _tables_for_trino(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        """
        Answer GetTable and GetTables with views as Trino knows them.

        Trino recognises its views by the comment 'Presto View' and takes Glue's Description for it,
        where dbt keeps a model's description; Athena does not mind.
        """
        heads: list[tuple[str, list[tuple[str, str]]]] = []
        body = b"".join(
            self._moto(environ, lambda status, headers: heads.append((status, headers)))
        )
        status, headers = heads[0]
        if status.startswith("200"):
            answer = json.loads(body)
            for table in answer.get("TableList", [answer.get("Table", {})]):
                if table.get("Parameters", {}).get("presto_view") == "true":
                    table["Description"] = table["Parameters"]["comment"] = "Presto View"
            body = json.dumps(answer).encode()
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start(status, [*kept, ("Content-Length", str(len(body)))])
        return [body]

    def _control(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            self._faults.add(Fault(**json.loads(_read(environ))))
        if environ["REQUEST_METHOD"] == "DELETE":
            self._faults.clear()
        return _json(start, {"pending": self._faults.pending()})


def _with_view_columns(body: bytes) -> bytes:
    """Give a view the columns that Athena catalogues; Trino keeps them in the view's text alone."""
    request = json.loads(body)
    table = request["TableInput"]
    found = re.match(r"/\* Presto View: (.*) \*/", table.get("ViewOriginalText") or "")
    if not found:
        return body
    table["StorageDescriptor"]["Columns"] = [
        {"Name": column["name"], "Type": hive_type(column["type"])}
        for column in json.loads(base64.b64decode(found[1]))["columns"]
    ]
    return json.dumps(request).encode()


def _read(environ: Environ) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return body


def _json(start: StartResponse, answer: dict[str, Any], status: int = 200) -> Iterable[bytes]:
    body = json.dumps(answer).encode()
    headers = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("Content-Length", str(len(body))),
        ("x-amzn-RequestId", str(uuid.uuid4())),
    ]
    start(f"{status} {'OK' if status == 200 else 'Error'}", headers)
    return [body]

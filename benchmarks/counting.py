"""Count the SQL queries of each request, and answer the one-insert view that is the limit of any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

HEADER = "X-SQL-Queries"


class QueryCount:
    """Say in a header how many queries a request took, BEGIN and COMMIT not counted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        count = 0

        def counted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal count
            count += 1
            return execute(sql, params, many, context)

        with connection.execute_wrapper(counted):
            response = self.get_response(request)
        response[HEADER] = str(count)
        return response


@csrf_exempt
def one_insert(request: HttpRequest) -> HttpResponse:
    """Insert one row and commit: what any write through this server costs at the least."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO benchmark_limit (at) VALUES (clock_timestamp())")
    return HttpResponse(b"{}", content_type="application/json", status=201)

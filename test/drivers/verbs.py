# Each verb of pg_background with parameters as psycopg sends them. Prints one line for each that did not do what it should.
import json
import sys

import psycopg

connection = psycopg.connect(sys.argv[1], autocommit=True)


def ask(cursor, call, *values):
    """The first row of what a call gives."""
    cursor.execute("SELECT * FROM " + call, values)
    return cursor.fetchone()


def check(name, got, wanted):
    if got != wanted:
        print(f"{name}: {got!r}, not {wanted!r}")


# Parameters bound by the server, and put into the text by the client.
for kind in psycopg.Cursor, psycopg.ClientCursor:
    cursor = kind(connection)
    job = lambda *values: ask(cursor, f"pg_background_launch({', '.join(['%s'] * len(values))})", *values)
    for values in ("SELECT 1",), ("SELECT 1", 0), ("SELECT 1", 65536, "a label"), ("SELECT 1", 0, None), ("SELECT 1", None, None):
        pid, cookie = job(*values)
        check("wait", ask(cursor, "pg_background_wait(%s, %s)", pid, cookie), (True,))
        check("wait with a time-out", ask(cursor, "pg_background_wait(%s, %s, %s)", pid, cookie, 1000), (True,))
        check("outcome", ask(cursor, "pg_background_outcome(%s, %s)", pid, cookie)[:3], (pid, cookie, "stopped"))
        check("result", ask(cursor, "pg_background_result(%s, %s) AS (n int)", pid, cookie), (1,))
    pid, cookie = job("SELECT %s::text || $2".replace("%s", "$1"), 0, None, None, ["it's ", "kept"])
    handle = f"({pid},{cookie})"
    check("wait for a handle", ask(cursor, "pg_background_wait(%s)", handle), (True,))
    check("status", ask(cursor, "pg_background_status(%s)", handle)[0]["cookie"], cookie)
    for name, wanted in ("outcome", pid), ("result_info", 1):
        check(name, ask(cursor, f"pg_background_{name}(%s)", handle)[0], wanted)
    for name in "get_progress", "error_info":
        check(name, ask(cursor, f"pg_background_{name}(%s)", handle)[0], None)
        check(name, ask(cursor, f"pg_background_{name}(%s, %s)", pid, cookie)[0], None)
    check("full_sql", ask(cursor, "pg_background_full_sql(%s, %s)", pid, cookie), ("SELECT $1::text || $2",))
    check("result of a handle", ask(cursor, "pg_background_result(%s) AS (t text)", handle), ("it's kept",))
    check("run", ask(cursor, "pg_background_run(%s, %s, %s, %s)", "SELECT 1", 0, 1000, "x")[2], "stopped")
    check("run_query", ask(cursor, "pg_background_run_query(%s, %s, %s) AS (n int)", "SELECT 2", 0, 0), (2,))
    handles = ["(%s,%s)" % ask(cursor, "pg_background_submit(%s, %s, %s)", "SELECT 1", 0, f"job {i}") for i in range(3)]
    check("wait_any", ask(cursor, "pg_background_wait_any(%s, %s)", handles, 1000) is not None, True)
    check("drain", ask(cursor, "pg_background_drain(%s, %s)", handles, 1000)[2], "stopped")
    pid, cookie = ask(cursor, "pg_background_submit(%s)", "SELECT pg_sleep(60)")
    check("cancel", ask(cursor, "pg_background_cancel(%s, %s)", pid, cookie), ("",))
    check("cancel with grace", ask(cursor, "pg_background_cancel(%s, %s, %s)", pid, cookie, 1000), ("",))
    check("wait_next", ask(cursor, "pg_background_wait_next(%s)", 1000), (pid, cookie))
    check("cancel a handle", ask(cursor, "pg_background_cancel(%s)", f"({pid},{cookie})"), ("",))
    check("cancel_by_label", ask(cursor, "pg_background_cancel_by_label(%s, %s)", "nothing%", 0), (0,))
    check("detach", ask(cursor, "pg_background_detach(%s, %s)", pid, cookie), ("",))
    check("drain_all", ask(cursor, "pg_background_drain_all(%s)", 1000), None)
    check("named", ask(cursor, "pg_background_run(%s, label => %s, timeout_ms => %s)", "SELECT 1", "named", 500)[10], "named")
    # Values without a type: the job's statement decides, and nothing is quoted.
    check("text_params", ask(cursor, "pg_background_query_json(%s, text_params => %s)", "SELECT $1 + 1 AS sum, $2 AS name, $3::date AS day, $4 AS nothing",
                             ["41", "it's '; --", "2001-02-03", None]), ({"sum": 42, "name": "it's '; --", "day": "2001-02-03", "nothing": None},))
    check("run_all", ask(cursor, "(SELECT count(*), sum(row_count)::int FROM pg_background_run_all(%s)) AS s", ["SELECT 1", "SELECT generate_series(1, 2)"]), (2, 3))

# A cursor of the server by its name, taken in pieces: the one that pg_background_cursor has opened.
with connection.transaction():
    connection.execute("SELECT pg_background_cursor(pg_background_launch(%s), 'pieces')", ("SELECT g AS n FROM generate_series(1, 1000) AS g",))
    total, fetched = 0, 0
    while rows := connection.execute("FETCH 300 FROM pieces").fetchall():
        total, fetched = total + sum(n for n, in rows), fetched + 1
    check("rows of a cursor", (total, fetched), (500500, 4))
with connection.transaction(), connection.cursor("named") as cursor:
    cursor.itersize = 100
    cursor.execute("SELECT * FROM pg_background_query(NULL::int, %s)", ("SELECT g FROM generate_series(1, 1000) AS g",))
    check("rows of a named cursor", sum(n for n, in cursor), 500500)

# A notification comes while nothing is asked.
connection.execute("LISTEN jobs")
pid, cookie = connection.execute("SELECT * FROM pg_background_submit(%s, label => %s, notify => %s)", ("SELECT pg_sleep(0.2)", 'a "label"', "jobs")).fetchone()
told = [json.loads(notification.payload) for notification in connection.notifies(timeout=10, stop_after=1)]
check("notifications", [(n["pid"], n["cookie"], n["label"], n["state"]) for n in told], [(pid, cookie, 'a "label"', "stopped")])

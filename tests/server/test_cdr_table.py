"""sekisho cdr import --table: what cdr_adaptive_odbc and its like wrote, each row once, late ones too."""
import datetime
import sqlite3

import pytest
from cdr import days_ago, state_terms
from postgres_server import Postgres, find_programs
from rest import new_tenant
from test_cli import Cli

COLUMNS = ["calldate", "clid", "src", "dst", "dcontext", "channel", "lastapp", "duration", "billsec", "disposition",
           "accountcode", "uniqueid", "linkedid", "sequence", "tenantid", "end"]


def row(tenant, serial, at, seconds=60):
    """Values of COLUMNS, times local to Japan."""
    ends = at + datetime.timedelta(seconds=seconds)
    return [f"{at:%Y-%m-%d %H:%M:%S}", f'"Desk, 1" <{serial}>', "1001", f"03{30000000 + serial}", "out",
            f"PJSIP/1001-{serial:08x}", "Dial", seconds, seconds, "ANSWERED", "", f"{int(at.timestamp())}.{serial}",
            f"{int(at.timestamp())}.{serial}", serial, tenant, f"{ends:%Y-%m-%d %H:%M:%S}"]


@pytest.fixture(scope="module")
def cli(daemon):
    state_terms(daemon)
    return Cli(daemon)


@pytest.mark.parametrize("key", ["id INTEGER PRIMARY KEY AUTOINCREMENT, ", ""])
def test_a_table_of_sqlite(daemon, cli, tmp_path, key):
    tenant, database = new_tenant(daemon), sqlite3.connect(tmp_path / "cdr.db")
    database.execute(f"CREATE TABLE cdr ({key}" + ", ".join(f'"{name}"' for name in COLUMNS) + ")")

    def insert(*rows):
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        database.executemany(f"INSERT INTO cdr ({names}) VALUES ({', '.join('?' * len(COLUMNS))})", rows)
        database.commit()

    def run(*more, status=0):
        return cli.json("cdr", "import", "--table", f"sqlite:{tmp_path}/cdr.db", "--source", f"db-{tenant}", *more,
                        status=status)
    insert(*[row(tenant, n, days_ago(2)) for n in range(3000)])
    said = cli("cdr", "import", "--table", f"sqlite:{tmp_path}/cdr.db", "--source", f"db-{tenant}", "--dry-run")
    assert "the first line names the columns" in said and "3000 added" in said
    first = run()
    assert first["added"] == 3000 and first["layout"].startswith("columns:") and first["time_zone"] == "Asia/Tokyo"
    again = run()
    assert again["added"] == 0 and again["records"] == 1001      # only what may have come in late
    insert(row(tenant, 5000, days_ago(1), seconds=9000), row("nobody", 5001, days_ago(1)))
    said = run(status=1)
    assert said["added"] == 1 and said["refused_by_reason"] == {"unknown_tenant": 1}
    assert run(status=1)["added"] == 0


def test_a_table_without_a_number(daemon, cli, tmp_path):
    tenant, database = new_tenant(daemon), sqlite3.connect(tmp_path / "cdr.db")
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    database.execute(f'CREATE TABLE calls ({names}, PRIMARY KEY (uniqueid, sequence)) WITHOUT ROWID')

    def run():
        return cli.json("cdr", "import", "--table", f"sqlite:{tmp_path}/cdr.db", "--table-name", "calls",
                        "--source", f"db-{tenant}")

    def insert(*rows):
        database.executemany(f"INSERT INTO calls VALUES ({', '.join('?' * len(COLUMNS))})", rows)
        database.commit()
    insert(*[row(tenant, n, days_ago(n)) for n in range(2, 30)])
    assert run()["added"] == 28
    insert(row(tenant, 100, days_ago(2.01)))                     # late, within the hour before the last one's end
    said = run()
    assert said["added"] == 1 and said["records"] == 2


def test_a_table_of_postgres(daemon, cli):
    assert find_programs(), "PostgreSQL is not installed; make test-deps does it"
    tenant, server = new_tenant(daemon), Postgres().make()
    try:
        values = [row(tenant, n, days_ago(1)) for n in range(1500)]
        columns = ", ".join(f'"{name}" ' + {"calldate": "timestamptz", "end": "timestamptz", "billsec": "int",
                                            "duration": "int", "sequence": "int"}.get(name, "text") for name in COLUMNS)
        lines = ["SET timezone = 'Asia/Tokyo'", f"CREATE TABLE cdr ({columns})"]
        for one in values:
            quoted = ", ".join("'" + str(value).replace("'", "''") + "'" for value in one)
            lines.append(f"INSERT INTO cdr VALUES ({quoted})")
        script = server.folder / "cdr.sql"
        script.write_text(";\n".join(lines) + ";")
        server.run("psql", "-qX", "-h", server.folder, "-U", "admin", "-d", "postgres", "-f", script)
        url = f"postgres://admin@/postgres?host={server.folder}"
        said = cli.json("cdr", "import", "--table", url, "--source", f"db-{tenant}")
        assert said["added"] == 1500, said
        assert cli.json("cdr", "import", "--table", url, "--source", f"db-{tenant}")["added"] == 0
    finally:
        server.remove()


def test_what_is_no_table(cli, tmp_path):
    def refused(*words):
        return cli("cdr", "import", *words, status=2)
    assert "expected sqlite:FILE" in refused("--table", "mysql:x")
    assert "unable to open" in refused("--table", f"sqlite:{tmp_path}/no.db")
    sqlite3.connect(tmp_path / "a.db").execute("CREATE TABLE cdr (dst, src)")
    assert "no such table" in refused("--table", f"sqlite:{tmp_path}/a.db", "--table-name", "x")
    sqlite3.connect(tmp_path / "a.db").execute("CREATE TABLE other (dst PRIMARY KEY, src) WITHOUT ROWID")
    assert "has no column id, end" in refused("--table", f"sqlite:{tmp_path}/a.db", "--table-name", "other")
    assert "expected letters" in refused("--table", f"sqlite:{tmp_path}/a.db", "--table-name", "x; DROP TABLE y")
    assert "hunter2" not in refused("--table", "postgres://me:hunter2@127.0.0.1:1/x")

"""sekisho tenant import and account import: files cut into requests, results, going on after a break."""
import json
import subprocess
import time

import pytest
from daemon import BUILD
from rest import all_pages, new_tenant
from test_cli import CLEAN, Cli
from test_provision import fresh


@pytest.fixture(scope="module")
def cli(daemon):
    return Cli(daemon)


def results_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def accounts(daemon, tenant):
    return {account["id"]: account["display_name"]
            for account in all_pages(daemon, f"/v1/tenants/{tenant}/accounts", "accounts")}


def test_ndjson_in_several_requests(daemon, cli, tmp_path):
    a, file, out = fresh(), tmp_path / "in", tmp_path / "out"
    lines = [{"tenant": a, "name": a, "profile": "open"}]
    lines += [{"tenant": a, "account": f"{n}" if n != 1500 else "?"} for n in range(2300)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert cli("tenant", "import", file, "--results", out, status=1).splitlines() == [
        "line 1502 refused: account: an account's id is 1 to 63 of A-Z, a-z, 0-9, ., - and _, first a letter or digit",
        "2301 lines: 2300 created, 0 updated, 0 unchanged, 1 refused"]
    results = results_of(out)
    assert [r["line"] for r in results] == list(range(1, 2302))
    assert [r["line"] for r in results if r["status"] != "created"] == [1502]
    assert len(accounts(daemon, a)) == 2299
    # again: nothing happens; as JSON for programs
    assert cli.json("tenant", "import", "-", stdin=file.read_text(), status=1) == {
        "lines": 2301, "created": 0, "updated": 0, "unchanged": 2300, "refused": 1, "dry_run": False}


def test_a_dry_run_knows_the_tenants_of_earlier_pieces(daemon, cli, tmp_path):
    a, file, out = fresh(), tmp_path / "in", tmp_path / "out"
    lines = [f'{{"tenant":"{a}","name":"x"}}'] + [f'{{"tenant":"{a}","account":"{n}"}}' for n in range(1100)]
    file.write_text("\n".join(lines + [f'{{"tenant":"not-{a}","account":"1"}}']))
    said = cli("tenant", "import", file, "--dry-run", "--results", out, status=1)
    assert said.endswith("dry run, nothing was changed; 1102 lines: 1101 created, 0 updated, 0 unchanged, 1 refused\n")
    assert results_of(out)[1100] == {"line": 1101, "status": "created", "tenant": a, "account": "1099"}
    assert daemon.rest("GET", f"/v1/tenants/{a}").status == 404


def test_csv_of_a_spreadsheet(daemon, cli, tmp_path):
    a, file = new_tenant(daemon), tmp_path / "accounts.csv"
    file.write_bytes("account,display_name\r\n1001,受付 ソ\r\n\r\n1002,\"営業\r\n1003,\"経理\"\r\n".encode("cp932"))
    assert cli("account", "import", a, file, status=1).splitlines() == [
        "line 4 refused: quotes do not match", "3 lines: 2 created, 0 updated, 0 unchanged, 1 refused"]
    assert accounts(daemon, a) == {"1001": "受付 ソ", "1003": "経理"}


def test_what_is_no_file_of_lines(cli, tmp_path):
    file = tmp_path / "in"
    assert "No such file" in cli("tenant", "import", file, status=2)
    file.write_text("tenant\n".encode("utf-16").decode("latin1"), encoding="latin1")
    assert "UTF-16" in cli("tenant", "import", file, status=2)
    file.write_text("")
    assert "no header line" in cli("tenant", "import", file, status=2)
    refused = cli("tenant", "import", "-", stdin="tenat\nx\n", status=2)
    assert "no column \"tenat\" is known here; known are tenant, account, name, " in refused
    file.write_bytes("顧客番号,名称\r\nsakura,桜\r\n".encode("cp932"))
    assert "no column \"顧客番号\"" in cli("tenant", "import", file, status=2)
    assert "name it, too" in cli("tenant", "import", "-", "--resume", status=2)
    results = tmp_path / "results"
    results.write_text("something else\n")
    assert "holds no results" in cli("tenant", "import", "-", "--resume", "--results", results, status=2)
    assert results.read_text() == "something else\n"
    # the header alone is a list of nothing
    assert cli("tenant", "import", "-", stdin="tenant,name\n").startswith("0 lines")


def test_killed_and_resumed(daemon, tmp_path):
    a, file, out = fresh(), tmp_path / "in", tmp_path / "out"
    cli, count = Cli(daemon), 6000
    # results are whole pieces, but for the last one when the kill tore it
    file.write_text("".join([f'{{"tenant":"{a}","name":"x","profile":"open"}}\n'] +
                            [f'{{"tenant":"{a}","account":"{n}"}}\n' for n in range(count)]))
    command = [str(BUILD / "sekisho"), "tenant", "import", str(file), "--results", str(out)]
    first = subprocess.Popen(command, env=CLEAN | cli.env)
    deadline = time.monotonic() + 60
    while not (out.exists() and out.stat().st_size) and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    first.kill()
    first.wait()
    done = out.read_text().count("\n")
    assert 0 < done
    with out.open("a") as results:
        results.write('{"line":')  # torn off in the middle of a line
    said = cli("tenant", "import", file, "--results", out, "--resume")
    assert f"went on behind line {done}\n" in said or done == count + 1
    results = results_of(out)
    assert [r["line"] for r in results] == list(range(1, count + 2))
    assert {r["status"] for r in results[:done]} == {"created"}
    assert {r["status"] for r in results} <= {"created", "unchanged"}  # some were done, and not yet told
    assert len(accounts(daemon, a)) == count


def test_the_daemon_goes_away(start_daemon, tmp_path):
    daemon = start_daemon()
    cli, file, out = Cli(daemon), tmp_path / "in", tmp_path / "out"
    file.write_text("tenant,name\n" + "".join(f"t{n},x\n" for n in range(10)))
    daemon.kill()
    said = cli("tenant", "import", file, "--results", out, "--patience=1s", status=2)
    assert "trying again" in said and "doing it again is safe" in said
    assert out.read_text() == ""
    daemon.start()
    cli = Cli(daemon)
    assert cli("tenant", "import", file, "--results", out, "--resume").startswith("10 lines: 10 created")

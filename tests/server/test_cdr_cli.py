"""sekisho cdr: terms, files into the history, what could not be mapped."""
import json

import pytest
from cdr import line, state_terms
from rest import new_tenant
from test_cli import Cli


@pytest.fixture(scope="module")
def cli(daemon):
    cli = Cli(daemon)
    assert "Nothing is stated yet: --purpose" in cli("cdr", "terms", status=2)
    state_terms(daemon)
    return cli


def test_terms(cli):
    assert "sekisho cdr terms: --purpose and --retention-days go together" in cli("cdr", "terms", "--purpose", "x", status=2)
    cli("cdr", "terms", "--purpose", "調査", "--retention-days", "400")
    said = cli("cdr", "terms").splitlines()
    assert said[0] == "purpose         調査" and said[1] == "retention days  400"


def test_a_file_in_several_pieces(daemon, cli, tmp_path):
    tenant, file, out = new_tenant(daemon), tmp_path / "Master.csv", tmp_path / "rejects"
    lines = [line(tenant, f"{1000 + n % 50}", "0312345678", serial=n + 1) for n in range(30000)]
    lines[20000] = '"torn","quote\n'
    lines[29999] = line(tenant, "1", "s")
    text = "".join(lines).replace("from-internal", "x" * 79)    # 8.5 MB: two pieces
    file.write_text(text)
    assert len(text) > 8_000_000
    said = cli("cdr", "import", file, "--source", "cli-1", "--rejects", out, status=1)
    assert said.splitlines()[2:] == [
        f"{file}:20001 refused: quoting", f"{file}:30000 refused: number",
        "30000 records: 29998 added, 0 were there already, 2 refused (quoting 1, number 1); 0 of the calls went abroad"]
    rejects = [json.loads(one) for one in out.read_text().splitlines()]
    assert [(one["line"], one["reason"], one["record"]) for one in rejects] == [
        (20001, "quoting", '"torn","quote'), (30000, "number", text.splitlines()[29999])]
    sums = cli.json("cdr", "import", "-", "--source", "cli-1", stdin=text, status=1)
    assert (sums["added"], sums["already"], sums["refused"]) == (0, 29998, 2)
    assert sums["layout"] == "master+uniqueid+userfield" and sums["time_zone"] == "Asia/Tokyo"


def test_a_dry_run_shows_what_it_is(daemon, cli, tmp_path):
    tenant, file = new_tenant(daemon), tmp_path / "Master.csv"
    file.write_text(line(tenant, "1001", "01012125550100", columns=17) + line(tenant, "", "119", columns=17))
    said = cli("cdr", "import", file, "--source", "cli-2", "--dry-run").splitlines()
    assert said[0].startswith(f"{file}: layout master+uniqueid (2 of 2 records have 17 columns")
    assert "the 17th column is an id of a channel in 2" in said[0]
    assert said[1] == f"{file}: times in Asia/Tokyo (the default; the ids of the channels agree)"
    assert said[2].split()[:4] == ["TIME", "TENANT", "ACCOUNT", "NUMBER"]
    assert "01012125550100" in said[3] and "US" in said[3]
    assert said[-2] == ("dry run, nothing was changed; 2 records: 2 added, 0 were there already, 0 refused; "
                        "1 of the calls went abroad")
    assert said[-1].startswith("1 calls have no account")
    assert cli.json("cdr", "import", file, "--source", "cli-2")["added"] == 2


def test_unmapped(daemon, cli):
    cli.json("cdr", "import", "-", "--source", "cli-3", stdin=line("nobody-at-all", "1", "0312345678"), status=1)
    said = cli("cdr", "unmapped", "--source", "cli-3").splitlines()
    assert said[0].split() == ["SOURCE", "REASON", "RECORDS", "FIRST", "LAST", "WHAT", "STOOD", "THERE"]
    assert said[1].split()[:3] == ["cli-3", "unknown_tenant", "1"] and said[1].endswith("nobody-at-all")
    assert cli("cdr", "unmapped", "--source", "cli-3", "--clear") == "1 rows forgotten\n"
    assert cli("cdr", "unmapped", "--source", "cli-3") == "every record had a tenant and an account\n"


def test_what_cannot_be_read(cli, tmp_path):
    file = tmp_path / "x"
    assert "No such file" in cli("cdr", "import", file, status=2)
    file.write_text("1,2,3\n")
    assert "say which layout" in cli("cdr", "import", file, status=2)
    file.write_text("")
    assert cli("cdr", "import", file).startswith("0 records")

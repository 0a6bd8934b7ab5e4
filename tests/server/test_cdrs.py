"""POST /v1/cdrs: what is taken, what is refused and told by line, and that nothing counts twice."""
import datetime
import json

import pytest
from cdr import CSV, JAPAN, NDJSON, days_ago, line, send, sent, state_terms
from rest import new_tenant, problem


@pytest.fixture(scope="module", autouse=True)
def terms(daemon):
    state_terms(daemon)


def test_terms_come_first(start_daemon):
    daemon = start_daemon()
    text = line("acme", "1001", "0312345678")
    said = problem(send(daemon, text), 403, "forbidden")
    assert "sekisho cdr terms" in said["detail"] and "PUT /v1/cdrs/terms" in said["detail"]
    assert daemon.rest("GET", "/v1/cdrs/terms").status == 404
    for body, pointer in (({"retention_days": 3}, "/purpose"), ({"purpose": "", "retention_days": 3}, "/purpose"),
                          ({"purpose": "x", "retention_days": 0}, "/retention_days"),
                          ({"purpose": "x", "retention_days": "3"}, "/retention_days")):
        problem(daemon.rest("PUT", "/v1/cdrs/terms", body), 400, "invalid", pointer)
    state_terms(daemon, 30)
    audited = daemon.rest("GET", "/v1/audit?limit=1").json["records"][0]
    assert audited["action"] == "calls.terms" and audited["after"] == {"purpose": "tests", "retention_days": 30}
    assert sent(daemon, text)["refused"] == {"unknown_tenant": 1, "total": 1}
    assert daemon.rest("GET", "/v1/cdrs/terms").json["retention_days"] == 30


def test_roles(daemon):
    a, b = new_tenant(daemon), new_tenant(daemon)
    text = line(a, "1", "0312345678") + line(b, "1", "0312345678")
    assert sent(daemon, text, role="pbx")["added"] == 2
    said = sent(daemon, text, role="pbx", tenants=[a])
    assert (said["already"], said["refused"]) == (1, {"outside_token": 1, "total": 1})
    for role in ("tenant_admin", "tenant_viewer", "provisioning"):
        problem(send(daemon, text, role=role, tenants=[a] if role.startswith("tenant") else []), 403, "forbidden")


@pytest.mark.parametrize("columns", [16, 17, 18, 21])
def test_a_record_again_counts_once(daemon, columns):
    tenant = new_tenant(daemon)
    text = "".join(line(tenant, "1001", f"0312345{n:03}", columns=columns, serial=10 * columns + n) for n in range(7))
    first, again = sent(daemon, text), sent(daemon, text)
    assert (first["added"], first["already"]) == (7, 0)
    assert (again["added"], again["already"]) == (0, 7)
    assert first["layout"] == {16: "master", 17: "master+uniqueid", 18: "master+uniqueid+userfield",
                               21: "master+uniqueid+userfield+new"}[columns]
    # the same line twice in one body, too
    twice = line(tenant, "1001", "0311112222", columns=columns)
    assert sent(daemon, twice + twice)["added"] == 1


def test_what_is_refused_is_told_by_line(daemon):
    tenant = new_tenant(daemon)
    good = line(tenant, "1001", "0312345678")
    lines = [good,
             f'"{tenant}","1001","03123\n',                                             # torn
             f'"{tenant}","1001"\n',
             line(tenant, "1001", "s"),
             line("", "1001", "0312345678"),
             line("nobody-here", "1001", "0312345678"),
             line(tenant, "1001", "0312345678", at=days_ago(500)),
             line(tenant, "1001", "0312345678", at=days_ago(-1)),
             line(tenant, "1001", "0312345678").replace("from-internal", "\udc8e\udcf3"),  # Shift_JIS
             line(tenant, "1001", "0312345678").replace('"20', '"2x'),
             line(tenant, "1001", "0398765432")]
    text = "".join(lines).encode("utf-8", "surrogateescape")
    said = sent(daemon, text, query="source=pbx1&layout=master%2Buniqueid%2Buserfield&time_zone=Asia/Tokyo")
    reasons = {reject["line"]: reject["reason"] for reject in said["rejects"]}
    assert reasons == {2: "quoting", 3: "columns", 4: "number", 5: "no_tenant", 6: "unknown_tenant",
                       7: "too_old", 8: "future", 9: "charset", 10: "time"}
    assert said["added"] == 2 and said["records"] == said["lines"] == 11
    assert said["refused"]["total"] == 9 == sum(n for word, n in said["refused"].items() if word != "total")
    for reject in said["rejects"]:   # and where it stands
        start = reject["offset"]
        assert text[start:start + reject["bytes"]] == lines[reject["line"] - 1].encode("utf-8", "surrogateescape")


def test_json_lines(daemon):
    tenant = new_tenant(daemon, outside_line="0")
    at = days_ago(2)
    records = [{"start": at.isoformat(), "tenant": tenant, "account": "1001", "number": "0-010-1-212-555-0100",
                "seconds": 5, "disposition": "answered", "call_id": "x.1"},
               {"calldate": at.strftime("%Y-%m-%d %H:%M:%S"), "accountcode": tenant, "channel": "PJSIP/1002-0001",
                "dst": "00312345678", "billsec": "0", "disposition": "BUSY", "sequence": 3, "uniqueid": "y.2"},
               {"at": int(at.timestamp()), "tenant": tenant, "number": "119"}]
    text = "".join(json.dumps(record) + "\n" for record in records)
    said = sent(daemon, text, "source=other-pbx&dry_run=true", headers=NDJSON)
    assert said["layout"] is None and said["without_account"] == 1 and said["overseas"] == 1
    when = at.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [(call["at"], call["account"], call["number"], call["country"], call["disposition"])
            for call in said["sample"]] == [(when, "1001", "01012125550100", "US", "answered"),
                                            (when, "1002", "0312345678", None, "busy"),
                                            (when, None, "119", None, "other")]
    assert sent(daemon, text, "source=other-pbx", headers=NDJSON)["added"] == 3


def test_the_time_zone_is_seen_or_told(daemon):
    tenant = new_tenant(daemon)
    at = days_ago(3)
    local = line(tenant, "1001", "0312345678", at)
    utc = line(tenant, "1001", "0312345678", at, zone=datetime.timezone.utc)
    when = at.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    def dry(text, query=""):
        return sent(daemon, text, "source=pbx1&dry_run=true" + query)
    for text, zone in ((local, "Asia/Tokyo"), (utc, "UTC")):
        said = dry(text)
        assert (said["time_zone"], said["sample"][0]["at"], said["warning"]) == (zone, when, None)
    said = dry(utc, "&time_zone=Asia/Tokyo")   # what is told counts, and is doubted
    assert said["time_zone_why"] == "as told" and "usegmtime" in said["warning"] and said["sample"][0]["at"] != when
    assert dry(utc, "&time_zone=%2B00:00")["sample"][0]["at"] == when
    without_id = line(tenant, "1001", "0312345678", at, columns=16)
    assert dry(without_id)["time_zone_why"] == "the default" and dry(without_id)["sample"][0]["at"] == when


def test_what_does_not_fit_is_an_error_of_the_query(daemon):
    good = line(new_tenant(daemon), "1", "0312345678")
    for query, word in (("", "source"), ("source=PBX", "source"), ("source=p&layout=foo", "layout"),
                        ("source=p&time_zone=Mars/Base", "time_zone"), ("source=p&map=tenant", "map"),
                        ("source=p&dry_run=1", "dry_run"), ("source=p&rejects=none", "rejects"),
                        ("source=p&file=x", "mark"), ("source=p&position=-1&file=x&mark=y", "position")):
        assert word in problem(send(daemon, good, query), 400, "invalid")["detail"], query
    assert "UTF-16" in problem(send(daemon, good.encode("utf-16")), 400, "invalid")["detail"]
    assert "layout" in problem(send(daemon, "a,b\n"), 400, "invalid")["detail"]
    problem(send(daemon, good, headers={"Content-Type": "text/plain"}), 415, "unsupported_media_type")


def test_mapping_and_what_has_none(daemon):
    tenant = new_tenant(daemon)
    odd = line("", "1001", "0312345678", context="odd").replace("PJSIP/1001", f"PJSIP/{tenant}-1001")
    source = f"of-{tenant}"
    said = sent(daemon, odd + line("nobody", "1", "0312345678"), f"source={source}")
    assert said["refused"] == {"no_tenant": 1, "unknown_tenant": 1, "total": 2}
    listed = daemon.rest("GET", f"/v1/cdrs/unmapped?source={source}").json["unmapped"]
    assert [(row["reason"], row["value"], row["records"]) for row in listed] == [
        ("no_tenant", f'accountcode "", endpoint "{tenant}-1001", context "odd"', 1), ("unknown_tenant", "nobody", 1)]
    said = sent(daemon, odd, f"source={source}&dry_run=true&map=channel=PJSIP/%7Btenant%7D-%7Baccount%7D-*")
    assert [(call["tenant"], call["account"]) for call in said["sample"]] == [(tenant, "1001")]
    said = sent(daemon, odd, f"source={source}&map=tenant:{tenant}+account=src+context!=od*")
    assert (said["added"], said["other_context"], said["refused"]["total"]) == (0, 1, 0)
    assert daemon.rest("DELETE", f"/v1/cdrs/unmapped?source={source}").json == {"removed": 2}
    assert daemon.rest("GET", f"/v1/cdrs/unmapped?source={source}").json["unmapped"] == []


def test_unmapped_rows_are_bounded(daemon):
    at = days_ago(1)
    for start in range(0, 1300, 100):
        text = "".join(line(f"no-{n}", "1", "0312345678", at) for n in range(start, start + 100))
        assert sent(daemon, text, "source=crowd")["refused"]["total"] == 100
    rows, cursor = [], ""
    while cursor is not None:
        page = daemon.rest("GET", f"/v1/cdrs/unmapped?source=crowd&limit=100{cursor}").json
        rows += page["unmapped"]
        cursor = page["next"] and f"&cursor={page['next']}"
    assert len(rows) == 1001 and sum(row["records"] for row in rows) == 1300
    assert [row["records"] for row in rows if row["value"] is None] == [300]


def test_many_rejects_end_the_body_early(daemon):
    text = "".join(line("nobody", "1", "0312345678", serial=n) for n in range(1, 26001))
    some = sent(daemon, text, "source=pbx1&dry_run=true")
    assert len(some["rejects"]) == 100 and some["refused"]["total"] == 26000
    lines = body = 0
    while body < len(text):
        said = sent(daemon, text[body:], "source=pbx1&dry_run=true&rejects=all")
        assert len(said["rejects"]) == said["refused"]["total"] <= 24000 and said["bytes"] > 0
        body, lines = body + said["bytes"], lines + said["lines"]
    assert lines == 26000


def test_the_place_in_a_file_goes_with_its_records(daemon):
    tenant = new_tenant(daemon)
    text = line(tenant, "1", "0312345678") + line(tenant, "1", "0312345679")
    query = "source=pbx-f&last=false&file=/var/log/Master.csv&mark=i7"
    half = text[:-20]
    first = sent(daemon, half, query)
    whole = text.index("\n") + 1
    assert first["added"] == 1 and first["bytes"] == whole
    assert first["follow"] == {"file": "/var/log/Master.csv", "mark": "i7", "position": whole, "version": 1}
    problem(send(daemon, text[whole:], query + f"&position={whole}"), 412, "stale")     # who did not see that
    second = sent(daemon, text[whole:], query + f"&position={whole}&version=1")
    assert second["added"] == 1
    assert second["follow"] == {"file": "/var/log/Master.csv", "mark": "i7", "position": len(text), "version": 2}
    switched = sent(daemon, "", query.replace("i7", "i8") + "&position=0&version=2")
    assert switched["follow"] == {"file": "/var/log/Master.csv", "mark": "i8", "position": 0, "version": 3}
    dry = sent(daemon, text, query + "&version=3&dry_run=true")
    assert dry["already"] == 2
    rows = [row for row in daemon.rest("GET", "/v1/cdrs/follows").json["follows"] if row["source"] == "pbx-f"]
    assert [(row["mark"], row["position"], row["version"]) for row in rows] == [("i8", 0, 3)]


def test_asterisk_22_tenantid(daemon):
    tenant = new_tenant(daemon)
    record = {"start": days_ago(1).isoformat(), "tenantid": tenant, "accountcode": "other", "channel": "PJSIP/9-1",
              "dst": "+12125550100"}
    said = sent(daemon, json.dumps(record) + "\n", "source=a22&dry_run=true", headers=NDJSON)
    assert [(call["tenant"], call["account"]) for call in said["sample"]] == [(tenant, "9")]


def test_a_header_names_the_columns(daemon):
    tenant = new_tenant(daemon)
    shown = days_ago(1).astimezone(JAPAN).strftime("%Y-%m-%d %H:%M:%S")
    text = f"calldate,dst,accountcode,src,billsec,whatever\n{shown},0312345678,{tenant},1001,5,x\n"
    said = sent(daemon, text, "source=pbx1&dry_run=true", headers=CSV)
    assert said["layout"] == "columns:start,dst,accountcode,src,billsec,"
    assert said["records"] == 1 and said["sample"][0]["seconds"] == 5

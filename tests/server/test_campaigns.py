"""Campaigns from the outside: planned, ordered, applied, in force, undone, and told as evidence."""
import csv
import hashlib
import io
import json
import os
import subprocess
import threading
import time

import pytest
from campaigning import SINCE, accounts, order, plan, rules, states, wait_for
from daemon import BUILD
from rest import ANY, all_pages, as_role, new_tenant, problem, verdict

ABROAD = "010-1-212-555-0100"


def test_the_whole_way(daemon):
    tenant = new_tenant(daemon, ["1001", "1002", "1003"])
    campaign = plan(daemon, [tenant], selection={"exclude": [f"{tenant}/1003"]})
    assert states(daemon, campaign) == {(tenant, "1001"): ("planned", "too_young"),
                                        (tenant, "1002"): ("planned", "too_young"),
                                        (tenant, "1003"): ("out", "excluded")}
    assert verdict(daemon, tenant, "1001", ABROAD) == "allow"  # nothing changes before it is applied
    order(daemon, campaign, "apply")
    seen = wait_for(daemon, campaign, "applied")
    assert (seen["counts"]["applied"], seen["counts"]["out"], seen["progress"]) == (2, 1, None)
    in_force(daemon, tenant, "1001", "deny")
    assert verdict(daemon, tenant, "1003", ABROAD) == "allow"
    assert verdict(daemon, tenant, "1001", "110") == "allow"
    source = f"campaign:{campaign}"
    assert rules(daemon, tenant) == [("1001", "010", "deny", source), ("1002", "010", "deny", source)]
    order(daemon, campaign, "undo")
    wait_for(daemon, campaign, "undone")
    in_force(daemon, tenant, "1001", "allow")
    assert rules(daemon, tenant) == []


def in_force(daemon, tenant, account, expected):
    deadline = time.monotonic() + 20
    while verdict(daemon, tenant, account, ABROAD) != expected:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_whole_tenants_and_another_rule(daemon):
    tenants = [new_tenant(daemon, ["1"]), new_tenant(daemon)]
    campaign = plan(daemon, tenants, selection={"level": "tenant"},
                    rule={"target": "country:us", "action": "divert", "divert_to": "voicemail", "note": "let us talk"})
    assert set(accounts(daemon, campaign)) == {(tenant, None) for tenant in tenants}
    order(daemon, campaign, "apply")
    wait_for(daemon, campaign, "applied")
    in_force(daemon, tenants[0], "1", "divert")
    assert rules(daemon, tenants[1]) == [("", "country:US", "divert", f"campaign:{campaign}")]


def test_only_of_a_profile(daemon):
    tenants = [new_tenant(daemon, ["1"]), new_tenant(daemon, ["1"], profile="standard")]
    campaign = plan(daemon, tenants, selection={"profiles": ["standard"]}, rule={"target": "0570", "action": "deny"})
    assert set(accounts(daemon, campaign)) == {(tenants[1], "1")}


def test_what_is_wanted_is_understood(daemon):
    def refused(body, pointer, code="invalid", status=400):
        problem(daemon.rest("POST", "/v1/campaigns", {"name": "x", "selection": {"since": SINCE}} | body), status, code, pointer)
    refused({"name": ""}, "/name")
    refused({"name": None}, "/name")
    refused({"selection": {}}, "/selection/since")
    refused({"selection": {"since": "yesterday"}}, "/selection/since")
    refused({"selection": {"since": "2100-01-01T00:00:00Z"}}, "/selection/since")
    refused({"selection": {"since": "1990-01-01T00:00:00Z"}}, "/selection/since")
    refused({"selection": {"since": SINCE, "days_min": 3660}}, "/selection/since")
    refused({"selection": {"since": SINCE, "days_min": 0}}, "/selection/days_min")
    refused({"selection": {"since": SINCE, "level": "planet"}}, "/selection/level")
    refused({"selection": {"since": SINCE, "tenants": ["UPPER"]}}, "/selection/tenants/0")
    refused({"selection": {"since": SINCE, "tenants": "acme"}}, "/selection/tenants")
    refused({"selection": {"since": SINCE, "exclude": ["acme/1/2"]}}, "/selection/exclude/0")
    refused({"selection": {"since": SINCE, "exclude": ["a"] * 10001}}, "/selection/exclude", "limit", 422)
    refused({"selection": {"since": SINCE, "everybody": True}}, "/selection/everybody")
    refused({"rule": {"target": "+81", "action": "deny"}}, "/rule/target")
    refused({"rule": {"target": "country:XQ", "action": "deny"}}, "/rule/target")
    refused({"rule": {"target": "010", "action": "deny", "match": "exact"}}, "/rule/match")
    refused({"rule": {"target": "010", "action": "divert"}}, "/rule/divert_to")
    refused({"grace_days": 9999}, "/grace_days")
    refused({"rate": -1}, "/rate")
    refused({"rate": 1.5}, "/rate")
    refused({"apply_at": "soon"}, "/apply_at")
    refused({"surprise": 1}, "/surprise")


def test_what_is_not_there(daemon):
    for campaign in ("01KZZZZZZZZZZZZZZZZZZZZZZZ", "nonsense", "..%2F.."):
        for method, path, body in (("GET", "", None), ("GET", "/accounts", None), ("GET", "/report", None),
                                   ("GET", "/report.csv", None), ("POST", "/apply", {}), ("POST", "/undo", None),
                                   ("POST", "/answers", {"tenant": "acme", "answer": "agree"})):
            problem(daemon.rest(method, f"/v1/campaigns/{campaign}{path}", body), 404, "not_found")
    tenant = new_tenant(daemon, ["1"])
    campaign = plan(daemon, [tenant])
    for query in ("state=none", "reason=none", "reason=", "limit=0", "cursor=x"):
        problem(daemon.rest("GET", f"/v1/campaigns/{campaign}/accounts?{query}"), 400, "invalid")
    problem(daemon.rest("GET", f"/v1/campaigns/{campaign}?reasons=maybe"), 400, "invalid")
    problem(daemon.rest("POST", f"/v1/campaigns/{campaign}/apply", {"force": "yes"}), 400, "invalid", "/force")
    problem(daemon.rest("POST", f"/v1/campaigns/{campaign}/apply", {"rate": -5}), 400, "invalid", "/rate")


@pytest.mark.parametrize("role", ["tenant_admin", "tenant_viewer", "provisioning", "pbx"])
def test_operators_only(daemon, role):
    tenant = new_tenant(daemon, ["1"])
    campaign = plan(daemon, [tenant])
    ask = as_role(daemon, role, tenant)
    for method, path, body in (("GET", "", None), ("POST", "", {"name": "x", "selection": {"since": SINCE}}),
                               ("GET", f"/{campaign}", None), ("POST", f"/{campaign}/apply", {"force": True}),
                               ("POST", f"/{campaign}/undo", None), ("GET", f"/{campaign}/report.csv", None)):
        problem(ask(method, f"/v1/campaigns{path}", body), 403, "forbidden")


def test_wrong_states(daemon):
    tenant = new_tenant(daemon, ["1"])
    campaign = plan(daemon, [tenant])

    def refused(verb, body=None):
        return problem(order(daemon, campaign, verb, body, 409), 409, "wrong_state")["detail"]
    assert "notify" in refused("apply", {})
    for verb in ("pause", "resume", "undo"):
        refused(verb)
    order(daemon, campaign, "apply")
    wait_for(daemon, campaign, "applied")
    refused("apply")  # twice
    refused("notify")
    refused("cancel")
    order(daemon, campaign, "undo")
    wait_for(daemon, campaign, "undone")
    refused("undo")
    refused("apply")
    assert len([r for r in all_pages(daemon, f"/v1/tenants/{tenant}/audit", "records")
                if r["action"] in ("rule.create", "rule.delete")]) == 2


def test_two_operators_at_once(daemon):
    tenant = new_tenant(daemon, [str(n) for n in range(30)])
    campaign = plan(daemon, [tenant])
    answers, start = [], threading.Barrier(4)

    def apply():
        start.wait()
        answers.append(daemon.rest("POST", f"/v1/campaigns/{campaign}/apply", {"force": True}).status)
    threads = [threading.Thread(target=apply) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [202, 409, 409, 409]
    assert wait_for(daemon, campaign, "applied")["counts"]["applied"] == 30
    assert len(rules(daemon, tenant)) == 30


def test_the_same_order_again_is_the_same_answer(daemon):
    tenant = new_tenant(daemon, ["1"])
    campaign = plan(daemon, [tenant])
    key = {"Idempotency-Key": f"apply-{campaign}"}
    first = daemon.rest("POST", f"/v1/campaigns/{campaign}/apply", {"force": True}, headers=key)
    again = daemon.rest("POST", f"/v1/campaigns/{campaign}/apply", {"force": True}, headers=key)
    assert first.status == again.status == 202 and first.text == again.text


def test_pause_resume_cancel(daemon):
    tenant = new_tenant(daemon, [f"{n:03}" for n in range(40)])
    campaign = plan(daemon, [tenant], rate=10)
    order(daemon, campaign, "apply")
    deadline = time.monotonic() + 30
    while daemon.rest("GET", f"/v1/campaigns/{campaign}").json["counts"]["applied"] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    order(daemon, campaign, "pause")
    paused = daemon.rest("GET", f"/v1/campaigns/{campaign}").json
    assert paused["paused"] and paused["state"] == "applying"
    time.sleep(0.5)  # nothing may happen: there is nothing to wait for
    assert daemon.rest("GET", f"/v1/campaigns/{campaign}").json["counts"] == paused["counts"]
    order(daemon, campaign, "pause", status=409)
    order(daemon, campaign, "resume")
    while daemon.rest("GET", f"/v1/campaigns/{campaign}").json["counts"] == paused["counts"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    order(daemon, campaign, "cancel")
    canceled = daemon.rest("GET", f"/v1/campaigns/{campaign}").json
    assert canceled["state"] == "canceled" and 0 < canceled["counts"]["applied"] < 40
    order(daemon, campaign, "undo")
    assert wait_for(daemon, campaign, "undone")["counts"]["undone"] == canceled["counts"]["applied"]
    assert rules(daemon, tenant) == []


def test_what_happens_meanwhile(daemon):
    tenant, other = new_tenant(daemon, ["1", "2", "3", "4", "5"]), new_tenant(daemon, ["1"])
    campaign = plan(daemon, [tenant, other])
    path = f"/v1/tenants/{tenant}"
    assert daemon.rest("DELETE", f"{path}/accounts/1", headers=ANY).status == 204
    assert daemon.rest("DELETE", f"{path}/accounts/2", headers=ANY).status == 204
    time.sleep(0.002)  # made anew is told by the millisecond
    assert daemon.rest("PUT", f"{path}/accounts/2", {}).status == 201
    admin = as_role(daemon, "tenant_admin", tenant)
    assert admin("POST", f"{path}/rules", {"account": "3", "prefix": "010", "action": "allow"}).status == 201
    assert daemon.rest("DELETE", f"/v1/tenants/{other}", headers=ANY).status == 204
    daemon.authorize(tenant, "4", ABROAD)
    deadline = time.monotonic() + 20
    while not daemon.rest("GET", f"{path}/attempts?account=4").json["attempts"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    order(daemon, campaign, "apply")
    wait_for(daemon, campaign, "applied")
    assert states(daemon, campaign) == {
        (tenant, "1"): ("skipped", "gone"), (tenant, "2"): ("skipped", "remade"),
        (tenant, "3"): ("skipped", "customer_rule"), (tenant, "4"): ("skipped", "attempted"),
        (tenant, "5"): ("applied", "too_young"), (other, "1"): ("skipped", "gone")}
    assert ("3", "010", "allow", "customer") in rules(daemon, tenant)


def test_undo_leaves_later_edits(daemon):
    tenant = new_tenant(daemon, ["1", "2", "3"])
    campaign = plan(daemon, [tenant])
    order(daemon, campaign, "apply")
    wait_for(daemon, campaign, "applied")
    rule = {account: row["rule"] for (_, account), row in accounts(daemon, campaign).items()}
    path = f"/v1/tenants/{tenant}/rules"
    admin = as_role(daemon, "tenant_admin", tenant)
    assert admin("PATCH", f"{path}/{rule['1']}", {"note": "we like it"}, headers=ANY).status == 200
    assert admin("DELETE", f"{path}/{rule['2']}", headers=ANY).status == 204
    order(daemon, campaign, "undo")
    wait_for(daemon, campaign, "undone")
    assert states(daemon, campaign) == {(tenant, "1"): ("kept", "rule_changed"), (tenant, "2"): ("kept", "rule_deleted"),
                                        (tenant, "3"): ("undone", "too_young")}
    assert [rule[:3] for rule in rules(daemon, tenant)] == [("1", "010", "deny")]


def test_answers(daemon):
    tenant = new_tenant(daemon, ["1", "2"])
    campaign = plan(daemon, [tenant])
    path = f"/v1/campaigns/{campaign}/answers"
    answer = daemon.rest("POST", path, {"tenant": tenant, "account": "1", "answer": "leave_open", "by": "山田"})
    assert answer.status == 200 and answer.json["counts"]["answered"] == 1
    row = accounts(daemon, campaign, "?state=answered")[tenant, "1"]
    assert (row["answer"]["by"], row["answer"]["via"]) == ("山田", "operator") and row["answer"]["address"]
    problem(daemon.rest("POST", path, {"tenant": tenant, "account": "9", "answer": "agree"}), 404, "not_found")
    problem(daemon.rest("POST", path, {"tenant": "nobody", "answer": "agree"}), 404, "not_found")
    problem(daemon.rest("POST", path, {"tenant": tenant, "answer": "perhaps"}), 400, "invalid", "/answer")
    order(daemon, campaign, "apply")
    wait_for(daemon, campaign, "applied")
    assert [rule[0] for rule in rules(daemon, tenant)] == ["2"]
    problem(daemon.rest("POST", path, {"tenant": tenant, "account": "2", "answer": "leave_open"}), 409, "wrong_state")


def test_report(daemon):
    tenant = new_tenant(daemon, ["1", "2"])
    campaign = plan(daemon, [tenant], selection={"exclude": [f"{tenant}/2"]})
    daemon.rest("POST", f"/v1/campaigns/{campaign}/answers",
                {"tenant": tenant, "answer": "agree", "by": "=1+1"})  # no spreadsheet is to believe it
    applied = order(daemon, campaign, "apply")
    wait_for(daemon, campaign, "applied")
    report = daemon.rest("GET", f"/v1/campaigns/{campaign}/report").json
    file = daemon.rest("GET", f"/v1/campaigns/{campaign}/report.csv")
    assert file.headers["Content-Type"].startswith("text/csv")
    assert report["accounts"] == {"lines": 2, "sha256": hashlib.sha256(file.body).hexdigest()}
    lines = {line["account"]: line for line in csv.DictReader(io.StringIO(file.text))}
    assert (lines["1"]["state"], lines["2"]["state"], lines["2"]["reason"]) == ("applied", "out", "excluded")
    assert lines["1"]["answer_by"] == "'=1+1" and lines["1"]["revision"] and lines["1"]["applied_at"]
    assert [step["action"] for step in report["trail"]] == [
        "campaign.create", "campaign.planned", "campaign.apply", "campaign.applied"]
    request = report["trail"][2]["request_id"]
    assert request == applied.headers["Request-Id"]
    [record] = [record for record in all_pages(daemon, f"/v1/tenants/{tenant}/audit", "records")
                if record["object"] == lines["1"]["rule"]]
    assert (record["action"], record["request_id"]) == ("rule.create", request)


def test_a_list_of_many(daemon):
    tenant = new_tenant(daemon, [f"{n:03}" for n in range(120)])
    campaign = plan(daemon, [tenant])
    assert len(accounts(daemon, campaign)) == 120
    assert [row["id"] for row in daemon.rest("GET", "/v1/campaigns?limit=1").json["campaigns"]] == [campaign]
    reasons = daemon.rest("GET", f"/v1/campaigns/{campaign}?reasons=true").json["reasons"]
    assert reasons == [{"state": "planned", "reason": "too_young", "accounts": 120}]


def test_metrics(daemon):
    tenant = new_tenant(daemon, ["1"])
    plan(daemon, [tenant])
    text = daemon.rest("GET", "/metrics", role=None).text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("sekisho_campaign"))
    assert float(values["sekisho_campaign_planned_total"]) >= 1


# --- told -----------------------------------------------------------------------------------------

def test_notices(daemon):
    told = new_tenant(daemon, ["1", "2"], locale="ja", contacts=[{"name": "総務", "email": "soumu@told.example"}])
    silent = new_tenant(daemon, ["1"])
    campaign = plan(daemon, [told, silent], grace_days=3)
    order(daemon, campaign, "notify")
    seen = wait_for(daemon, campaign, "notified")
    assert (seen["counts"]["notified"], seen["counts"]["planned"]) == (2, 1)
    assert seen["apply_at"] > seen["created_at"]
    messages = daemon.rest("GET", f"/v1/outbox?about=campaign:{campaign}").json["messages"]
    assert [(message["tenant"], message["address"]) for message in messages] == [(told, "soumu@told.example")]
    assert "not before" in problem(order(daemon, campaign, "apply", {}, 409), 409, "wrong_state")["detail"]
    order(daemon, campaign, "notify")  # again: nobody gets the same twice for the same date
    wait_for(daemon, campaign, "notified")
    assert len(daemon.rest("GET", f"/v1/outbox?about=campaign:{campaign}").json["messages"]) == 1


def test_who_was_not_told_is_left_alone(daemon):
    told = new_tenant(daemon, ["1"], contacts=[{"email": "it@told.example"}])
    silent = new_tenant(daemon, ["1"])
    campaign = plan(daemon, [told, silent], grace_days=0)
    order(daemon, campaign, "notify")
    wait_for(daemon, campaign, "notified")
    order(daemon, campaign, "apply", {})
    wait_for(daemon, campaign, "applied")
    assert states(daemon, campaign) == {(told, "1"): ("skipped", "not_told"),  # the daemon has no relay
                                        (silent, "1"): ("skipped", "not_told")}
    order(daemon, campaign, "apply")  # by force
    assert wait_for(daemon, campaign, "applied")["counts"]["applied"] == 2
    assert "it@told.example" in daemon.rest("GET", f"/v1/campaigns/{campaign}/report.csv").text


# --- the command line -------------------------------------------------------------------------------

@pytest.fixture
def cli(daemon):
    def run(*words, status=0):
        done = subprocess.run([BUILD / "sekisho", "campaign", *words], capture_output=True, text=True, timeout=120,
                              env=os.environ | {"SEKISHO_URL": f"http://127.0.0.1:{daemon.ports['admin']}",
                                                "SEKISHO_TOKEN": daemon.token()})
        assert done.returncode == status, done
        return done
    return run


def test_the_command_line(daemon, cli, tmp_path):
    tenant = new_tenant(daemon, ["1", "2", "3"])
    assert "--since" in cli("plan", "x", status=2).stderr
    assert "/selection/since" in cli("plan", "x", "--since", "2100-01-01", status=2).stderr
    told = cli("plan", "late night", "--since", "2024-01-01", "--unknown", "--tenant", tenant, "--exclude", f"{tenant}/3",
               "--rate", "0").stdout
    assert "is planned: 2 planned, 1 out" in told
    campaign = told.split()[1]
    assert "nothing was done; apply would look at 2 accounts" in cli("apply", campaign, "--force", "--dry-run").stdout
    assert rules(daemon, tenant) == []
    assert "nobody has been told" in cli("apply", campaign, status=2).stderr
    cli("answer", campaign, tenant, "leave_open", "--account", "2", "--by", "Sato")
    assert "is applied: 1 answered, 1 applied, 1 out" in cli("apply", campaign, "--force").stdout
    assert "is applied" in cli("answer", campaign, tenant, "leave_open", "--account", "1", status=2).stderr
    assert "excluded" in cli("show", campaign).stdout
    assert "excluded" in cli("accounts", campaign, "--state", "out").stdout
    assert json.loads(cli("accounts", campaign, "--json").stdout)["accounts"][0]["account"] == "1"
    report = cli("report", campaign)
    assert hashlib.sha256(report.stdout.encode()).hexdigest() in report.stderr
    file = tmp_path / "report.json"
    cli("report", campaign, "--format", "json", "--output", file)
    assert len(json.loads(file.read_text())["accounts"]["list"]) == 3
    assert "name another file" in cli("report", campaign, "--output", file, status=2).stderr  # evidence is not written over
    assert "is undone: 1 answered, 1 undone, 1 out" in cli("undo", campaign).stdout
    assert campaign in cli("list").stdout
    cli("cancel", campaign, status=2)
    cli("show", "nonsense", status=2)


def test_the_command_line_says_that_mails_wait(daemon, cli):
    tenant = new_tenant(daemon, ["1"], contacts=[{"email": "it@waiting.example"}])  # and the daemon has no relay
    campaign = plan(daemon, [tenant], grace_days=0)
    told = cli("notify", campaign)
    assert "1 notified" in told.stdout and f"--state waiting --about campaign:{campaign}" in told.stderr
    told = cli("apply", campaign)
    assert "1 skipped" in told.stdout and "applied," not in told.stdout and "--smtp" in told.stderr

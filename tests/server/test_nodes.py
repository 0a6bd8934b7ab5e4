"""Nodes and receipts on one SQLite file, where there can be one daemon: what it says of itself, and of
another whose row was put into the file while nobody had it open."""
import re
import shutil
import sqlite3
import subprocess
import threading
import time

import pytest
from daemon import BUILD, ROOT
from rest import ANY, as_role, new_tenant, problem, revision

LOST_SECONDS = 10  # after which a silent node counts no more


def propagation(daemon, tenant, **query):
    where = f"tenants/{tenant}" if tenant else "platform"
    query = "&".join(f"{name}={value}" for name, value in query.items())
    answer = daemon.rest("GET", f"/v1/{where}/propagation?{query}")
    assert answer.status == 200, answer
    return answer.json


def nodes(daemon):
    answer = daemon.rest("GET", "/v1/nodes")
    assert answer.status == 200, answer
    return answer.json["nodes"]


def add_rule(daemon, tenant, prefix="0101"):
    answer = daemon.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": prefix, "action": "deny"})
    assert answer.status == 201, answer
    return int(answer.headers["Sekisho-Revision"])


def eventually(holds, seconds=5):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def put_ghost(daemon, name="ghost", complete=0, keys=None):
    """A node that is not there; only while the daemon is stopped."""
    database = sqlite3.connect(daemon.folder / "store.db")
    with database:
        now_ms = int(time.time() * 1000)
        database.execute("INSERT INTO nodes VALUES (?, 'ANOTHER', 'https://ghost.example', '0.0.9', ?, 1, '2026.1', 'd', '', ?, 1, ?, ?)",
                         (name, keys or "0" * 32, complete, now_ms, now_ms))
        database.execute("INSERT INTO receipts VALUES (?, ?, ?)", (name, complete, now_ms))
    database.close()


# --- one node --------------------------------------------------------------------------------------------


def test_a_node_says_who_it_is(daemon):
    node, = nodes(daemon)
    assert (node["name"], node["status"], node["self"]) == ("tokyo-1", "live", True)
    assert re.fullmatch("[0-9a-f]{32}", node["keys"])
    assert node["started_at"] <= node["heartbeat_at"]
    assert f" node name=tokyo-1 keys={node['keys'][:12]}" in daemon.log()


def test_it_beats(daemon):
    first = nodes(daemon)[0]["heartbeat_at"]
    eventually(lambda: nodes(daemon)[0]["heartbeat_at"] > first)


def test_a_change_is_in_force_here_at_once(daemon):
    tenant = new_tenant(daemon)
    wanted = add_rule(daemon, tenant)
    told = propagation(daemon, tenant, revision=wanted, wait=2000)
    assert told["revision"] == wanted and told["in_force"] is True and told["lost"] == []
    node, = told["nodes"]
    assert (node["name"], node["in_force"], node["revision"]) == ("tokyo-1", True, wanted)
    audit = daemon.rest("GET", f"/v1/tenants/{tenant}/audit").json["records"][0]
    assert node["since"] >= audit["at"]
    # of an earlier revision, and without naming one
    assert propagation(daemon, tenant, revision=wanted - 1)["in_force"] is True
    assert propagation(daemon, tenant)["revision"] == wanted


def test_a_beat_follows_a_change_at_once(daemon):
    tenant = new_tenant(daemon)
    waits = []
    for prefix in ("0101", "0102", "0103", "0104", "0105"):
        wanted = add_rule(daemon, tenant, prefix)
        begun = time.monotonic()
        assert propagation(daemon, tenant, revision=wanted, wait=5000)["in_force"]
        waits.append(time.monotonic() - begun)
    assert sorted(waits)[2] < 0.5, waits  # the heartbeat alone would take half a second on average, up to one


def test_a_revision_that_is_not_there_yet(daemon):
    tenant = new_tenant(daemon)
    begun = time.monotonic()
    told = propagation(daemon, tenant, revision=revision(daemon, tenant) + 1, wait=300)
    assert time.monotonic() - begun >= 0.3
    assert told["in_force"] is False
    assert told["nodes"][0]["in_force"] is False and told["nodes"][0]["since"] is None


def test_who_waits_is_answered_when_it_comes(daemon):
    tenant = new_tenant(daemon)
    wanted, told = revision(daemon, tenant) + 1, {}
    waiter = threading.Thread(target=lambda: told.update(propagation(daemon, tenant, revision=wanted, wait=5000)))
    waiter.start()
    time.sleep(0.2)
    assert add_rule(daemon, tenant) == wanted
    waiter.join(4)
    assert told["in_force"] is True


def test_many_who_wait_do_not_stop_the_others(daemon):
    tenant = new_tenant(daemon)
    waiters = [threading.Thread(target=propagation, args=(daemon, tenant), kwargs={"revision": 99, "wait": 1500})
               for _ in range(12)]
    begun = time.monotonic()
    for waiter in waiters:
        waiter.start()
    for waiter in waiters:
        waiter.join()
    assert time.monotonic() - begun < 6, "no more than a few wait at a time"
    assert daemon.rest("GET", "/livez", role=None).status == 200


def test_a_deletion_has_a_receipt_too(daemon):
    tenant = new_tenant(daemon)
    answer = daemon.rest("DELETE", f"/v1/tenants/{tenant}", headers=ANY)
    told = propagation(daemon, tenant, revision=answer.headers["Sekisho-Revision"], wait=2000)
    assert told["in_force"] is True


def test_platform_rules_and_profiles(daemon):
    made = daemon.rest("POST", "/v1/platform/rules", {"prefix": "0101876", "action": "deny"})
    try:
        wanted = int(made.headers["Sekisho-Revision"])
        assert propagation(daemon, "", revision=wanted, wait=2000)["in_force"] is True
        assert nodes(daemon)[0]["platform_revision"] >= wanted
    finally:
        daemon.rest("DELETE", made.headers["Location"], headers=ANY)


def test_what_is_refused(daemon):
    tenant = new_tenant(daemon)
    for query in ("revision=", "revision=-1", "revision=1x", "revision=1234567890123456789", "wait=5001", "wait=1.5"):
        problem(daemon.rest("GET", f"/v1/tenants/{tenant}/propagation?{query}"), 400, "invalid")
    problem(daemon.rest("GET", f"/v1/tenants/{tenant}/propagation?until=1"), 400, "invalid")
    problem(daemon.rest("GET", "/v1/tenants/nobody/propagation"), 404, "not_found")


def test_a_customer_sees_its_own(daemon):
    one, other = new_tenant(daemon), new_tenant(daemon)
    for role in ("tenant_admin", "tenant_viewer"):
        ask = as_role(daemon, role, one)
        assert ask("GET", f"/v1/tenants/{one}/propagation").status == 200
        problem(ask("GET", f"/v1/tenants/{other}/propagation"), 404, "not_found")
        problem(ask("GET", "/v1/platform/propagation"), 403, "forbidden")
        problem(ask("GET", "/v1/nodes"), 403, "forbidden")


def damage(daemon, tenant):
    """A rule of the tenant as no program writes it; only while the daemon is stopped."""
    database = sqlite3.connect(daemon.folder / "store.db")
    database.execute("PRAGMA ignore_check_constraints = ON")
    with database:
        assert database.execute("UPDATE rules SET action = 'perhaps' WHERE tenant = ?", (tenant,)).rowcount == 1
    database.close()


def metric(daemon, name):
    return float(re.search(rf"^{name} (\S+)$", daemon.http("admin", "GET", "/metrics").text, re.M).group(1))


def test_rules_that_cannot_be_put_in_force_are_nobody_elses_trouble(start_daemon):
    """And no receipt says that they are, nor does an answer pretend."""
    daemon = start_daemon("--node=here")
    sick, well = new_tenant(daemon), new_tenant(daemon)
    wanted, other = add_rule(daemon, sick), add_rule(daemon, well)
    daemon.stop()
    damage(daemon, sick)
    daemon.start()
    assert daemon.http("dial", "GET", "/readyz").status == 200
    assert re.search(rf" error ruleset_failed tenant={sick} revision={wanted} reason=.*rule .*damaged action", daemon.log())
    assert metric(daemon, "sekisho_rulesets_behind") == 1
    answer = daemon.authorize(sick, number="0101 212 555 0100").json
    assert (answer["verdict"], answer["reason"], answer["degraded"]) == ("deny", "floor", "floor")
    assert daemon.authorize(well, number="0101 212 555 0100").json.get("degraded") is None
    told = propagation(daemon, sick, revision=wanted)
    assert told["in_force"] is False
    assert [(one["failed"], one["in_force"], one["since"], one["revision"]) for one in told["nodes"]] == [
        (True, False, None, None)]
    assert propagation(daemon, well, revision=other, wait=3000)["in_force"] is True
    # until there is something newer
    gone = daemon.rest("DELETE", f"/v1/tenants/{sick}", headers=ANY)
    told = propagation(daemon, sick, revision=gone.headers["Sekisho-Revision"], wait=3000)
    assert told["in_force"] is True and told["nodes"][0]["failed"] is False
    assert daemon.authorize(sick, number="0101 212 555 0100").json["reason"] == "unknown_tenant"
    assert metric(daemon, "sekisho_rulesets_behind") == 0


def test_numbering_data_have_receipts_by_content(start_daemon, tmp_path):
    daemon = start_daemon("--node=here")
    told = daemon.rest("GET", "/v1/numbering/propagation").json
    assert told["in_force"] is True and [node["name"] for node in told["nodes"]] == ["here"]
    assert re.fullmatch("[0-9a-f]{16}", told["numbering_data"])
    assert (nodes(daemon)[0]["numbering"], nodes(daemon)[0]["numbering_data"]) == (told["numbering"], told["numbering_data"])
    keys = nodes(daemon)[0]["keys"]
    daemon.stop()
    put_ghost(daemon, keys=keys)
    daemon.start()
    eventually(lambda: re.search(r" warn numbering_differs node=here .* other=ghost ", daemon.log()))
    late = daemon.rest("GET", "/v1/numbering/propagation").json
    assert late["in_force"] is False
    assert {one["name"]: one["in_force"] for one in late["nodes"]} == {"ghost": False, "here": True}

    # the same version, one line more
    folder = tmp_path / "numbering"
    shutil.copytree(ROOT / "schema/numbering", folder)
    with open(folder / "about.csv", "a") as about:
        about.write("note,of the operator\n")
    daemon.stop()
    daemon.options.append(f"--numbering={folder}")
    daemon.start()
    mine = {one["name"]: one for one in daemon.rest("GET", "/v1/numbering/propagation").json["nodes"]}["here"]
    assert mine["numbering"] == told["numbering"] and mine["numbering_data"] != told["numbering_data"]


# --- min_revision ------------------------------------------------------------------------------------------


def test_a_check_is_never_older_than_asked_for(daemon):
    tenant = new_tenant(daemon)
    path, wanted = f"/v1/tenants/{tenant}/check", add_rule(daemon, tenant)
    answer = daemon.rest("POST", path, {"number": "0101 212", "min_revision": wanted})
    assert answer.status == 200 and answer.json["verdict"] == "deny" and answer.json["revision"] >= wanted
    problem(daemon.rest("POST", path, {"number": "0101 212", "min_revision": wanted + 1}), 503, "unavailable")
    for bad in (-1, "7", 1.5, True):
        problem(daemon.rest("POST", path, {"number": "1", "min_revision": bad}), 400, "invalid", "/min_revision")
    assert daemon.rest("POST", path, {"number": "0101 212", "min_revision": None}).status == 200
    problem(daemon.rest("POST", "/v1/tenants/nobody/check", {"number": "1", "min_revision": 1}), 404, "not_found")


# --- two nodes -----------------------------------------------------------------------------------------------


def test_a_node_that_is_behind_is_waited_for_until_it_is_lost(start_daemon):
    daemon = start_daemon("--node=here")
    keys = nodes(daemon)[0]["keys"]
    daemon.stop()
    put_ghost(daemon, keys=keys)
    daemon.start()
    begun = time.monotonic()
    assert daemon.rest("GET", "/readyz", role=None).status == 200
    tenant = new_tenant(daemon)
    told = propagation(daemon, tenant, wait=500)
    assert told["in_force"] is False and told["lost"] == []
    ghost, here = told["nodes"]
    assert (ghost["name"], ghost["in_force"], ghost["since"], ghost["revision"]) == ("ghost", False, None, None)
    assert (here["name"], here["in_force"], here["revision"]) == ("here", True, told["revision"])
    eventually(lambda: propagation(daemon, tenant, wait=1000)["in_force"], LOST_SECONDS + 5)
    assert time.monotonic() - begun >= LOST_SECONDS - 1
    told = propagation(daemon, tenant)
    assert [node["name"] for node in told["nodes"]] == ["here"] and [lost["name"] for lost in told["lost"]] == ["ghost"]
    assert {node["name"]: node["status"] for node in nodes(daemon)} == {"ghost": "lost", "here": "live"}


def test_a_node_with_other_keys_does_not_become_ready(start_daemon):
    daemon = start_daemon("--node=here")
    daemon.stop()
    put_ghost(daemon, complete=1)
    daemon.start()
    for door in ("admin", "dial"):
        answer = daemon.http(door, "GET", "/readyz?verbose")
        assert answer.status == 503 and "[-] keys failed" in answer.text, answer
    assert re.search(r" error keys_differ node=here keys=\w{12} other=ghost .*--keys folder and restart this one", daemon.log())
    eventually(lambda: daemon.http("dial", "GET", "/readyz").status == 200, LOST_SECONDS + 5)
    assert " info keys_agree node=here" in daemon.log()


def test_a_node_that_ends_is_not_listed_and_one_that_was_killed_is(start_daemon):
    daemon = start_daemon("--node=first")
    daemon.stop()
    daemon.options = ["--node=second"]
    daemon.start()
    assert [node["name"] for node in nodes(daemon)] == ["second"]
    daemon.kill()
    daemon.options = ["--node=third"]
    daemon.start()
    assert [node["name"] for node in nodes(daemon)] == ["second", "third"]


def test_a_killed_node_comes_back_under_its_name(start_daemon):
    daemon = start_daemon("--node=here")
    tenant = new_tenant(daemon)
    wanted = add_rule(daemon, tenant)
    daemon.kill()
    daemon.start()
    assert daemon.http("dial", "GET", "/readyz").status == 200
    assert propagation(daemon, tenant, revision=wanted)["in_force"] is True
    assert [node["name"] for node in nodes(daemon)] == ["here"]


@pytest.mark.parametrize("name", ["", "a b", "-x", "n" * 64, "日本"])
def test_names_that_are_none(start_daemon, name):
    with pytest.raises(RuntimeError, match="--node: expected 1 to 63 of letters|--node needs a value"):
        start_daemon(f"--node={name}")


def test_the_command_line_says_who_is_behind(start_daemon):
    daemon = start_daemon("--node=here")
    keys = nodes(daemon)[0]["keys"]
    daemon.stop()
    put_ghost(daemon, keys=keys)
    daemon.start()
    tenant = new_tenant(daemon)
    env = {"SEKISHO_URL": f"http://127.0.0.1:{daemon.ports['admin']}", "SEKISHO_TOKEN": daemon.token()}

    def add(target, *options):
        return subprocess.run([str(BUILD / "sekisho"), "rule", "add", tenant, "deny", target, "--wait", *options],
                              env=env, capture_output=True, text=True, timeout=60)
    late = add("010", "--timeout", "1s")
    assert late.returncode == 2 and late.stdout.startswith(f"deny 010 added for tenant {tenant}"), late
    assert late.stderr == ("sekisho rule add: the change was made, but is not in force everywhere yet: "
                           "on 1 of 2 nodes; not on ghost\n")
    good = add("0101")
    assert good.returncode == 0 and good.stdout.endswith("\nin force on 1 of 1 node; lost: ghost\n"), good


def test_a_store_that_is_away_is_said_once_and_missed_by_nobody(start_daemon):
    daemon = start_daemon("--node=here")
    tenant, store = new_tenant(daemon), daemon.folder / "store.db"
    store.rename(daemon.folder / "away")
    eventually(lambda: " error heartbeat_failed node=here " in daemon.log())
    problem(daemon.rest("GET", f"/v1/tenants/{tenant}/propagation?wait=1000"), 503, "unavailable")
    time.sleep(2)
    assert daemon.log().count("heartbeat_failed") == 1
    (daemon.folder / "away").rename(store)
    eventually(lambda: " info heartbeat_recovered node=here" in daemon.log())
    wanted = add_rule(daemon, tenant)
    assert propagation(daemon, tenant, revision=wanted, wait=3000)["in_force"] is True

"""Old calls and attempts are removed by a running daemon, and /metrics says how many."""
import re
import sqlite3
import time

from cdr import days_ago, line, sent

DAY = 86400_000


def removed(daemon, what):
    return int(re.search(rf"^sekisho_retention_{what}_removed_total (\d+)", daemon.rest("GET", "/metrics", role=None).text, re.M)[1])


def until(question):
    deadline = time.monotonic() + 30
    while not question() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert question()


def test_what_is_too_old_goes_and_sums_stay(start_daemon):
    daemon = start_daemon("--attempts-days=5")
    terms = {"purpose": "who calls abroad", "retention_days": 400}
    assert daemon.rest("PUT", "/v1/cdrs/terms", terms).status in (200, 201)
    assert daemon.rest("PUT", "/v1/tenants/acme", {"name": "Acme K.K."}).status == 201
    assert daemon.rest("PUT", "/v1/tenants/acme/accounts/1001", {}).status == 201
    daemon.stop()
    now = int(time.time() * 1000)
    db = sqlite3.connect(daemon.folder / "store.db")
    db.executemany("INSERT INTO calls VALUES ('acme', ?, ?, '1001', '010252615550101', 'international', 'SO', 1, 60, 'answered', 'pbx1', '', '', '')",
                   [(now - (10 * n + 1) * DAY, str(n)) for n in range(10)])
    db.executemany("INSERT INTO attempts VALUES ('acme', ?, ?, '', '', '', '', '', '', '', '', '', '', '', 1)",
                   [(now - n * DAY, str(n)) for n in range(10)])
    db.commit()
    db.close()
    daemon.start()
    until(lambda: removed(daemon, "attempts") == 4)
    assert removed(daemon, "calls") == 0
    before = daemon.rest("GET", "/v1/tenants/acme/history").json["accounts"][0]
    assert daemon.rest("PUT", "/v1/cdrs/terms", terms | {"retention_days": 30}, headers={"If-Match": "*"}).status == 200
    until(lambda: removed(daemon, "calls") == 7)
    after = daemon.rest("GET", "/v1/tenants/acme/history").json["accounts"][0]
    assert after["overseas_calls"] == 10 and after == before, "sums stay"
    # and what left its sum does not come in again, however long the terms are made
    assert daemon.rest("PUT", "/v1/cdrs/terms", terms, headers={"If-Match": "*"}).status == 200
    text = line("acme", "1001", "010252615550101", days_ago(61)) + line("acme", "1001", "010252615550101", days_ago(2))
    said = sent(daemon, text)
    assert said["added"] == 1 and said["refused"] == {"too_old": 1, "total": 1}, said

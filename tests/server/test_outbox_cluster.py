"""Two nodes on one PostgreSQL send what lies in the outbox: every message once, as long as nobody dies."""
import json
import re

import pytest

from campaigning import order, plan, wait_for
from daemon import Daemon
from postgres_server import Postgres, find_programs
from smtp_sink import SmtpSink, until

TENANTS = [f"t{n:02}" for n in range(60)]


@pytest.fixture
def nodes(tmp_path):
    if not find_programs():
        pytest.fail("PostgreSQL is not installed; make test-deps does it")
    server, started = Postgres(), []
    with SmtpSink() as sink:
        try:
            url = server.make().url()
            for name in ("tokyo-1", "osaka-1"):
                (tmp_path / name).mkdir()
                node = Daemon(tmp_path / name, f"--store={url}", f"--keys={tmp_path}/keys", f"--node={name}",
                              f"--smtp={sink.url}", "--mail-from=ops@sekisho.example.jp", "--outbox-retry=50ms")
                node.keys = tmp_path / "keys"
                started.append(node.start())
            yield started, sink
        finally:
            for node in started:
                node.stop()
            server.remove()


def test_two_nodes_send_each_message_once(nodes):
    (tokyo, osaka), sink = nodes
    lines = [{"tenant": t, "name": t, "profile": "open", "contacts": [{"email": f"{t}@example.jp"}]} for t in TENANTS]
    lines += [{"tenant": t, "account": "1001"} for t in TENANTS]
    made = tokyo.http("admin", "POST", "/v1/provision", "\n".join(map(json.dumps, lines)).encode() + b"\n", tokyo.token(),
                      {"Content-Type": "application/x-ndjson"})
    assert made.status == 200, made
    campaign = plan(tokyo, TENANTS)
    order(tokyo, campaign, "notify")
    wait_for(osaka, campaign, "notified")
    query = f"/v1/outbox?about=campaign:{campaign}&limit=100"
    until(lambda: all(m["state"] == "sent" for m in osaka.rest("GET", query).json["messages"]), "sent")
    assert sorted(mail.recipients[0] for mail in sink.mails) == [f"{t}@example.jp" for t in TENANTS]
    by_node = [len(re.findall(r" message_sent ", node.log())) for node in (tokyo, osaka)]
    assert sum(by_node) == len(TENANTS), by_node
    for mail in sink.mails:  # a link that one node made is good on the other
        path = re.search(r"http://\S+(/a/[\w-]+)", mail.text)[1]
        assert {node.http("admin", "GET", path).status for node in (tokyo, osaka)} == {200}

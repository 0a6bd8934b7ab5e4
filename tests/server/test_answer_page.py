"""The page on which tenants answer: from the mail to what the campaign then does."""
import base64
import hashlib
import re
import time
import urllib.parse

import pytest

from campaigning import accounts, order, plan, rules, states, wait_for
from smtp_sink import SmtpSink, until

HOSTILE = '<img src=x onerror=alert(1)>"\'&amp;'
JA, EN = {"Accept-Language": "ja,en;q=0.5"}, {"Accept-Language": "en-US,en;q=0.9,ja;q=0.1"}


class Post:
    """A daemon that tells, and the links that arrive."""

    def __init__(self, start_daemon, tenants, **more):
        self.sink = SmtpSink().__enter__()
        self.daemon = start_daemon(f"--smtp={self.sink.url}", "--mail-from=ops@sekisho.example.jp", "--outbox-retry=50ms",
                                   f"--notice-contact=Help <desk> & {HOSTILE}", "--node=here")
        for tenant, fields in tenants.items():
            ids = fields.pop("accounts", ["1001", "1002", "1003"])
            contacts = [{"email": f"{tenant}@example.jp"}]
            body = {"name": tenant, "profile": "open", "contacts": contacts} | fields
            assert self.daemon.rest("PUT", f"/v1/tenants/{tenant}", body).status == 201
            for id in ids:
                assert self.daemon.rest("PUT", f"/v1/tenants/{tenant}/accounts/{id}", {}).status == 201
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3 * 86400))
        self.campaign = plan(self.daemon, list(tenants), apply_at=at, **more)
        order(self.daemon, self.campaign, "notify")
        wait_for(self.daemon, self.campaign, "notified")
        until(lambda: len(self.sink.mails) == len(tenants), "mails")
        self.paths = {mail.recipients[0].split("@")[0]: re.search(r"http://\S+(/a/[\w-]+)", mail.text)[1]
                      for mail in self.sink.mails}

    def get(self, path, headers=JA):
        return self.daemon.http("admin", "GET", path, headers=headers)

    def post(self, path, fields, headers=JA):
        body = fields if isinstance(fields, bytes) else urllib.parse.urlencode(fields, doseq=True).encode()
        return self.daemon.http("admin", "POST", path, body,
                                headers={"Content-Type": "application/x-www-form-urlencoded"} | headers)

    def answer(self, path, fields):
        answer = self.post(path, fields)
        assert answer.status == 303 and urllib.parse.urljoin(path, answer.headers["Location"]) == path, answer
        return self.get(path)

    def states(self):
        return {place: state for place, (state, _) in states(self.daemon, self.campaign).items()}


@pytest.fixture
def post(start_daemon):
    made = []

    def make(tenants=None, **more):
        made.append(Post(start_daemon, tenants or {"acme": {"name": "株式会社アクメ"}}, **more))
        return made[-1]

    yield make
    for one in made:
        one.sink.__exit__()


def test_from_the_mail_to_what_is_applied(post):
    it = post({"acme": {"name": "株式会社アクメ"}, "beta": {"name": "Beta"}, "open": {"name": "Open"}})
    it.answer(it.paths["open"], {"answer": "leave_open"})
    acme, beta = it.paths["acme"], it.paths["beta"]
    shown = it.get(acme)
    assert shown.status == 200 and "株式会社アクメ 様" in shown.text and "010 から始まる番号への発信" in shown.text
    assert "1001, 1002, 1003" in shown.text and "ご回答：" not in shown.text
    for method in ("GET", "HEAD", "GET"):  # scanners follow links
        assert it.daemon.http("admin", method, acme).status == 200
    assert {s for p, s in it.states().items() if p[0] != "open"} == {"notified"}

    shown = it.answer(acme, {"answer": "leave_open"})
    assert "ご回答：<strong>停止しない</strong>" in shown.text
    assert {place[0]: state for place, state in it.states().items()} == {
        "acme": "answered", "beta": "notified", "open": "answered"}
    shown = it.answer(acme, {"answer": "agree"})
    assert "停止してよい</strong>" in shown.text
    assert {s for p, s in it.states().items() if p[0] != "open"} == {"notified"}
    shown = it.answer(acme, {"answer": "some", "open": ["1002", "9999"]})
    assert "選んだ内線だけ停止しない</strong>" in shown.text
    assert re.findall(r'value="(\d+)" checked', shown.text) == ["1002"]
    assert {p[1]: s for p, s in it.states().items() if p[0] == "acme"} == {
        "1001": "notified", "1002": "answered", "1003": "notified"}
    row = accounts(it.daemon, it.campaign)["acme", "1002"]
    assert "leave_open" in str(row) and "link" in str(row)

    order(it.daemon, it.campaign, "apply")
    wait_for(it.daemon, it.campaign, "applied")
    assert [rule[0] for rule in rules(it.daemon, "acme")] == ["1001", "1003"]
    assert len(rules(it.daemon, "beta")) == 3 and rules(it.daemon, "open") == []
    over = it.get(it.paths["open"])
    assert over.status == 410 and "停止しておりません" in over.text
    for path in (acme, beta):
        over = it.get(path)
        assert over.status == 410 and "すでに停止" in over.text and "<form" not in over.text
        assert it.post(path, {"answer": "leave_open"}).status == 303  # and there it says why not
    assert [rule[0] for rule in rules(it.daemon, "acme")] == ["1001", "1003"]
    records = [r for r in it.daemon.rest("GET", "/v1/tenants/acme/audit").json["records"] if r["action"] == "campaign.answer"]
    assert len(records) == 3 and {(r["subject"], r["role"]) for r in records} == {("link", "answer_link")}


def test_all_open_then_one_mind_changed(post):
    it = post()
    it.answer(it.paths["acme"], {"answer": "some", "open": ["1001"]})
    it.answer(it.paths["acme"], {"answer": "some", "open": ["1003"]})
    assert {p[1] for p, s in it.states().items() if s == "answered"} == {"1003"}
    it.answer(it.paths["acme"], {"answer": "agree"})
    assert set(it.states().values()) == {"notified"}
    it.answer(it.paths["acme"], {"answer": "some"})  # nothing ticked
    assert set(it.states().values()) == {"notified"}


def test_a_campaign_that_was_called_off_says_so(post):
    it = post()
    order(it.daemon, it.campaign, "cancel")
    wait_for(it.daemon, it.campaign, "canceled")
    over = it.get(it.paths["acme"], EN)
    assert over.status == 410 and "Nothing will be blocked" in over.text
    assert it.daemon.rest("DELETE", "/v1/tenants/acme", headers={"If-Match": "*"}).status in (200, 204)
    assert it.get(it.paths["acme"]).status == 404


def test_the_language_is_the_visitors(post):
    it = post({"acme": {"name": "Acme", "locale": "en"}, "beta": {"name": "Beta", "locale": "ja"}})
    said = {"ja": "停止しない", "en": "Leave open"}

    def language(tenant, headers, query=""):
        page = it.get(it.paths[tenant] + query, headers).text
        found = re.search(r'<html lang="(\w+)">', page)[1]
        assert said[found] in page and all(word not in page for name, word in said.items() if name != found)
        return found

    assert language("acme", JA) == "ja" and language("beta", EN) == "en"
    assert language("acme", {}) == "en" and language("beta", {}) == "ja"
    assert language("acme", {"Accept-Language": "fr, de;q=0.3"}) == "en"
    assert language("beta", {"Accept-Language": "en;q=0.2, ja-JP;q=0.25"}) == "ja"
    assert language("acme", JA, "?lang=en") == "en" and language("acme", EN, "?lang=ja") == "ja"
    assert it.post(it.paths["acme"] + "?lang=ja", {"answer": "agree"}).headers["Location"].endswith("?lang=ja")


def test_names_are_text(post):
    it = post({"acme": {"name": HOSTILE}})
    for path in (it.paths["acme"], "/a/nothing"):
        page = it.get(path)
        assert "<img" not in page.text and "<script" not in page.text and 'onerror="' not in page.text
    page = it.get(it.paths["acme"]).text
    assert "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;amp;" in page and "Help &lt;desk&gt; &amp;" in page
    until(lambda: it.sink.mails, "mail")
    assert it.sink.mails[0].parsed["Subject"].endswith(f"（{HOSTILE} 様）")


def test_nothing_foreign_is_loaded_and_nobody_is_told_the_link(post):
    it = post()
    for path, status in ((it.paths["acme"], 200), (it.paths["acme"] + "x", 404)):
        page = it.get(path)
        assert page.status == status and page.headers["Content-Type"] == "text/html; charset=utf-8"
        style = re.search(r"<style>(.*?)</style>", page.text, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert page.headers["Content-Security-Policy"] == (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
        assert page.headers["Referrer-Policy"] == "no-referrer" and page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"(src|href)=\"(?!\?lang=)|url\(|@import|style=|\son\w+=\"", page.text)


def test_the_link_is_not_in_the_log(start_daemon, tmp_path):
    daemon = start_daemon("--log-level=debug")
    daemon.http("admin", "GET", "/a/canary-of-a-token")
    assert "path=/a/..." in daemon.log() and "canary" not in daemon.log()


def token(key_file, campaign, tenant, account="", expires_ms=None):
    """As service/jobs/answer_link.c makes it, made without it."""
    secret = base64.urlsafe_b64decode(key_file.read_text().strip() + "==")
    key = hashlib.blake2b(b"answer links", key=secret, digest_size=32).digest()
    expires_ms = int(time.time() * 1000) + 60_000 if expires_ms is None else expires_ms
    text = b"\x01" + expires_ms.to_bytes(8, "big") + b"".join(n.encode() + b"\0" for n in (campaign, tenant, account))
    text += hashlib.blake2b(text, key=key, digest_size=24).digest()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def test_forged_expired_and_foreign_links(post):
    it = post({"acme": {"name": "Acme"}, "beta": {"name": "Beta"}})
    key = it.daemon.keys / "k1.hs256"
    good = it.paths["acme"].removeprefix("/a/")
    assert it.get(f"/a/{token(key, it.campaign, 'acme')}").status == 200
    late = it.get(f"/a/{token(key, it.campaign, 'acme', expires_ms=1_700_000_000_000)}", EN)
    assert late.status == 410 and "The link has expired" in late.text
    for bad in ("x", good[:-1], good[:-1] + ("A" if good[-1] != "A" else "B"), good + "A", "A" * 400, good.swapcase(),
                token(key, "01KAR1S8Z0Q4W7T2N5B9C3D6FG", "acme"), token(key, it.campaign, "nobody")):
        assert it.get(f"/a/{bad}").status == 404, bad
        assert it.post(f"/a/{bad}", {"answer": "leave_open"}).status == 404, bad
    one = f"/a/{token(key, it.campaign, 'acme', '1002')}"
    assert "1002" in it.get(one).text and "1001" not in it.get(one).text
    assert "停止しない</strong>" in it.answer(one, {"answer": "leave_open"}).text
    assert {p for p, s in it.states().items() if s == "answered"} == {("acme", "1002")}


def test_forms_that_no_browser_sends(post):
    it = post()
    path = it.paths["acme"]
    for bad in (b"", b"answer=maybe", b"answer=%zz", b"answer=leave_open%00", b"answer=%ff", b"answer=%0d%0aX", b"=&=&",
                b"&".join(b"a=1" for _ in range(300))):
        assert it.post(path, bad).status == 400, bad
    assert it.post(path, b"a" * 20_000).status == 413
    assert it.daemon.http("admin", "POST", path, {"answer": "leave_open"}).status == 415
    assert it.daemon.http("admin", "PUT", path, b"x").status == 405
    assert set(it.states().values()) == {"notified"}


def test_many_accounts(post):
    many = [f"{n:04}" for n in range(130)]
    it = post({"acme": {"name": "Acme", "accounts": many}})
    page = it.get(it.paths["acme"]).text
    assert page.count('type="checkbox"') == 100 and "(ほか 30)" in page
    it.answer(it.paths["acme"], {"answer": "some", "open": many[:100]})
    assert sorted(p[1] for p, s in it.states().items() if s == "answered") == many[:100]


def test_a_whole_tenant(post):
    it = post({"acme": {"name": "Acme"}}, selection={"level": "tenant"})
    page = it.get(it.paths["acme"]).text
    assert "すべての内線" in page and "checkbox" not in page
    it.answer(it.paths["acme"], {"answer": "leave_open"})
    assert it.states() == {("acme", ""): "answered"} or set(it.states().values()) == {"answered"}

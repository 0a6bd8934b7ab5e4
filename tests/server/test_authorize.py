"""The dial route over the wire: formats, who may ask, emergency calls, and that no error can be taken
for an allow. What verdict a number gets is the case files' business (test_cases.py)."""
import base64
import http.client
import json
import random
import socket
import threading
import time
import urllib.parse

import pytest

ABROAD = "0101 212 555 0100"
FORM_FIELDS = ["verdict", "reason", "number", "dial", "rule", "divert", "decision_id", "kind", "country",
               "degraded"]


@pytest.fixture(scope="module")
def tenants(daemon):
    """Two customers as they are onboarded, with 010 denied; one with a diversion."""
    for tenant in ("ask-one", "ask-two"):
        assert daemon.rest("PUT", f"/v1/tenants/{tenant}", {"name": tenant}).status == 201
    rule = {"prefix": "0101876", "action": "divert", "divert_to": "voice-mail"}
    assert daemon.rest("POST", "/v1/tenants/ask-one/rules", rule).status == 201
    return daemon


def post(daemon, body, token=None, headers=None):
    return daemon.http("dial", "POST", "/v1/authorize", body, token or daemon.token("pbx"), headers)


# --- formats ---------------------------------------------------------------------------------------------

def test_json_says_why(tenants):
    answer = tenants.authorize("ask-one", "1001", ABROAD)
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    said = answer.json
    assert list(said) == ["verdict", "reason", "dial", "number", "kind", "country", "rule", "revision",
                          "platform_revision", "numbering", "decision_id"]
    assert said["verdict"] == "deny" and said["reason"] == "rule"
    assert said["number"] == said["dial"] == "01012125550100"
    assert said["kind"] == "international" and said["country"] == "US"
    assert said["rule"]["prefix"] == said["rule"]["target"] == "010"
    assert said["rule"]["scope"] == "tenant" and said["rule"]["source"] == "onboarding"
    assert said["revision"] >= 1 and len(said["decision_id"]) == 26


def test_each_decision_has_its_own_id(tenants):
    ids = {tenants.authorize("ask-one", "1001", "0312345678").json["decision_id"] for _ in range(20)}
    assert len(ids) == 20


def test_text_is_one_word(tenants):
    for number, word in ((ABROAD, b"deny"), ("0312345678", b"allow"), ("+1 876 555 0100", b"divert")):
        answer = tenants.authorize("ask-one", "1001", number, format="text")
        assert (answer.status, answer.body) == (200, word)
        assert answer.headers["Content-Type"] == "text/plain"


def test_form_has_all_fields_in_order(tenants):
    answer = tenants.authorize("ask-one", "1001", "+1 876 555 0100", format="form")
    assert answer.headers["Content-Type"] == "application/x-www-form-urlencoded"
    fields = urllib.parse.parse_qsl(answer.text, keep_blank_values=True, strict_parsing=True)
    assert [name for name, _ in fields] == FORM_FIELDS
    fields = dict(fields)
    assert fields["verdict"] == "divert" and fields["divert"] == "voice-mail"
    assert fields["rule"] == "0101876" and fields["country"] == "JM" and fields["degraded"] == ""


def test_form_fields_are_there_when_they_are_empty(tenants):
    answer = tenants.authorize("ask-one", "1001", "not a number", format="form")
    fields = urllib.parse.parse_qsl(answer.text, keep_blank_values=True, strict_parsing=True)
    assert [name for name, _ in fields] == FORM_FIELDS
    assert dict(fields)["reason"] == "invalid_number" and dict(fields)["number"] == ""


@pytest.mark.parametrize("accept, starts", [
    ("text/plain", b"deny"), ("TEXT/PLAIN;q=0.9", b"deny"),
    ("application/x-www-form-urlencoded", b"verdict=deny&"), ("application/json", b"{"), ("*/*", b"{"),
    ("image/png", b"{"), ("text/html, text/plain, application/json", b"deny"), (None, b"{"),
])
def test_accept_says_the_same(tenants, accept, starts):
    headers = {"Accept": accept} if accept else None
    assert tenants.authorize("ask-one", "1001", ABROAD, headers=headers).body.startswith(starts)


def test_format_wins_over_accept(tenants):
    answer = tenants.authorize("ask-one", "1001", ABROAD, headers={"Accept": "text/plain"}, format="json")
    assert answer.json["verdict"] == "deny"


def test_both_readings_are_shown(tenants):
    # 0033 is a carrier code and, behind 00, the country code of France
    said = tenants.authorize("ask-one", "1001", "0033123456789").json
    assert len(said["readings"]) == 2 and said["number"] == said["readings"][0]["number"]
    assert said["verdict"] == "deny"


# --- how the question may be put ------------------------------------------------------------------------------

def test_plus_that_was_not_encoded(tenants):
    """+ is a space in a query; before a number it can only be meant as a plus."""
    for raw in ("+12125550100", "%2B12125550100", "+1+212+555+0100", "%EF%BC%8B1%202125550100"):
        answer = tenants.http("dial", "GET", f"/v1/authorize?tenant=ask-one&number={raw}", None,
                              tenants.token("pbx"))
        assert answer.json["number"] == "01012125550100", raw


def test_post_asks_the_same(tenants):
    question = {"tenant": "ask-one", "account": "1001", "number": ABROAD, "call_id": "c1",
                "source_ip": "192.0.2.7", "origin": "transfer", "min_revision": 1}
    said = post(tenants, question).json
    asked = tenants.authorize("ask-one", "1001", ABROAD).json
    del said["decision_id"], asked["decision_id"]
    assert said == asked
    assert post(tenants, question | {"format": "text"}).body == b"deny"
    assert post(tenants, question, headers={"Accept": "text/plain"}).body == b"deny"


@pytest.mark.parametrize("query, member", [
    ({"number": "1"}, "/tenant"), ({"tenant": "", "number": "1"}, "/tenant"),
    ({"tenant": "ask-one"}, "/number"), ({"tenant": "ask-one", "number": "1", "acount": "7"}, "/acount"),
    ({"tenant": "ask-one", "number": "1", "origin": "moon"}, "/origin"),
    ({"tenant": "ask-one", "number": "1", "format": "xml"}, "/format"),
    ({"tenant": "ask-one", "number": "1", "min_revision": "-1"}, "/min_revision"),
    ({"tenant": "ask-one", "number": "1", "min_revision": "9" * 19}, "/min_revision"),
])
def test_questions_not_understood(tenants, query, member):
    answer = tenants.http("dial", "GET", "/v1/authorize?" + urllib.parse.urlencode(query), None,
                          tenants.token("pbx"))
    assert answer.status == 400 and answer.json["code"] == "invalid"
    assert answer.json["errors"][0]["pointer"] == member
    assert answer.json["request_id"] == answer.headers["Request-Id"]


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"x"', b'{"tenant":"ask-one","tenant":"ask-two","number":"1"}',
    b'{"tenant":"ask-one","number":"1"} x', b'{"tenant":"ask-one","number":1}',
    b'{"tenant":"ask-one","number":"1","other":"x"}', b'{"tenant":["ask-one"],"number":"1"}',
    b'{"tenant":"ask-one","number":"1","min_revision":"1"}',
    b'{"tenant":"ask-one","number":"1","min_revision":-1}', b'{"tenant":"ask-one","number":"\xff"}',
    b'{"tenant":"ask-one","number":"1\\u0000"}', b"[" * 8000,
    b'{"tenant":"ask-one","account":null,"number":"1"}',
])
def test_bodies_not_understood(tenants, body):
    answer = post(tenants, body, headers={"Content-Type": "application/json"})
    assert answer.status == 400 and answer.json["code"] == "invalid"
    answer = post(tenants, body, headers={"Content-Type": "application/json", "Accept": "text/plain"})
    assert answer.status == 400 and answer.body == b"deny"


def test_post_has_its_question_in_the_body_alone(tenants):
    answer = tenants.http("dial", "POST", "/v1/authorize?tenant=ask-two",
                          {"tenant": "ask-one", "number": "1"}, tenants.token("pbx"))
    assert answer.status == 400
    answer = post(tenants, b"tenant=ask-one&number=1",
                  headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 415


def test_odd_texts_for_the_record_do_not_fail_a_call(tenants):
    for more in ({"call_id": "x" * 500}, {"call_id": "a\nb"}, {"source_ip": "z" * 200},
                 {"call_id": "\u0085"}):
        assert tenants.authorize("ask-one", "1001", "0312345678", **more).json["verdict"] == "allow"


# --- who may ask ------------------------------------------------------------------------------------------------

def test_tokens_that_are_none(tenants):
    good = tenants.token("pbx")
    for token in ("x", good[:-2], good + "A", good.rsplit(".", 1)[0] + ".", ""):
        headers = {"Authorization": f"Bearer {token}"}
        answer = tenants.authorize("ask-one", "1001", "0312345678", "", headers)
        assert answer.status == 401 and answer.json["code"] == "invalid_token"
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert tenants.authorize("ask-one", "1001", "0312345678", "").status == 401


def test_token_as_the_password_of_basic(tenants):
    basic = base64.b64encode(f"pbx:{tenants.token('pbx')}".encode()).decode()
    answer = tenants.authorize("ask-one", "1001", ABROAD, "", {"Authorization": f"Basic {basic}"})
    assert answer.status == 200 and answer.json["verdict"] == "deny"


def test_roles(tenants):
    for role, of in (("operator", ()), ("pbx", ()), ("pbx", ("ask-one",))):
        answer = tenants.authorize("ask-one", "1001", ABROAD, tenants.token(role, *of))
        assert answer.status == 200
    for role, of in (("provisioning", ()), ("tenant_admin", ("ask-one",)),
                     ("tenant_viewer", ("ask-one",))):
        answer = tenants.authorize("ask-one", "1001", ABROAD, tenants.token(role, *of))
        assert answer.status == 403 and answer.json["code"] == "forbidden"
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'


def test_tenant_outside_the_token_is_as_one_that_is_not(tenants):
    """The same answer, but for the revision and id of the decision: nobody learns which tenants exist."""
    token = tenants.token("pbx", "ask-two")
    assert tenants.authorize("ask-two", "1001", ABROAD, token).json["reason"] == "rule"
    outside = tenants.authorize("ask-one", "1001", ABROAD, token)
    missing = tenants.authorize("ask-none", "1001", ABROAD, token)
    assert outside.status == missing.status == 200
    assert outside.json["verdict"] == "deny" and outside.json["reason"] == "unknown_tenant"
    for answer in (said := [outside.json, missing.json]):
        del answer["decision_id"]
    assert said[0] == said[1]


def test_malformed_tenant_is_unknown(tenants):
    for tenant in ("ASK-ONE", "../x", "x" * 300, "ask one", "\u3042"):
        said = tenants.authorize(tenant, "1001", "0312345678").json
        assert (said["verdict"], said["reason"]) == ("deny", "unknown_tenant")


# --- emergency calls come first -----------------------------------------------------------------------------------

@pytest.mark.parametrize("number", ["110", "118", "119", "184110", "186-119", "0110", "\uff11\uff11\uff19"])
@pytest.mark.parametrize("token", ["", "x", "tenant_viewer"])
def test_emergency_with_any_token_or_none(tenants, number, token):
    if token == "tenant_viewer":
        token = tenants.token("tenant_viewer", "ask-two")
    answer = tenants.authorize("ask-one", "1001", number, token)
    assert answer.status == 200
    assert (answer.json["verdict"], answer.json["reason"]) == ("allow", "emergency")
    assert tenants.authorize("ask-one", "1001", number, token, format="text").body == b"allow"


def test_emergency_when_the_rest_of_the_question_is_wrong(tenants):
    for query in ("number=110", "tenant=&number=110", "tenant=ask-one&number=110&format=xml",
                  "tenant=ask-one&number=110&acount=1", "acount=1&number=110", "origin=x&number=110"):
        answer = tenants.http("dial", "GET", f"/v1/authorize?{query}")
        assert answer.status == 200 and answer.json["reason"] == "emergency", query
    assert post(tenants, {"number": "119", "other": 1}, token="x").json["reason"] == "emergency"


def test_not_every_number_like_it_is_an_emergency(tenants):
    for number in ("1101", "1190", "122110", "+81110", "", "11"):
        assert tenants.authorize("ask-one", "1001", number, "x").status == 401


# --- nothing may be taken for an allow -------------------------------------------------------------------------------

def wrong(daemon):
    """Requests that end in an error, whatever for."""
    token = {"Authorization": f"Bearer {daemon.token('pbx')}"}
    ask = "/v1/authorize?tenant=ask-one&number=0312345678"
    yield "no token", "GET", ask, {}
    yield "bad token", "GET", ask, {"Authorization": "Bearer x"}
    yield "role", "GET", ask, {"Authorization": f"Bearer {daemon.token('provisioning')}"}
    yield "parameter twice", "GET", ask + "&tenant=ask-two", token
    yield "unknown parameter", "GET", ask + "&acount=1", token
    yield "NUL", "GET", ask + "&account=%00", token
    yield "too long", "GET", ask + "&account=" + "x" * 2048, token
    yield "broken escape", "GET", ask + "&account=%zz", token
    yield "method", "DELETE", ask, token
    yield "unknown method", "BREW", ask, token
    yield "header", "GET", ask, token | {"X(": "y"}
    yield "header size", "GET", ask, token | {"X": "y" * 17000}


def test_errors_say_deny(tenants):
    for name, method, path, headers in wrong(tenants):
        text = tenants.http("dial", method, path + "&format=text", None, None, headers)
        assert text.status >= 400 and text.body == b"deny", (name, text)
        form = tenants.http("dial", method, path + "&format=form", None, None, headers)
        fields = dict(urllib.parse.parse_qsl(form.text, strict_parsing=True))
        assert form.status == text.status and fields["verdict"] == "deny", (name, form)
        problem = tenants.http("dial", method, path, None, None, headers)
        assert problem.status == text.status and problem.json["code"] == fields["reason"], (name, problem)
        assert "allow" not in text.text + form.text + problem.text


def test_problems_lead_to_their_page(tenants):
    problem = tenants.authorize("ask-one", "1001", "0312345678", "x").json
    assert problem["status"] == 401 and problem["title"]
    path = urllib.parse.urlsplit(problem["type"]).path
    page = tenants.http("admin", "GET", path)
    assert page.status == 200 and page.text.startswith("### `invalid_token` · 401")
    assert page.headers["Content-Type"].startswith("text/markdown")
    assert tenants.http("admin", "GET", "/problems/nothing").status == 404


# --- many at once ------------------------------------------------------------------------------------

def ask_many(daemon, seed, faults):
    """Keeps asking on kept, new and pipelined connections; every answer must be the asked number's."""
    draw = random.Random(seed)
    token = daemon.token("pbx")
    head = f" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
    try:
        for _ in range(25):
            with socket.create_connection(("127.0.0.1", daemon.ports["dial"]), timeout=20) as sock:
                stream = sock.makefile("rb")
                for _ in range(draw.randrange(1, 6)):
                    numbers = ["03" + "".join(draw.choices("23456789", k=draw.choice((2, 8, 8, 11))))
                               for _ in range(draw.randrange(1, 9))]
                    path = "GET /v1/authorize?tenant=ask-one&account=1001&number="
                    sock.sendall("".join(path + number + head for number in numbers).encode())
                    for number in numbers:
                        said = read_answer(stream)
                        assert said["dial"] == number and said["verdict"], (number, said)
    except Exception as fault:  # of a thread: the test must hear of it
        faults.append(fault)


def read_answer(stream):
    assert stream.readline().startswith(b"HTTP/1.1 200 ")
    length = 0
    while (line := stream.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return json.loads(stream.read(length))


def test_answers_are_not_mixed_up(tenants):
    """Responses are kept and filled anew (doors/ready.h): nobody may get another's."""
    faults = []
    threads = [threading.Thread(target=ask_many, args=(tenants, seed, faults)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not faults, faults[0]


# --- what is in force -----------------------------------------------------------------------------------------------

def test_an_acknowledged_rule_is_in_force(tenants):
    made = tenants.rest("POST", "/v1/tenants/ask-two/rules", {"prefix": "0101", "action": "allow"})
    assert made.status == 201
    said = tenants.authorize("ask-two", "1001", ABROAD, min_revision=made.headers["Sekisho-Revision"]).json
    assert said["verdict"] == "allow" and said["rule"]["id"] == made.json["id"]
    assert said["revision"] >= int(made.headers["Sekisho-Revision"])


def test_the_node_tells_what_it_counts(tenants):
    def value(name):
        lines = tenants.http("admin", "GET", "/metrics").text.splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name + " ")), 0)
    names = ('sekisho_verdicts_total{action="deny",reason="rule"}', "sekisho_decide_seconds_count",
             'sekisho_http_responses_total{door="dial",status="2xx"}')
    before = [value(name) for name in names]
    for _ in range(5):
        tenants.authorize("ask-one", "1001", ABROAD)
    assert [value(name) for name in names] == [n + 5 for n in before]
    text = tenants.http("admin", "GET", "/metrics")
    assert text.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "ask-one" not in text.text


def test_ready(tenants):
    for door in ("dial", "admin"):
        assert tenants.http(door, "GET", "/livez").text == "ok\n"
        answer = tenants.http(door, "GET", "/readyz?verbose")
        assert answer.status == 200
        checks = ("rulesets", "not_draining", "store", "writes", "feed", "keys", "name", "redis")
        assert answer.text == "".join(f"[+] {check}\n" for check in checks) + "ready\n"
        assert tenants.http(door, "HEAD", "/readyz").body == b""


def test_ends_at_once_with_idle_connections(start_daemon):
    daemon = start_daemon()
    idle = http.client.HTTPConnection("127.0.0.1", daemon.ports["dial"], timeout=10)
    idle.request("GET", "/livez")
    assert idle.getresponse().read() == b"ok\n"
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 2
    idle.close()


def test_json_is_what_every_parser_takes(tenants):
    """No member twice, and the same bytes from a strict parser."""
    def no_twins(pairs):
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)
    for number in (ABROAD, "+1 876 555 0100", "110", "x", "0033123456789", "*21*0312345678#"):
        body = tenants.authorize("ask-one", "1001", number).body
        assert json.loads(body, object_pairs_hook=no_twins)["verdict"]

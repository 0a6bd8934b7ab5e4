"""Webhooks: signed as the manual says, and no way into the operator's network."""
import base64
import re
import ssl
import subprocess

import pytest

from daemon import BUILD, ROOT
from outbox import message, put
from smtp_sink import certificate, until
from webhook_sink import WebhookSink

QUICK, HERE = "--outbox-retry=50ms", "--webhook-allow=127.0.0.0/8"
BODY = '{"type":"campaign.notice","tenant":"acme","subject":"停止"}'


def hook(folder, address, **fields):
    return put(folder, channel="webhook", address=address, subject="campaign.notice", body=BODY, **fields)


def settled(daemon, id, state):
    return until(lambda: (found := message(daemon, id))["state"] == state and found, state)


def snippet():
    """The check that api/notices/README.md gives to receivers."""
    text = (ROOT / "api/notices/README.md").read_text()
    names = {}
    exec(re.search(r"```python\n(.*?)```", text, re.S)[1], names)
    return names["is_ours"]


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize("with_file", [False, True])
def test_a_receiver_can_check_who_wrote(start_daemon, tmp_path, with_file):
    options = [HERE, QUICK]
    if with_file:
        (tmp_path / "secret").write_text("the new secret of the operator\nthe old secret of the operator\n")
        (tmp_path / "secret").chmod(0o400)
        options.append(f"--webhook-secret={tmp_path}/secret")
    with WebhookSink() as sink:
        id = hook(tmp_path, f"http://127.0.0.1:{sink.port}/in?x=1")
        daemon = start_daemon(*options)
        settled(daemon, id, "sent")
        daemon.rest("PUT", "/v1/tenants/acme", {"name": "Acme"})
        daemon.rest("PUT", "/v1/tenants/beta", {"name": "Beta"})
        secret, other = (daemon.rest("GET", f"/v1/tenants/{t}/webhook-secret").json["secret"] for t in ("acme", "beta"))
    (path, headers, body), = sink.got
    headers, is_ours = lower(headers), snippet()
    assert path == "/in?x=1" and body == BODY.encode() and headers["content-type"] == "application/json"
    assert headers["webhook-id"] == id and headers["user-agent"].startswith("sekisho/")
    assert is_ours(secret, headers, body)
    assert not is_ours(other, headers, body) and not is_ours(secret, headers, body + b" ")
    assert not is_ours(secret, headers | {"webhook-id": "01KAR1S8Z0Q4W7T2N5B9C3D6FG"}, body)
    assert not is_ours(secret, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 3600)}, body)
    assert len(headers["webhook-signature"].split()) == (2 if with_file else 1)
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    shown = subprocess.run([BUILD / "sekisho", "outbox", "secret", "acme", "--url", f"http://127.0.0.1:{daemon.ports['admin']}"],
                           env={"SEKISHO_TOKEN": daemon.token()}, capture_output=True, text=True, timeout=60)
    assert shown.stdout == secret + "\n", shown


def test_the_secret_is_for_the_tenant_and_its_operator(start_daemon, tmp_path):
    daemon = start_daemon()
    daemon.rest("PUT", "/v1/tenants/acme", {"name": "Acme"})
    for role, tenants, status in (("tenant_admin", ["acme"], 200), ("tenant_viewer", ["acme"], 403),
                                  ("tenant_admin", ["beta"], 404), ("provisioning", [], 403)):
        token = daemon.token(role, *tenants)
        assert daemon.http("admin", "GET", "/v1/tenants/acme/webhook-secret", token=token).status == status, role


def test_it_comes_again_until_it_is_taken(start_daemon, tmp_path):
    with WebhookSink(answers=[(503, {}, b"busy"), (404, {}, b""), (200, {}, b"x" * 200_000)]) as sink:
        id = hook(tmp_path, f"http://127.0.0.1:{sink.port}/")
        daemon = start_daemon(HERE, QUICK)
        assert settled(daemon, id, "sent")["attempts"] == 4
    assert {lower(headers)["webhook-id"] for _, headers, _ in sink.got} == {id}
    assert "the answer is longer than 65536 bytes" in daemon.log() and 'reason="status 503"' in daemon.log()


def test_gone_is_gone(start_daemon, tmp_path):
    with WebhookSink(answers=[(410, {}, b"")]) as sink:
        id = hook(tmp_path, f"http://127.0.0.1:{sink.port}/")
        daemon = start_daemon(HERE, QUICK)
        assert settled(daemon, id, "given_up")["last_error"] == "status 410"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(start_daemon, tmp_path, status):
    with WebhookSink() as inside, WebhookSink() as sink:
        sink.answers = [(status, {"Location": f"http://127.0.0.1:{inside.port}/metadata"}, b"")]
        id = hook(tmp_path, f"http://127.0.0.1:{sink.port}/")
        daemon = start_daemon(HERE, QUICK)
        settled(daemon, id, "sent")  # at the second time
        assert not inside.got and "redirects are not followed" in daemon.log()


def test_https_with_a_certificate_that_fits(start_daemon, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    with WebhookSink(context) as sink:
        fits = hook(tmp_path, f"https://127.0.0.1:{sink.port}/")
        other = hook(tmp_path, f"https://127.0.0.2:{sink.port}/")
        daemon = start_daemon(HERE, QUICK, f"--notify-ca={tmp_path}/relay.crt")
        settled(daemon, fits, "sent")
        daemon.stop()
        daemon = start_daemon(HERE, QUICK)
        daemon.rest("POST", f"/v1/outbox/{fits}/retry")
        until(lambda: "certificate" in (message(daemon, fits)["last_error"] or ""), "refused")
        assert message(daemon, other)["state"] != "sent"
    assert len(sink.got) == 1


def test_a_receiver_that_hangs_does_not_hold_up_the_end(start_daemon, tmp_path):
    with WebhookSink() as sink:
        sink.may_answer.clear()
        hook(tmp_path, f"http://127.0.0.1:{sink.port}/")
        daemon = start_daemon(HERE)
        until(lambda: sink.got, "asked")
        daemon.stop()


# Every spelling of an address that is not public. The sink would answer to any of them.
INSIDE = ["http://127.0.0.1:{}/", "https://127.0.0.1:{}/", "https://127.1:{}/", "https://2130706433:{}/",
          "https://0x7f000001:{}/", "https://0177.0.0.1:{}/", "https://[::ffff:127.0.0.1]:{}/", "https://[::1]:{}/",
          "https://[::ffff:7f00:1]:{}/", "https://localhost:{}/", "https://LOCALHOST:{}/", "https://0.0.0.0:{}/",
          "https://[::]:{}/", "https://１２７.0.0.1:{}/", "https://10.0.0.1/", "https://172.31.255.255/",
          "https://192.168.1.1:8443/", "https://169.254.169.254/latest/meta-data/", "https://[fe80::1]/", "https://[fd00::1]/",
          "https://100.64.0.1/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[2001::1]/",
          "https://224.0.0.1/", "https://255.255.255.255/", "https://192.0.2.1/", "https://[2001:db8::1]/",
          "https://user:password@127.0.0.1:{}/", "https://example.jp@127.0.0.1:{}/", "http://93.184.216.34/",
          "https://93.184.216.34:22/", "https://93.184.216.34:80/", "file:///etc/passwd", "gopher://127.0.0.1:{}/",
          "https:///", "https://"]


def test_no_address_inside_is_ever_asked(start_daemon, tmp_path):
    with WebhookSink() as sink:
        ids = {hook(tmp_path, address.format(sink.port)): address for address in INSIDE}
        daemon = start_daemon(QUICK)
        for id, address in ids.items():
            found = settled(daemon, id, "given_up")
            assert found["attempts"] == 1 and found["last_error"], address
        assert not sink.got


def test_only_the_networks_that_are_listed_are_let_in(start_daemon, tmp_path):
    with WebhookSink() as sink:
        other = hook(tmp_path, f"http://127.0.0.2:{sink.port}/")
        mapped = hook(tmp_path, f"http://[::ffff:127.0.0.1]:{sink.port}/")
        daemon = start_daemon(QUICK, "--webhook-allow=127.0.0.1/32")
        assert "127.0.0.2" in settled(daemon, other, "given_up")["last_error"]
        settled(daemon, mapped, "sent")
    assert len(sink.got) == 1

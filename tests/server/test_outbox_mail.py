"""Mails to tenants: what is in the outbox arrives at a real relay, at least once and under one name."""
import re
import subprocess
import time

import pytest

from daemon import BUILD
from outbox import message, put
from smtp_sink import SmtpSink, certificate, until

FROM = "--mail-from=積木 運用 <ops@sekisho.example.jp>"
QUICK = "--outbox-retry=50ms"


def sent(daemon, id):
    return until(lambda: (found := message(daemon, id))["state"] == "sent" and found, "sent")


def tried(daemon, id, attempts=1):
    return until(lambda: (found := message(daemon, id))["attempts"] >= attempts and found["last_error"] and found, "tried")


def metric(daemon, name):
    text = daemon.http("admin", "GET", "/metrics").text
    return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])


def test_a_mail_arrives_as_it_was_written(start_daemon, tmp_path):
    first = put(tmp_path)
    second = put(tmp_path, locale="en", subject="International calls will be blocked", body="To Acme\n.\n..\nBye\n")
    long_line = put(tmp_path, subject="x" * 300, body="y" * 5000 + "\n")
    with SmtpSink() as sink:
        daemon = start_daemon(f"--smtp={sink.url}", FROM)
        for id in (first, second, long_line):
            sent(daemon, id)
        until(lambda: metric(daemon, "sekisho_messages_sent_total") == 3, "counted")
    mails = {mail.parsed["Message-ID"]: mail for mail in sink.mails}
    assert mails.keys() == {f"<{id}@sekisho.example.jp>" for id in (first, second, long_line)}
    mail = mails[f"<{first}@sekisho.example.jp>"]
    assert mail.sender == "ops@sekisho.example.jp" and mail.recipients == ["info@example.jp"]
    assert mail.parsed["Subject"] == "【重要】国際電話の発信停止のお知らせ（株式会社アクメ 様）"
    assert mail.parsed["From"] == "積木 運用 <ops@sekisho.example.jp>" and mail.parsed["To"] == "info@example.jp"
    assert mail.parsed["Auto-Submitted"] == "auto-generated" and mail.parsed["Content-Language"] == "ja"
    assert abs(mail.parsed["Date"].datetime.timestamp() - time.time()) < 600
    assert mail.text == "株式会社アクメ\nご担当者様\n\n.\n停止いたします。\n"
    assert all(len(line) <= 76 and line.isascii() for line in mail.data.split(b"\r\n"))
    plain = mails[f"<{second}@sekisho.example.jp>"]
    assert b"\r\nSubject: International calls will be blocked\r\n" in plain.data and plain.text == "To Acme\n.\n..\nBye\n"
    assert mails[f"<{long_line}@sekisho.example.jp>"].text == "y" * 5000 + "\n"
    assert mails[f"<{long_line}@sekisho.example.jp>"].parsed["Subject"] == "x" * 300


def test_not_now_is_tried_again_under_the_same_name(start_daemon, tmp_path):
    id = put(tmp_path)
    script = {"rcpt": ["450 4.2.0 greylisted", "452 4.3.1 too busy"], "data": ["451 4.3.0 later"]}
    with SmtpSink(script=script) as sink:
        daemon = start_daemon(f"--smtp={sink.url}", FROM, QUICK)
        assert sent(daemon, id)["attempts"] == 4
    assert [mail.parsed["Message-ID"] for mail in sink.mails] == [f"<{id}@sekisho.example.jp>"]
    assert "greylisted" in daemon.log()


@pytest.mark.parametrize("stage", ["rcpt", "data"])
def test_never_is_given_up_and_people_can_try_again(start_daemon, tmp_path, stage):
    id = put(tmp_path)
    with SmtpSink(script={stage: ["550 5.1.1 no \x1b[31msuch user"]}) as sink:
        daemon = start_daemon(f"--smtp={sink.url}", FROM, QUICK)
        given_up = until(lambda: (m := message(daemon, id))["state"] == "given_up" and m, "given up")
        assert given_up["attempts"] == 1 and "550 5.1.1 no ?[31msuch user" in given_up["last_error"]
        assert not sink.mails
        answer = daemon.rest("POST", f"/v1/outbox/{id}/retry")
        assert answer.status == 200 and answer.json["state"] == "waiting" and answer.json["attempts"] == 0
        sent(daemon, id)
        assert len(sink.mails) == 1
        records = daemon.rest("GET", "/v1/audit").json["records"]
        assert [(r["action"], r["object"], r["tenant"]) for r in records[:1]] == [("outbox.retry", id, "acme")]


@pytest.mark.parametrize("script", [{"connect": ["554 5.7.1 your network is blocked"] * 2},
                                    {"mail": ["550 5.7.1 sender not known here"] * 2}])
def test_what_is_about_us_costs_no_message(start_daemon, tmp_path, script):
    ids = [put(tmp_path), put(tmp_path)]
    with SmtpSink(script=script) as sink:
        daemon = start_daemon(f"--smtp={sink.url}", FROM, QUICK)
        for id in ids:
            sent(daemon, id)
    assert len(sink.mails) == 2


def test_tls_and_login(start_daemon, tmp_path):
    id, pem, password = put(tmp_path), certificate(tmp_path), tmp_path / "password"
    password.write_text("wrong\n")
    password.chmod(0o400)
    options = [FROM, QUICK, "--smtp-starttls=required", f"--notify-ca={tmp_path}/relay.crt", "--smtp-user=sekisho",
               f"--smtp-password-file={password}"]
    with SmtpSink(pem, ("sekisho", "canary-5ec2et")) as sink:
        daemon = start_daemon(f"--smtp={sink.url}", *options)
        tried(daemon, id)
        password.unlink()
        password.write_text("canary-5ec2et\n")  # changed while it runs
        password.chmod(0o400)
        sent(daemon, id)
        assert [(mail.is_tls, mail.user) for mail in sink.mails] == [(True, "sekisho")]
    assert "canary-5ec2et" not in daemon.log()


def test_a_relay_without_tls_or_unknown_gets_nothing(start_daemon, tmp_path):
    id = put(tmp_path)
    with SmtpSink() as bare:
        daemon = start_daemon(f"--smtp={bare.url}", FROM, QUICK, "--smtp-starttls=required")
        assert tried(daemon, id)["state"] in ("waiting", "sending")
        assert not bare.mails
    daemon.stop()
    with SmtpSink(certificate(tmp_path)) as stranger:  # nobody vouches for its certificate
        daemon = start_daemon(f"--smtp={stranger.url}", FROM, QUICK, "--smtp-starttls=required")
        until(lambda: "certificate" in (message(daemon, id)["last_error"] or ""), "refused")
        assert not stranger.mails


def test_what_waits_survives_a_restart(start_daemon, tmp_path):
    id = put(tmp_path)
    daemon = start_daemon("--node=tokyo-1")  # no relay
    assert message(daemon, id)["state"] == "waiting"
    assert "mail_off" in daemon.log()
    daemon.stop()
    with SmtpSink() as sink:
        sink.may_answer.clear()  # takes the mail and then says nothing
        daemon = start_daemon(f"--smtp={sink.url}", FROM, "--node=tokyo-1")
        until(lambda: sink.mails, "being sent")
        daemon.stop()  # must not wait for it
        assert "message_failed" in daemon.log()
    with SmtpSink() as sink:
        daemon = start_daemon(f"--smtp={sink.url}", FROM, "--node=tokyo-1", QUICK)
        assert "links_local" in daemon.log()  # there is no --public-url either
        daemon.rest("POST", f"/v1/outbox/{id}/retry")
        sent(daemon, id)
        assert [mail.parsed["Message-ID"] for mail in sink.mails] == [f"<{id}@sekisho.example.jp>"]


def test_killed_while_sending_it_comes_again_under_the_same_name(start_daemon, tmp_path):
    id = put(tmp_path)
    with SmtpSink() as sink:
        sink.may_answer.clear()
        options = [f"--smtp={sink.url}", FROM, "--node=tokyo-1"]
        daemon = start_daemon(*options)
        until(lambda: sink.mails, "being sent")
        daemon.kill()
        sink.may_answer.set()
        daemon = start_daemon(*options)
        assert sent(daemon, id)["attempts"] == 2
        names = [mail.parsed["Message-ID"] for mail in sink.mails]
        assert names == [f"<{id}@sekisho.example.jp>"] * 2


def test_nothing_that_tenants_wrote_becomes_a_header_or_a_recipient(start_daemon, tmp_path):
    """The store refuses such messages; here they were put in behind its back."""
    evil = "Acme\r\nBcc: all@example.jp\r\n\r\nHello"
    in_subject = put(tmp_path, subject=evil, body="x\r\n.\r\nMAIL FROM:<a@example.jp>\r\n")
    in_word = put(tmp_path, subject="=?UTF-8?B?QmNjOg==?= <b@example.jp>")
    in_address = put(tmp_path, address="a@example.jp>\r\nRCPT TO:<b@example.jp")
    with SmtpSink() as sink:
        daemon = start_daemon(f"--smtp={sink.url}", FROM, QUICK)
        sent(daemon, in_subject)
        sent(daemon, in_word)
        until(lambda: message(daemon, in_address)["state"] == "given_up", "given up")
    assert len(sink.mails) == 2
    for mail in sink.mails:
        assert mail.recipients == ["info@example.jp"] and mail.parsed["Bcc"] is None
        assert mail.data.count(b"\r\nSubject: ") == 1
    words, = [m.parsed["Subject"] for m in sink.mails if m.parsed["Message-ID"].startswith(f"<{in_word}")]
    assert words == "=?UTF-8?B?QmNjOg==?= <b@example.jp>"


def test_lists_and_their_filters(start_daemon, tmp_path):
    waiting = [put(tmp_path, about="campaign:a"), put(tmp_path, about="campaign:b", tenant="beta")]
    over = put(tmp_path, state="given_up", about="campaign:a", last_error="550 no")
    daemon = start_daemon()
    until(lambda: metric(daemon, "sekisho_messages_waiting") == 2, "counted")

    def listed(query=""):
        answer = daemon.rest("GET", f"/v1/outbox{query}")
        assert answer.status == 200 and all("body" not in m for m in answer.json["messages"]), answer
        return [m["id"] for m in answer.json["messages"]]

    assert listed() == waiting + [over]
    assert listed("?state=waiting") == waiting and listed("?state=given_up") == [over]
    assert listed("?about=campaign:a") == [waiting[0], over] and listed("?tenant=beta") == [waiting[1]]
    page = daemon.rest("GET", "/v1/outbox?limit=2").json
    assert [m["id"] for m in page["messages"]] == waiting
    assert listed(f"?limit=2&cursor={page['next']}") == [over]
    for bad in ("?state=lost", "?tenant=No%20Id", f"?about={'x' * 81}"):
        assert daemon.rest("GET", f"/v1/outbox{bad}").status == 400, bad
    assert daemon.rest("GET", "/v1/outbox/nothing").status == 404
    assert daemon.rest("POST", "/v1/outbox/nothing/retry").status == 404


@pytest.mark.parametrize("options, said", [
    (["--smtp=http://127.0.0.1"], "--smtp"), (["--smtp=smtp://u:p@127.0.0.1"], "--smtp-user"),
    (["--smtp=smtp://127.0.0.1"], "--mail-from"), (["--mail-from=a@example.jp"], "--smtp"),
    (["--smtp=smtp://127.0.0.1", "--mail-from=a@b@c"], "--mail-from"),
    (["--smtp=smtp://127.0.0.1", "--mail-from=a@example.jp", "--smtp-user=x"], "--smtp-password-file"),
    (["--smtp=smtp://127.0.0.1", "--mail-from=a@example.jp", "--smtp-user=x", "--smtp-password-file=/none"], "/none"),
    (["--webhook-secret=/none"], "--webhook-secret"), (["--notify-ca=/none"], "--notify-ca"),
    (["--webhook-allow=10.0.0.1/8"], "--webhook-allow"), (["--notice-contact=" + "x" * 600], "--notice-contact")])
def test_bad_options_end_the_start(tmp_path, options, said):
    ended = subprocess.run([BUILD / "sekishod", "--check-config", f"--state={tmp_path}", *options],
                           capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2 and said in ended.stderr, ended


def test_a_secret_that_everybody_can_read_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef-canary\n")
    for mode, status in ((0o644, 2), (0o400, 0)):
        secret.chmod(mode)
        ended = subprocess.run([BUILD / "sekishod", "--check-config", f"--state={tmp_path}",
                                f"--webhook-secret={secret}"], capture_output=True, text=True, timeout=60)
        assert ended.returncode == status and "canary" not in ended.stderr + ended.stdout, ended


def test_the_command_line_shows_and_retries(start_daemon, tmp_path):
    id = put(tmp_path, state="given_up", attempts=3, last_error="550 no", body="一行目\n\x1b[31m二行目\n")
    daemon = start_daemon()

    def run(*arguments):
        done = subprocess.run([BUILD / "sekisho", "outbox", *arguments, f"--url=http://127.0.0.1:{daemon.ports['admin']}"],
                              env={"SEKISHO_TOKEN": daemon.token()}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done
        return done.stdout

    assert id in run("list") and "550 no" in run("list", "--state=given_up") and "no messages" in run("list", "--about=x")
    shown = run("show", id)
    assert "国際電話の発信停止のお知らせ" in shown and "一行目\n" in shown and "\x1b" not in shown
    assert "waiting" in run("retry", id)
    assert message(daemon, id)["state"] == "waiting"

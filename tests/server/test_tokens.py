"""Bearer tokens from end to end: issued by the command line, taken by both listeners, revoked, refused."""
import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import time

import pytest

from daemon import BUILD

NUMBER = {"account": "1001", "number": "0312345678"}


def token_command(*words, status=0, **env):
    result = subprocess.run([str(BUILD / "sekisho"), "token", *map(str, words)], capture_output=True,
                            text=True, timeout=60, env={"PATH": os.environ["PATH"], "TZ": "UTC"} | env)
    assert result.returncode == status, result
    return result


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def payload(token):
    middle = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


@pytest.fixture
def keys(tmp_path):
    """A folder with one key, without a daemon."""
    folder = tmp_path / "keys"
    folder.mkdir(0o700)
    key = folder / "k1.hs256"
    key.write_text(base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("="))
    key.chmod(0o400)
    return folder


# --- the command line alone -------------------------------------------------------------------------------

def test_the_token_is_alone_on_standard_output(keys):
    result = token_command("issue", "--keys", keys, "--role", "pbx", "--ttl", "400d", "--tenant", "acme",
                           "--tenant", "globex,umbrella", "--subject", "東京-1")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", result.stdout)
    claims = payload(result.stdout)
    assert claims["tenants"] == ["acme", "globex", "umbrella"] and claims["sub"] == "東京-1"
    assert claims["exp"] - claims["iat"] == 400 * 86400 and claims["nbf"] == claims["iat"]
    assert claims["jti"] in result.stderr and result.stdout.strip() not in result.stderr


def test_what_was_issued_is_on_record_without_the_token(keys):
    issued = json.loads(token_command("issue", "--keys", keys, "--role", "tenant_admin", "--tenant",
                                      "acme", "--json").stdout)
    token_command("issue", "--keys", keys, "--role", "operator", "--ttl", "1s")
    text = (keys / "issued.ndjson").read_text()
    assert len(text.splitlines()) == 2 and issued["token"].split(".")[2] not in text
    time.sleep(1.1)
    first, second = json.loads(token_command("list", "--keys", keys, "--json").stdout)["tokens"]
    assert first == {name: issued[name] for name in issued if name != "token"} | {"expired": False}
    assert second["expired"] and second["tenants"] is None
    table = token_command("list", "--keys", keys).stdout
    assert re.search(rf"^{issued['jti']}  tenant_admin  acme ", table, re.M)
    assert re.search(rf"^{second['jti']}  operator .* all tenants .* yes$", table.replace("all", " all"), re.M)


@pytest.mark.parametrize("words, why", [
    (["--role", "operator", "--ttl", "25h"], "24 hours at most"),
    (["--role", "pbx", "--ttl", "401d"], "--ttl"),
    (["--role", "pbx", "--ttl", "0s"], "--ttl"),
    (["--role", "root"], "--role"),
    ([], "--role is missing"),
    (["--role", "tenant_admin"], "exactly one"),
    (["--role", "tenant_admin", "--tenant", "a,b"], "exactly one"),
    (["--role", "operator", "--tenant", "acme"], "not limited"),
    (["--role", "pbx", "--tenant", "ACME"], "not a tenant id"),
    (["--role", "pbx", "--subject", "a\nb"], "plain text"),
])
def test_what_is_not_issued(keys, words, why):
    result = token_command("issue", "--keys", keys, *words, status=2)
    assert why in result.stderr and result.stdout == ""
    assert not (keys / "issued.ndjson").exists()


def test_no_token_without_its_record(keys):
    (keys / "issued.ndjson").mkdir()
    result = token_command("issue", "--keys", keys, "--role", "pbx", status=2)
    assert result.stdout == "" and "issued.ndjson" in result.stderr


def test_issuing_makes_no_key(tmp_path):
    assert "No such file" in token_command("issue", "--keys", tmp_path / "no", "--role", "pbx", status=2).stderr
    assert "no key" in token_command("issue", "--keys", tmp_path, "--role", "pbx", status=2).stderr


# --- with a daemon ----------------------------------------------------------------------------------------

def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_both_listeners_take_it_and_basic_too(daemon):
    token = daemon.token("pbx")
    assert daemon.authorize("nobody", **NUMBER, token=token).status == 200
    basic = base64.b64encode(f"pbx:{token}".encode()).decode()
    answer = daemon.http("dial", "GET", "/v1/authorize?tenant=nobody&number=0312345678", None, None,
                         {"Authorization": f"Basic {basic}"})
    assert answer.status == 200
    assert daemon.rest("GET", "/v1/tenants").status == 200


def test_what_libjwt_lets_through_is_refused(daemon):
    good = daemon.token("operator")
    header, claims, signature = good.split(".")
    never = part({"alg": "none", "kid": "k1", "typ": "JWT"}).decode()
    forged = part({"alg": "HS256", "kid": "k1", "typ": "JWT"}) + b"." + claims.encode()
    forged += b"." + base64.urlsafe_b64encode(hmac.new(b"", forged, hashlib.sha256).digest()).rstrip(b"=")
    bad = [f"{never}.{claims}.", f"{never}.{claims}", f"{never}.{claims}.{signature}", forged.decode(),
           f"{header}.{claims}", good + ".", good[:-1], "", "null", good + "A"]
    for token in bad:
        for door, path in ("dial", "/v1/authorize?tenant=acme&number=0312345678"), ("admin", "/v1/tenants"):
            answer = daemon.http(door, "GET", path, None, None, bearer(token))
            assert answer.status == 401, (door, token, answer)
            assert "WWW-Authenticate" in answer.headers
    assert daemon.http("admin", "GET", "/v1/tenants", None, good).status == 200


def test_a_token_that_has_ended_is_refused_although_remembered(daemon):
    token = daemon.token("pbx", ttl="2s")
    assert daemon.authorize("nobody", **NUMBER, token=token).status == 200
    time.sleep(max(0.0, payload(token)["exp"] - time.time()) + 0.05)
    assert daemon.authorize("nobody", **NUMBER, token=token).status == 401


def test_a_revoked_token_is_refused_from_the_next_request_on(daemon):
    revoked = json.loads(token_command("issue", "--keys", daemon.keys, "--role", "pbx", "--json").stdout)
    other = daemon.token("pbx")
    assert daemon.authorize("nobody", **NUMBER, token=revoked["token"]).status == 200
    env = {"SEKISHO_URL": f"http://127.0.0.1:{daemon.ports['admin']}", "SEKISHO_TOKEN": daemon.token()}
    text = token_command("revoke", revoked["jti"], "--note", "盗難", "--keys", daemon.keys, **env).stdout
    assert f"token {revoked['jti']} revoked" in text
    assert daemon.authorize("nobody", **NUMBER, token=revoked["token"]).status == 401
    assert daemon.authorize("nobody", **NUMBER, token=other).status == 200
    listed = {row["jti"]: row for row in json.loads(token_command("revoked", "--json", **env).stdout)["revoked"]}
    assert listed[revoked["jti"]]["note"] == "盗難"
    assert listed[revoked["jti"]]["expires_at"] == revoked["expires_at"]
    assert "is no jti" in token_command("revoke", "a/b", status=2, **env).stderr
    assert "no token of this jti" in token_command("revoke", "NONE", "--keys", daemon.keys, **env).stderr


def test_a_revocation_survives_a_restart(start_daemon, tmp_path):
    daemon = start_daemon()
    token = daemon.token("provisioning")
    assert daemon.rest("PUT", f"/v1/tokens/revoked/{payload(token)['jti']}", {}).status == 201
    daemon.stop()
    daemon.start()
    assert daemon.rest("GET", "/v1/profiles", role="provisioning").status == 401
    assert daemon.rest("GET", "/v1/profiles").status == 200


def test_rotation_keeps_old_tokens_until_their_key_goes(start_daemon):
    daemon = start_daemon()
    old = daemon.token("operator")
    daemon.stop()
    (daemon.keys / "k2.hs256").write_text(base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("="))
    (daemon.keys / "k2.hs256").chmod(0o400)
    daemon.start()
    new = daemon.token("operator", ttl="2h")
    assert json.loads(base64.urlsafe_b64decode(new.split(".")[0] + "=="))["kid"] == "k2"
    for token in old, new:
        assert daemon.http("admin", "GET", "/v1/tenants", None, token).status == 200
    daemon.stop()
    (daemon.keys / "k1.hs256").unlink()
    daemon.start()
    assert daemon.http("admin", "GET", "/v1/tenants", None, old).status == 401
    assert daemon.http("admin", "GET", "/v1/tenants", None, new).status == 200


def test_it_does_not_start_with_keys_that_others_can_read(keys, tmp_path):
    (keys / "k1.hs256").chmod(0o440)
    result = subprocess.run([str(BUILD / "sekishod"), "--keys", str(keys), "--state", str(tmp_path / "state"),
                             "--dial-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
                             "--agi-listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=30)
    assert result.returncode != 0 and "k1.hs256: others can read it; want mode 0400" in result.stderr


def test_logs_have_no_token(daemon):
    token = daemon.token("pbx", "acme")
    daemon.authorize("acme", **NUMBER, token=token)
    daemon.authorize("acme", **NUMBER, token=token + "x")
    assert token.split(".")[2] not in daemon.log() and token.split(".")[1] not in daemon.log()


def test_refusals_are_told_once_a_minute(start_daemon):
    """An expired token on a PBX means the floor for its calls: somebody should hear of it."""
    daemon = start_daemon()
    for _ in range(5):
        assert daemon.http("dial", "GET", "/v1/authorize?tenant=a&account=1&number=0312345678", None,
                           "not.a.token").status == 401
        assert daemon.http("admin", "GET", "/v1/tenants", None, "not.a.token").status == 401
    assert daemon.log().count("tokens_refused") == 1
    assert "not.a.token" not in daemon.log()

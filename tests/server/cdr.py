"""Call records for tests: lines of Master.csv, and sending them."""
import datetime
import itertools

JAPAN = datetime.timezone(datetime.timedelta(hours=9))
CSV = {"Content-Type": "text/csv"}
NDJSON = {"Content-Type": "application/x-ndjson"}
_serials = itertools.count(1)


def days_ago(days, zone=JAPAN):
    return (datetime.datetime.now(zone) - datetime.timedelta(days=days)).replace(microsecond=0)


def line(tenant, account, number, at=None, columns=18, serial=None, zone=JAPAN, context="from-internal",
         disposition="ANSWERED", seconds=61):
    """A record as cdr_csv writes it, with its line end."""
    at, serial = at or days_ago(1), serial or next(_serials)
    shown = at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    answered = f'"{shown}"' if disposition == "ANSWERED" else ""
    seconds = seconds if answered else 0
    fields = [f'"{tenant}"', f'"{account}"', f'"{number}"', f'"{context}"', f'"""Desk {account}"" <{account}>"',
              f'"PJSIP/{account}-{serial:08x}"', '""', '"Dial"', '""', f'"{shown}"', answered, f'"{shown}"',
              str(seconds + 5), str(seconds), f'"{disposition}"', '"DOCUMENTATION"']
    uniqueid = f'"{int(at.timestamp())}.{serial}"'
    fields += {16: [], 17: [uniqueid], 18: [uniqueid, '""'], 21: [uniqueid, '""', '""', uniqueid, str(serial)]}[columns]
    return ",".join(fields) + "\n"


def state_terms(daemon, days=400):
    answer = daemon.rest("PUT", "/v1/cdrs/terms", {"purpose": "tests", "retention_days": days})
    assert answer.status == 200, answer


def send(daemon, text, query="source=pbx1", headers=CSV, role="operator", tenants=()):
    body = text if isinstance(text, bytes) else text.encode()
    return daemon.http("admin", "POST", f"/v1/cdrs?{query}", body, daemon.token(role, *tenants), headers)


def sent(daemon, text, query="source=pbx1", **more):
    answer = send(daemon, text, query, **more)
    assert answer.status == 200, answer
    return answer.json


def numbers(daemon, text, query="source=pbx1"):
    """The canonical numbers that a dry run shows."""
    return [call["number"] for call in sent(daemon, text, query + "&dry_run=true")["sample"]]

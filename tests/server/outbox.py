"""Messages put straight into a store on SQLite, before the daemon that sends them starts."""
import itertools
import sqlite3
import subprocess
import time

from daemon import BUILD

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
numbers = itertools.count(1)


def ulid():
    """The next one of this process."""
    now, number, text = int(time.time() * 1000), next(numbers), ""
    value = now << 80 | number
    for _ in range(26):
        text = ALPHABET[value & 31] + text
        value >>= 5
    return text


def put(folder, **fields):
    """A message that waits; returns its id."""
    store = folder / "store.db"
    subprocess.run([BUILD / "sekisho", "store", "migrate", f"--store=sqlite:{store}"], check=True, capture_output=True)
    now = int(time.time() * 1000)
    row = {"tenant": "acme", "id": ulid(), "channel": "mail", "address": "info@example.jp", "locale": "ja",
           "subject": "【重要】国際電話の発信停止のお知らせ（株式会社アクメ 様）",
           "body": "株式会社アクメ\nご担当者様\n\n.\n停止いたします。\n", "about": "campaign:x",
           "state": "waiting", "attempts": 0, "due_at_ms": now, "claimed_by": "", "last_error": "",
           "created_at_ms": now, "updated_at_ms": now} | fields
    row.setdefault("key", row["id"])
    with sqlite3.connect(store) as connection:
        connection.execute(f"INSERT INTO outbox ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                           list(row.values()))
    connection.close()
    return row["id"]


def message(daemon, id):
    answer = daemon.rest("GET", f"/v1/outbox/{id}")
    assert answer.status == 200, answer
    return answer.json

"""How long from the acknowledgement of an edit on one node until another one enforces it."""
import time

ENFORCED_SECONDS_MAX = 5
ASK_APART_SECONDS = 0.0003  # who asks without a pause takes the processor away from who is to enforce it


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def enforced_after(writer, reader, tenant, rule_id, action):
    """Seconds; and how many calls in that time got the old verdict."""
    answer = writer.rest("PATCH", f"/v1/tenants/{tenant}/rules/{rule_id}", {"action": action}, {"If-Match": "*"})
    assert answer.status == 200, answer
    acknowledged, wrong = time.monotonic(), 0
    while True:
        verdict = reader.authorize(tenant, "1001", "010 1 212 555 0100").json["verdict"]
        took = time.monotonic() - acknowledged
        if verdict == action:
            return took, wrong
        wrong += 1
        time.sleep(ASK_APART_SECONDS)
        assert took < ENFORCED_SECONDS_MAX, f"{reader.name} still says {verdict} after {took:.1f} s"


def make_tenant(client, tenant):
    """With a rule to change; returns its id."""
    assert client.rest("PUT", f"/v1/tenants/{tenant}", {"name": tenant}).status == 201
    rule = client.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": "0101", "action": "deny"})
    assert rule.status == 201, rule
    return rule.json["id"]


def edits(nodes, tenant, count, pause=0.0):
    """Edits on each node in turn, looked for on each other one: [(seconds, wrong verdicts)]."""
    rule_id = make_tenant(nodes[0], tenant)
    time.sleep(1.2)  # all have heard of the tenant
    found = []
    for turn in range(count):
        writer = nodes[turn % len(nodes)]
        reader = nodes[(turn + 1 + turn // len(nodes) % (len(nodes) - 1)) % len(nodes)]
        found.append(enforced_after(writer, reader, tenant, rule_id, "deny" if turn % 2 else "allow"))
        time.sleep(pause)
    return found


def tell(title, found):
    times = [took * 1000 for took, _ in found]
    print(f"\n{title}: {len(times)} edits, enforced on another node after p50 {percentile(times, .5):.1f} ms, "
          f"p99 {percentile(times, .99):.1f} ms, at most {max(times):.1f} ms; "
          f"{sum(wrong for _, wrong in found)} calls meanwhile got the old verdict")

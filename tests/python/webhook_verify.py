"""A receiver of webhooks built on standardwebhooks: verifies what came, and refuses what was tampered with or is old.

Takes one JSON object on standard input: secret, requests (each with headers and body, as they came). Answers with what it
took, each message once however often it came.
"""

import datetime
import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

given = json.load(sys.stdin)
receiver = Webhook(given["secret"])
stranger = Webhook("whsec_" + "QUJD" * 10)
seen, taken, repeated = set(), [], 0


def refused(hook, body, headers):
    try:
        hook.verify(body, headers)
    except WebhookVerificationError:
        return True
    return False


for request in given["requests"]:
    headers, body = request["headers"], request["body"]
    payload = receiver.verify(body, headers)
    message, stamp = headers["webhook-id"], int(headers["webhook-timestamp"])

    # Its own signature of the same is the same, whatever ours was made with.
    sent_at = datetime.datetime.fromtimestamp(stamp, datetime.timezone.utc)
    assert receiver.sign(message, sent_at, body) == headers["webhook-signature"]

    assert refused(stranger, body, headers), "another secret"
    assert refused(receiver, body + " ", headers), "another body"
    assert refused(receiver, body, {**headers, "webhook-id": message + "0"}), "another id"
    assert refused(receiver, body, {**headers, "webhook-timestamp": str(stamp - 1)}), "another time"
    # A replay of something that was signed well, an hour ago.
    old = sent_at - datetime.timedelta(hours=1)
    replayed = {
        "webhook-id": message,
        "webhook-timestamp": str(int(old.timestamp())),
        "webhook-signature": receiver.sign(message, old, body),
    }
    assert refused(receiver, body, replayed), "an old one"

    # A replay within the time that is tolerated: the id is known.
    if message in seen:
        repeated += 1
        continue
    seen.add(message)
    taken.extend(payload if isinstance(payload, list) else [payload])

json.dump({"taken": [event["id"] for event in taken], "repeated": repeated}, sys.stdout)

"""Somebody on AWS, built on boto3: collects what comes on a bus, and sends as EventBridge would.

Takes one JSON object on standard input: endpoint (URL of the emulator), do (look, collect, drain, send), and what that needs.
"""

import json
import sys

import boto3

given = json.load(sys.stdin)


def client(service):
    return boto3.client(
        service,
        endpoint_url=given["endpoint"],
        region_name="eu-central-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="local",
    )


def collect(bus):
    """A bus, a rule for all of twinctl's events, and a queue that they go to."""
    events, queues = client("events"), client("sqs")
    if bus != "default":
        events.create_event_bus(Name=bus)
    url = queues.create_queue(QueueName=f"collected-{bus}")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["twinctl"], "detail": {"specversion": ["1.0"]}}
    events.put_rule(Name="collect", EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(Rule="collect", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return {"queue": url}


def drain(queue):
    """All that lies in a queue, taken off it."""
    queues, bodies = client("sqs"), []
    while True:
        answer = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        messages = answer.get("Messages", [])
        if not messages:
            return [json.loads(body) for body in bodies]
        for message in messages:
            bodies.append(message["Body"])
            queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def send(name, bodies):
    """Puts messages into a queue by its name."""
    queues = client("sqs")
    url = queues.get_queue_url(QueueName=name)["QueueUrl"]
    for body in bodies:
        queues.send_message(QueueUrl=url, MessageBody=body)
    return {}


def look(name):
    """What a rule's targets are, and who may send to the queue of the same name."""
    queues = client("sqs")
    url = queues.get_queue_url(QueueName=name)["QueueUrl"]
    attributes = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "Policy"])["Attributes"]
    targets = client("events").list_targets_by_rule(Rule=name)["Targets"]
    senders = [
        {"service": one["Principal"]["Service"], "rule": one["Condition"]["ArnEquals"]["aws:SourceArn"]}
        for one in json.loads(attributes["Policy"])["Statement"]
    ]
    return {"queue": attributes["QueueArn"], "targets": [one["Arn"] for one in targets], "senders": senders}


what = {"look": look, "collect": collect, "drain": drain, "send": send}[given["do"]]
json.dump(what(**{name: value for name, value in given.items() if name not in ("endpoint", "do")}), sys.stdout)

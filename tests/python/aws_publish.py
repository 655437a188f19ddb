"""A device built on boto3: publishes one message to a topic of IoT Core.

Takes one JSON object on standard input: endpoint (URL of the emulator), topic, body.
"""

import datetime
import json
import sys

import boto3

given = json.load(sys.stdin)
client = boto3.client(
    "iot-data",
    endpoint_url=given["endpoint"],
    region_name="eu-central-1",
    aws_access_key_id="000000000000",
    aws_secret_access_key="local",
)
now = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
client.publish(topic=given["topic"], qos=1, payload=json.dumps({"time": now, **given["body"]}).encode())

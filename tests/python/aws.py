"""Puts something into the services of AWS that a deployment uses, or reads it back; input: endpoint, do."""

import io
import json
import sys
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

BOOTSTRAP = """#!/usr/bin/env python3
import json, os, time, urllib.request
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(f"{api}/next") as event:
        request = event.headers["Lambda-Runtime-Aws-Request-Id"]
        time.sleep(json.load(event).get("seconds", 0))
    answer = json.dumps({"pid": os.getpid(), "environment": dict(os.environ)})
    urllib.request.urlopen(f"{api}/{request}/response", answer.encode())
"""


def package():
    """A function that answers with its process and its environment."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        archive.writestr(bootstrap, BOOTSTRAP)
    return packed.getvalue()


def put(client):
    client("s3").create_bucket(
        Bucket="the-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    client("s3").put_object(Bucket="the-bucket", Key="key", Body=b"value")
    client("dynamodb").create_table(
        TableName="the-table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client("dynamodb").put_item(TableName="the-table", Item={"id": {"S": "item"}})
    client("iot").create_thing(thingName="the-thing")
    certificate = client("iot").create_keys_and_certificate(setAsActive=True)
    role = client("iam").create_role(RoleName="the-role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client("lambda").create_function(
        FunctionName="the-function",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=role,
        Timeout=300,
        Code={"ZipFile": package()},
        Environment={"Variables": {"OF_THE_FUNCTION": "1"}},
    )
    client("logs").create_log_group(logGroupName="the-group")
    return {"certificate": certificate["certificateArn"]}


def get(client):
    return {
        "object": client("s3").get_object(Bucket="the-bucket", Key="key")["Body"].read().decode(),
        "items": client("dynamodb").scan(TableName="the-table")["Count"],
        "things": [thing["thingName"] for thing in client("iot").list_things()["things"]],
        "certificates": [each["certificateArn"] for each in client("iot").list_certificates()["certificates"]],
        "roles": [role["RoleName"] for role in client("iam").list_roles()["Roles"]],
        "functions": [each["FunctionName"] for each in client("lambda").list_functions()["Functions"]],
        "groups": [group["logGroupName"] for group in client("logs").describe_log_groups()["logGroups"]],
    }


def invoke(client):
    client("lambda").get_waiter("function_active_v2").wait(
        FunctionName="the-function", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    return json.load(client("lambda").invoke(FunctionName="the-function", Payload="{}")["Payload"])


def hold(client):
    """Leaves a call behind that goes on for minutes."""
    call = {"FunctionName": "the-function", "Payload": json.dumps({"seconds": 300})}
    client("lambda").invoke(InvocationType="Event", **call)
    try:
        client("lambda", read_timeout=1, retries={"total_max_attempts": 1}).invoke(**call)
    except ReadTimeoutError:
        return {}
    raise RuntimeError("it has answered")


def main():
    given = json.load(sys.stdin)

    def client(service, **options):
        return boto3.client(
            service,
            endpoint_url=given["endpoint"],
            region_name="eu-central-1",
            aws_access_key_id="100000000001",
            aws_secret_access_key="any",
            config=Config(**options),
        )

    print(json.dumps({"put": put, "get": get, "invoke": invoke, "hold": hold}[given["do"]](client)))


main()

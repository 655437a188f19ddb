"""An auditor built on boto3: what is left of a deployment in the emulator, by kind; {} when nothing is.

Takes one JSON object on standard input: endpoint (URL of the emulator).
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


iot = client("iot")
kinds = {
    "roles": [one["RoleName"] for one in client("iam").list_roles()["Roles"] if one["Path"] == "/"],
    "functions": [one["FunctionName"] for one in client("lambda").list_functions()["Functions"]],
    "log groups": [one["logGroupName"] for one in client("logs").describe_log_groups()["logGroups"]],
    "tables": client("dynamodb").list_tables()["TableNames"],
    "buckets": [one["Name"] for one in client("s3").list_buckets()["Buckets"]],
    "things": [one["thingName"] for one in iot.list_things()["things"]],
    "certificates": [one["certificateId"] for one in iot.list_certificates()["certificates"]],
    "policies": [one["policyName"] for one in iot.list_policies()["policies"]],
    "rules": [one["ruleName"] for one in iot.list_topic_rules()["rules"]],
}
print(json.dumps({kind: names for kind, names in kinds.items() if names}))

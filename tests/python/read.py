"""A reader built on Microsoft's own SDK: waits until a twin shows a value.

Takes one JSON object on standard input: twins (URL), login (URL), tenant, ca (file), twin, property, value, and seconds to
wait. Prints the twin.
"""

import json
import sys
import time

from azure.digitaltwins.core import DigitalTwinsClient
from azure.identity import ClientSecretCredential


def main():
    given = json.load(sys.stdin)
    credential = ClientSecretCredential(
        given["tenant"],
        "a-reader",
        "any",
        authority=given["login"].rstrip("/"),
        disable_instance_discovery=True,
        connection_verify=given["ca"],
    )
    client = DigitalTwinsClient(given["twins"].rstrip("/"), credential, connection_verify=given["ca"])
    end = time.monotonic() + given["seconds"]
    while True:
        twin = client.get_digital_twin(given["twin"])
        if twin.get(given["property"]) == given["value"]:
            print(json.dumps(twin))
            return
        if time.monotonic() > end:
            sys.exit(f"{given['twin']} never showed {given['property']} = {given['value']}: {twin}")
        time.sleep(0.2)


main()

"""A device built on Microsoft's own SDK: connects to the hub over MQTT, sends what it is told to, disconnects.

Takes one JSON object on standard input: hub (host name), device, key, ca (file), port (of MQTT), and messages, a list of
{body, properties?, contentType?, contentEncoding?, id?}. Prints how many were acknowledged.
"""

import json
import pathlib
import sys

import socks
from azure.iot.device import IoTHubDeviceClient, Message, ProxyOptions

import proxy


def message(given):
    made = Message(given["body"], message_id=given.get("id"))
    made.content_type = given.get("contentType")
    made.content_encoding = given.get("contentEncoding")
    made.custom_properties.update(given.get("properties", {}))
    return made


def main():
    given = json.load(sys.stdin)
    client = IoTHubDeviceClient.create_from_connection_string(
        f"HostName={given['hub']};DeviceId={given['device']};SharedAccessKey={given['key']}",
        server_verification_cert=pathlib.Path(given["ca"]).read_text(),
        proxy_options=ProxyOptions(socks.HTTP, "127.0.0.1", proxy.start(given["port"])),
        connection_retry=False,
    )
    client.connect()
    for each in given["messages"]:
        # Returns once the hub has acknowledged it.
        client.send_message(message(each))
    twin = client.get_twin()
    client.shutdown()
    print(json.dumps({"sent": len(given["messages"]), "twin": twin}))


main()

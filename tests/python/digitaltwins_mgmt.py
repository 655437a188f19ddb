"""A deployer built on Microsoft's own SDK: makes an instance of digital twins with an endpoint, uses it, takes both away.

Takes one JSON object on standard input: arm (URL), twins (URL of the only instance), login (URL), tenant, subscription, group (which is
there), and ca (file). Prints what it saw.
"""

import json
import sys

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.digitaltwins.core import DigitalTwinsClient, DigitalTwinsEventRoute
from azure.identity import ClientSecretCredential
from azure.mgmt.digitaltwins import AzureDigitalTwinsManagementClient
from azure.mgmt.digitaltwins.models import (
    CheckNameRequest,
    DigitalTwinsDescription,
    DigitalTwinsEndpointResource,
    DigitalTwinsPatchDescription,
    EventGrid,
)

LOCATION = "westeurope"
# Seconds; an operation of an instance takes moments here.
PATIENCE = 60


def finished(poller):
    """The result of a long-running operation, which must end."""
    result = poller.result(PATIENCE)
    assert poller.done(), f"{poller.status()} after {PATIENCE} s"
    return result


def refused(call, error=HttpResponseError):
    """The code of the error that a call must end with."""
    try:
        call()
    except error as refusal:
        return {"status": refusal.status_code, "code": refusal.error.code}
    raise AssertionError("it was not refused")


def use(credential, given):
    """Makes a route to the endpoint through the data plane; of every route, where it leads."""
    client = DigitalTwinsClient(given["twins"].rstrip("/"), credential, connection_verify=given["ca"])
    client.upsert_event_route("all", DigitalTwinsEventRoute(endpoint_name="events", filter="true"))
    return [route.endpoint_name for route in client.list_event_routes()]


def main():
    given = json.load(sys.stdin)
    credential = ClientSecretCredential(
        given["tenant"],
        "a-deployer",
        "any",
        authority=given["login"].rstrip("/"),
        disable_instance_discovery=True,
        connection_verify=given["ca"],
    )
    client = AzureDigitalTwinsManagementClient(
        credential,
        given["subscription"],
        base_url=given["arm"].rstrip("/"),
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=given["ca"],
        polling_interval=0.05,
    )
    group, name, seen = given["group"], "by-sdk-twins", {}
    twins, endpoints = client.digital_twins, client.digital_twins_endpoint

    def is_available():
        return twins.check_name_availability(LOCATION, CheckNameRequest(name=name)).name_available

    seen["available before"] = is_available()
    wanted = DigitalTwinsDescription(location=LOCATION, tags={"by": "sdk"})
    instance = finished(twins.begin_create_or_update(group, name, wanted))
    seen["instance"] = {"name": instance.name, "state": instance.provisioning_state, "host": instance.host_name}
    seen["available after"] = is_available()
    patch = DigitalTwinsPatchDescription(tags={"by": "sdk", "more": "yes"})
    finished(twins.begin_update(group, name, patch))
    seen["tags"] = twins.get(group, name).tags
    seen["listed"] = [it.name for it in twins.list_by_resource_group(group)]
    seen["listed everywhere"] = [it.name for it in twins.list()]

    topic = EventGrid(topic_endpoint="https://by-sdk.westeurope-1.eventgrid.azure.net/api/events", access_key1="any")
    wanted = DigitalTwinsEndpointResource(properties=topic)
    endpoint = finished(endpoints.begin_create_or_update(group, name, "events", wanted))
    shown = endpoints.get(group, name, "events").properties
    seen["endpoint"] = {
        "name": endpoint.name,
        "type": shown.endpoint_type,
        "state": shown.provisioning_state,
        "key": shown.access_key1,
    }
    seen["endpoints"] = [it.name for it in endpoints.list(group, name)]
    seen["routes"] = use(credential, given)

    finished(endpoints.begin_delete(group, name, "events"))
    seen["endpoint gone"] = refused(lambda: endpoints.get(group, name, "events"), ResourceNotFoundError)
    finished(twins.begin_delete(group, name))
    seen["instance gone"] = refused(lambda: twins.get(group, name), ResourceNotFoundError)
    seen["listed after"] = [it.name for it in twins.list_by_resource_group(group)]
    print(json.dumps(seen))


main()

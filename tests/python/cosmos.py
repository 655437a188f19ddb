"""A user of Cosmos DB built on Microsoft's own SDK: makes, writes, reads, queries and deletes, and checks each answer.

Takes one JSON object on standard input: ca (file), login (URL), tenant; keyed, an account's endpoint, and its key; closed,
the endpoint of an account that takes tokens alone, with database and container, partitioned by /iotDeviceId. Leaves one item in
the closed one, and prints it.
"""

import json
import os
import socket
import sys

from azure.core import MatchConditions
from azure.cosmos import CosmosClient, PartitionKey, exceptions
from azure.identity import ClientSecretCredential

_resolve = socket.getaddrinfo


def _resolve_localhost(host, *rest, **named):
    """Not every system knows the names below .localhost."""
    name = host.decode() if isinstance(host, bytes) else host
    return _resolve("127.0.0.1" if name and name.endswith(".localhost") else host, *rest, **named)


def refused(status, call, *arguments, **named):
    """Runs what must be refused, and returns the refusal."""
    try:
        call(*arguments, **named)
    except exceptions.CosmosHttpResponseError as error:
        assert error.status_code == status, error
        return error
    sys.exit(f"{call} was not refused with {status}")


def holders(client):
    """Makes a database and a container; returns the container, and what takes all away again."""
    database = client.create_database_if_not_exists("ours")
    assert [one["id"] for one in client.list_databases()] == ["ours"]
    container = database.create_container_if_not_exists("items", PartitionKey(path="/device"), default_ttl=3600)
    assert container.read()["defaultTtl"] == 3600
    refused(409, database.create_container, "items", PartitionKey(path="/device"))

    def remove():
        database.delete_container("items")
        client.delete_database("ours")
        assert not list(client.list_databases())

    return container, remove


def items(container):
    """One item's life."""
    made = container.create_item({"id": "1", "device": "m1", "t": 1})
    refused(409, container.create_item, {"id": "1", "device": "m1"})
    made["t"] = 2
    unchanged = {"etag": made["_etag"], "match_condition": MatchConditions.IfNotModified}
    container.replace_item("1", made, **unchanged)
    refused(412, container.replace_item, "1", made, **unchanged)
    assert container.patch_item("1", "m1", [{"op": "incr", "path": "/t", "value": 3}])["t"] == 5
    assert container.read_item("1", "m1")["t"] == 5
    container.delete_item("1", "m1")
    refused(404, container.read_item, "1", "m1")


def queries(container):
    """Within a partition, and over all of them: then the SDK merges what its query plan tells it to."""
    for n in range(20):
        container.upsert_item({"id": str(n), "device": f"m{n % 3}", "t": n})

    def ask(sql, **named):
        return list(container.query_items(sql, enable_cross_partition_query=True, max_item_count=3, **named))

    above = [{"name": "@t", "value": 10}]
    assert len(ask("SELECT * FROM c WHERE c.t > @t", parameters=above, partition_key="m1")) == 3
    assert len(ask("SELECT * FROM c WHERE c.t > @t AND c.device IN ('m0', 'm1')", parameters=above)) == 6
    assert ask("SELECT VALUE c.t FROM c WHERE c.t < 5 ORDER BY c.t DESC") == [4, 3, 2, 1, 0]
    assert [row["n"] for row in ask("SELECT TOP 2 c.t AS n FROM c ORDER BY c.t")] == [0, 1]
    assert ask("SELECT VALUE c.t FROM c ORDER BY c.t OFFSET 5 LIMIT 2") == [5, 6]
    assert sorted(ask("SELECT DISTINCT VALUE c.device FROM c")) == ["m0", "m1", "m2"]
    aggregates = [ask(f"SELECT VALUE {of}(c.t) FROM c")[0] for of in ("COUNT", "SUM", "MIN", "MAX", "AVG")]
    assert aggregates == [20, 190, 0, 19, 9.5], aggregates
    assert len(list(container.read_all_items(max_item_count=7))) == 20
    assert len(container.read_items([("1", "m1"), ("2", "m2"), ("99", "m0")])) == 2
    refused(400, ask, "SELECT * FROM c WHERE")
    refused(501, ask, "SELECT c.device, COUNT(1) FROM c GROUP BY c.device")


def tokens(given):
    """An account that takes tokens alone, as a deployment makes it."""
    refused(401, CosmosClient, given["closed"], given["key"])
    credential = ClientSecretCredential(
        given["tenant"],
        "a-function",
        "any",
        authority=given["login"].rstrip("/"),
        disable_instance_discovery=True,
        connection_verify=given["ca"],
    )
    client = CosmosClient(given["closed"], credential)
    refused(403, client.create_database, "ours")
    container = client.get_database_client(given["database"]).get_container_client(given["container"])
    container.upsert_item({"id": "left", "iotDeviceId": "Zürich 1", "temperature": 21.5})
    return container.read_item("left", "Zürich 1")


def main():
    given = json.load(sys.stdin)
    os.environ["REQUESTS_CA_BUNDLE"] = given["ca"]
    socket.getaddrinfo = _resolve_localhost
    container, remove = holders(CosmosClient(given["keyed"], given["key"]))
    items(container)
    queries(container)
    remove()
    print(json.dumps(tokens(given)))


main()

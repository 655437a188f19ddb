"""Drives the local TwinMaker with boto3 and holds every raw answer against botocore's service model.

Reads {"endpoint", "control"} from standard input; writes the operations that were answered with success, one a line.
"""

import json
import re
import sys
import threading
import time
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

WORDS = json.load(sys.stdin)
SUCCEEDED = set()
FAILED = defaultdict(set)
# What AWS answers whatever the model says: before the operation is known, or where the model lists too little.
UNLISTED = {"SerializationException", "NotImplemented"}
UNLISTED_OF_TAGS = {"ValidationException"}


def check(shape, value, at):
    """Holds a value of an answer against its shape."""
    if shape.type_name == "structure":
        assert isinstance(value, dict), f"{at}: {value!r} is no structure"
        for name in shape.required_members:
            assert name in value, f"{at}.{name} is missing"
        for name, member in value.items():
            assert name in shape.members, f"{at}.{name} is not in the model"
            assert member is not None, f"{at}.{name} is null"
            check(shape.members[name], member, f"{at}.{name}")
    elif shape.type_name == "list":
        assert isinstance(value, list), f"{at}: {value!r} is no list"
        size(shape, len(value), at)
        for index, item in enumerate(value):
            check(shape.member, item, f"{at}[{index}]")
    elif shape.type_name == "map":
        assert isinstance(value, dict), f"{at}: {value!r} is no map"
        size(shape, len(value), at)
        for key, item in value.items():
            check(shape.key, key, f"{at} key")
            check(shape.value, item, f"{at}.{key}")
    elif shape.type_name == "string":
        assert isinstance(value, str), f"{at}: {value!r} is no string"
        size(shape, len(value), at)
        if shape.enum:
            assert value in shape.enum, f"{at}: {value!r} is none of {shape.enum}"
        pattern = shape.metadata.get("pattern")
        if pattern and "\\p{" not in pattern:
            assert re.fullmatch(pattern, value), f"{at}: {value!r} does not match {pattern}"
    elif shape.type_name == "boolean":
        assert isinstance(value, bool), f"{at}: {value!r} is no boolean"
    elif shape.type_name in ("integer", "long"):
        assert isinstance(value, int) and not isinstance(value, bool), f"{at}: {value!r} is no whole number"
        size(shape, value, at)
    elif shape.type_name in ("double", "float", "timestamp"):
        assert isinstance(value, (int, float)) and not isinstance(value, bool), f"{at}: {value!r} is no number"
    else:
        raise AssertionError(f"{at}: nothing is known of {shape.type_name}")


def size(shape, found, at):
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    assert low is None or found >= low, f"{at}: {found} is less than {low}"
    assert high is None or found <= high, f"{at}: {found} is more than {high}"


def judge(operation_model, response_dict, **_):
    """Looks at an answer before botocore, which forgives much, reads it."""
    name, status, body = operation_model.name, response_dict["status_code"], json.loads(response_dict["body"])
    headers = {key.lower(): value for key, value in response_dict["headers"].items()}
    assert headers["content-type"].startswith("application/json"), headers
    assert headers["x-amzn-requestid"], headers
    if status == 200:
        assert status == operation_model.http["responseCode"]
        check(operation_model.output_shape, body, name)
        SUCCEEDED.add(name)
        return
    code = headers["x-amzn-errortype"]
    FAILED[name].add(code)
    assert set(body) == {"message"} and isinstance(body["message"], str), body
    listed = {shape.name: shape for shape in operation_model.error_shapes}
    if code in listed:
        assert listed[code].metadata["error"]["httpStatusCode"] == status, (name, code, status)
    else:
        tags = UNLISTED_OF_TAGS if "Tag" in name else set()
        assert code in UNLISTED | tags, f"{name} is not known to answer {code}: {body}"


def client(account="111122223333", region="eu-central-1"):
    made = boto3.client(
        "iottwinmaker", endpoint_url=WORDS["endpoint"], region_name=region, aws_access_key_id=account,
        aws_secret_access_key="any",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30))
    made.meta.events.register("before-parse.iottwinmaker.*", judge)
    return made


def refused(code, call, **request):
    try:
        answer = call(**request)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error.response)
        return
    raise AssertionError(f"{code} was expected, and {answer} came")


def control(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(WORDS["control"] + path, data=data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def active(get, **request):
    """Waits as a deployer does."""
    for _ in range(100):
        state = get(**request)["status"]["state"]
        if state == "ACTIVE":
            return
        assert state in ("CREATING", "UPDATING"), state
        time.sleep(0.01)
    raise AssertionError(f"{request} does not become active")


def gone(get, **request):
    for _ in range(100):
        try:
            assert get(**request)["status"]["state"] == "DELETING"
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException", error.response
            return
        time.sleep(0.01)
    raise AssertionError(f"{request} does not go")


class Lambda(BaseHTTPRequestHandler):
    """The emulator that the connectors are called at."""

    asked = []

    def do_POST(self):
        document = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Lambda.asked.append((self.path, dict(self.headers), document))
        failed = "fail" in self.path
        answer = json.dumps({"errorMessage": "no"} if failed else self.answer(document)).encode()
        self.send_response(200)
        if failed:
            self.send_header("X-Amz-Function-Error", "Unhandled")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def answer(self, document):
        known = {name: document[name] for name in ("entityId", "componentName") if name in document}
        if "startTime" not in document:
            return {"propertyValues": {name: {"propertyReference": {**known, "propertyName": name},
                                              "propertyValue": {"stringValue": "Siemens"}}
                                       for name in document["selectedProperties"]}}
        values = [{"time": document["startTime"], "value": {"doubleValue": 21.5}},
                  {"timestamp": 1649304282, "value": {"doubleValue": 22}}]
        return {"propertyValues": [{"entityPropertyReference": {**known, "propertyName": name}, "values": values}
                                   for name in document["selectedProperties"]], "nextToken": "more"}

    def log_message(self, *_):
        pass


def function(name):
    return {"implementedBy": {"lambda": {"arn": f"arn:aws:lambda:eu-central-1:111122223333:function:{name}"}}}


def sensor(**more):
    return {
        "workspaceId": "factory", "componentTypeId": "factory-sensor", "description": "a sensor",
        "propertyDefinitions": {
            "temperature": {"dataType": {"type": "DOUBLE", "unitOfMeasure": "DEGC"}, "isTimeSeries": True,
                            "isStoredExternally": True, "configuration": {"column": "t"}},
            "maker": {"dataType": {"type": "STRING"}, "isStoredExternally": True},
            "iotDeviceId": {"dataType": {"type": "STRING"}, "isRequiredInEntity": True, "isExternalId": True},
            "floor": {"dataType": {"type": "INTEGER"}, "defaultValue": {"integerValue": 1}},
        },
        "functions": {"dataReader": function("hot-reader"),
                      "attributePropertyValueReaderByEntity": function("hot-reader")},
        **more,
    }


def workspaces(twin):
    made = twin.create_workspace(workspaceId="factory", description="a factory", tags={"twinctl": "d-1"},
                                 role="arn:aws:iam::111122223333:role/twin", s3Location="arn:aws:s3:::factory-twin")
    assert made["arn"] == "arn:aws:iottwinmaker:eu-central-1:111122223333:workspace/factory"
    refused("ConflictException", twin.create_workspace, workspaceId="factory")
    refused("ValidationException", twin.create_workspace, workspaceId="f_")
    refused("ValidationException", twin.create_workspace, workspaceId="other", role="arn:aws:iam::1:role/twin-of-it")
    refused("ResourceNotFoundException", twin.get_workspace, workspaceId="nowhere")
    refused("ResourceNotFoundException", twin.update_workspace, workspaceId="nowhere")
    twin.update_workspace(workspaceId="factory", description="the factory")
    for named in ("factory", made["arn"]):
        found = twin.get_workspace(workspaceId=named)
        assert (found["description"], found["role"]) == ("the factory", "arn:aws:iam::111122223333:role/twin"), found
    for number in range(14):
        twin.create_workspace(workspaceId=f"more-{number}")
    refused("ServiceQuotaExceededException", twin.create_workspace, workspaceId="too-many")
    first = twin.list_workspaces(maxResults=10)
    rest = twin.list_workspaces(maxResults=10, nextToken=first["nextToken"])
    assert len(first["workspaceSummaries"]) == 10 and len(rest["workspaceSummaries"]) == 5, (first, rest)
    assert "nextToken" not in rest
    refused("ValidationException", twin.list_workspaces, nextToken="?")
    for number in range(14):
        twin.delete_workspace(workspaceId=f"more-{number}")
    assert client("444455556666").list_workspaces()["workspaceSummaries"] == [], "accounts are apart"
    assert client(region="us-east-1").list_workspaces()["workspaceSummaries"] == [], "regions are apart"
    return made["arn"]


def component_types(twin):
    get = {"workspaceId": "factory", "componentTypeId": "factory-sensor"}
    refused("ValidationException", twin.create_component_type, **{**sensor(), "workspaceId": "nowhere"})
    made = twin.create_component_type(**sensor(tags={"twinctl": "d-1"}))
    assert made["state"] == "CREATING"
    refused("ConflictException", twin.create_component_type, **sensor())
    refused("ValidationException", twin.update_component_type, **sensor())
    active(twin.get_component_type, **get)
    found = twin.get_component_type(**get)
    assert found["isAbstract"] is False and found["propertyDefinitions"]["temperature"]["isTimeSeries"] is True, found
    twin.update_component_type(**sensor(description="changed"))
    active(twin.get_component_type, **get)
    refused("ValidationException", twin.create_component_type, workspaceId="factory", componentTypeId="bad",
            propertyDefinitions={"a": {"dataType": {"type": "STRING"}, "defaultValue": {"doubleValue": 1}}})
    refused("ValidationException", twin.create_component_type, workspaceId="factory", componentTypeId="bad",
            functions={"dataRaeder": function("f")})
    refused("NotImplemented", twin.create_component_type, workspaceId="factory", componentTypeId="bad",
            propertyGroups={"g": {"groupType": "TABULAR"}})
    twin.create_component_type(workspaceId="factory", componentTypeId="heir", extendsFrom=["factory-sensor"])
    twin.create_component_type(workspaceId="factory", componentTypeId="bare", propertyDefinitions={
        "a": {"dataType": {"type": "LIST", "nestedType": {"type": "LONG"}}, "isStoredExternally": True,
              "isTimeSeries": True}})
    for name in ("heir", "bare"):
        active(twin.get_component_type, workspaceId="factory", componentTypeId=name)
    heir = twin.get_component_type(workspaceId="factory", componentTypeId="heir")
    assert heir["propertyDefinitions"]["maker"]["isInherited"] and heir["functions"]["dataReader"]["isInherited"]
    refused("ValidationException", twin.delete_component_type, **get)
    ids = lambda **more: [one["componentTypeId"] for one in
                          twin.list_component_types(workspaceId="factory", **more)["componentTypeSummaries"]]
    assert ids() == ["bare", "factory-sensor", "heir"], ids()
    assert ids(filters=[{"isAbstract": True}]) == ["bare"]
    assert ids(filters=[{"extendsFrom": "factory-sensor"}]) == ["heir"]
    assert ids(filters=[{"namespace": "factory-"}]) == ["factory-sensor"]
    refused("ValidationException", twin.list_component_types, workspaceId="nowhere")
    refused("ResourceNotFoundException", twin.get_component_type, workspaceId="factory", componentTypeId="nothing")
    twin.delete_component_type(workspaceId="factory", componentTypeId="heir")
    gone(twin.get_component_type, workspaceId="factory", componentTypeId="heir")
    return made["arn"]


def component(device="room-1", **more):
    return {"componentTypeId": "factory-sensor", "properties": {"iotDeviceId": {"value": {"stringValue": device}}},
            **more}


def entities(twin):
    get = {"workspaceId": "factory", "entityId": "room-1"}
    made = twin.create_entity(workspaceId="factory", entityId="hall", entityName="Halle 1 ä", tags={"twinctl": "d-1"})
    assert made["state"] == "CREATING"
    refused("ConflictException", twin.create_entity, workspaceId="factory", entityId="hall", entityName="again")
    refused("ConflictException", twin.update_entity, workspaceId="factory", entityId="hall", entityName="early")
    active(twin.get_entity, workspaceId="factory", entityId="hall")
    assert twin.get_entity(workspaceId="factory", entityId="hall")["parentEntityId"] == "$ROOT"
    twin.create_entity(workspaceId="factory", entityId="room-1", entityName="Room 1", parentEntityId="hall",
                       description="a room", components={"sensor": component(description="of the room")})
    active(twin.get_entity, **get)
    found = twin.get_entity(**get)
    properties = found["components"]["sensor"]["properties"]
    assert properties["iotDeviceId"]["value"] == {"stringValue": "room-1"}, properties
    assert properties["floor"]["value"] == {"integerValue": 1} and "value" not in properties["temperature"]
    refused("ValidationException", twin.create_entity, workspaceId="nowhere", entityName="a")
    refused("ValidationException", twin.create_entity, workspaceId="factory", entityName="a", entityId="-a")
    refused("ValidationException", twin.create_entity, workspaceId="factory", entityName="a", parentEntityId="none")
    refused("ValidationException", twin.create_entity, workspaceId="factory", entityName="a",
            components={"bare": {"componentTypeId": "bare"}})
    refused("ValidationException", twin.create_entity, workspaceId="factory", entityName="a",
            components={"sensor": {"componentTypeId": "factory-sensor"}})
    refused("ServiceQuotaExceededException", twin.create_entity, workspaceId="factory", entityName="a",
            components={f"c-{number}": component() for number in range(11)})
    refused("ResourceNotFoundException", twin.update_entity, workspaceId="factory", entityId="none")
    update = lambda **more: (twin.update_entity(**get, **more), active(twin.get_entity, **get))
    update(entityName="Room One", componentUpdates={
        "second": {"updateType": "CREATE", "componentTypeId": "factory-sensor",
                   "propertyUpdates": {"iotDeviceId": {"value": {"stringValue": "room-2"}}}},
        "sensor": {"updateType": "UPDATE", "propertyUpdates": {"floor": {"value": {"integerValue": 2}}}}})
    refused("ValidationException", twin.update_entity, **get, componentUpdates={"none": {"updateType": "DELETE"}})
    refused("ValidationException", twin.update_entity, workspaceId="factory", entityId="hall",
            parentEntityUpdate={"updateType": "UPDATE", "parentEntityId": "room-1"})
    update(componentUpdates={"second": {"updateType": "DELETE"}}, parentEntityUpdate={"updateType": "DELETE"})
    found = twin.get_entity(**get)
    assert list(found["components"]) == ["sensor"] and found["parentEntityId"] == "$ROOT", found
    assert found["components"]["sensor"]["properties"]["floor"]["value"] == {"integerValue": 2}
    update(parentEntityUpdate={"updateType": "UPDATE", "parentEntityId": "hall"})
    ids = lambda **more: [one["entityId"] for one in
                          twin.list_entities(workspaceId="factory", **more)["entitySummaries"]]
    assert ids() == ["hall", "room-1"]
    assert ids(filters=[{"parentEntityId": "$ROOT"}]) == ["hall"]
    assert ids(filters=[{"componentTypeId": "factory-sensor"}]) == ["room-1"]
    assert ids(filters=[{"externalId": "room-1"}]) == ["room-1"] and ids(filters=[{"externalId": "x"}]) == []
    pages = twin.get_paginator("list_entities") if twin.can_paginate("list_entities") else None
    assert pages is None, "a paginator has come; use it"
    refused("ValidationException", twin.list_entities, workspaceId="nowhere")
    refused("ValidationException", twin.delete_component_type, workspaceId="factory", componentTypeId="factory-sensor")
    refused("ValidationException", twin.delete_entity, workspaceId="factory", entityId="hall")
    refused("ValidationException", twin.delete_workspace, workspaceId="factory")
    drawn = twin.create_entity(workspaceId="factory", entityName="without an id")["entityId"]
    active(twin.get_entity, workspaceId="factory", entityId=drawn)
    twin.delete_entity(workspaceId="factory", entityId=drawn)
    gone(twin.get_entity, workspaceId="factory", entityId=drawn)
    return made["arn"]


def tags(twin, arns):
    for arn in arns:
        twin.tag_resource(resourceARN=arn, tags={"step": "s-1", "Grün 1": "+"})
        assert twin.list_tags_for_resource(resourceARN=arn)["tags"] == {"twinctl": "d-1", "step": "s-1", "Grün 1": "+"}
        twin.untag_resource(resourceARN=arn, tagKeys=["step", "Grün 1", "none"])
        assert twin.list_tags_for_resource(resourceARN=arn)["tags"] == {"twinctl": "d-1"}
    refused("ResourceNotFoundException", twin.list_tags_for_resource, resourceARN=arns[0] + "-2")
    refused("ResourceNotFoundException", client("444455556666").list_tags_for_resource, resourceARN=arns[0])
    refused("ValidationException", twin.tag_resource, resourceARN=arns[0], tags={"aws:mine": "x"})
    many = {f"tag-{number}": "x" for number in range(50)}
    refused("TooManyTagsException", twin.tag_resource, resourceARN=arns[0], tags=many)


def values(twin, emulator):
    sensor_of = {"workspaceId": "factory", "entityId": "room-1", "componentName": "sensor"}
    span = {"startTime": "2026-11-01T00:00:00Z", "endTime": "2026-11-02T00:00:00+01:00"}
    history = {"selectedProperties": ["temperature"], **span}
    control("DELETE", "aws")
    refused("ConnectorFailureException", twin.get_property_value_history, **sensor_of, **history)
    control("PUT", "aws", {"endpoint": emulator})
    got = twin.get_property_value_history(**sensor_of, **history, maxResults=2, orderByTime="DESCENDING")
    assert [one["value"] for one in got["propertyValues"][0]["values"]] == [{"doubleValue": 21.5}, {"doubleValue": 22}]
    assert got["nextToken"] == "more"
    path, headers, document = Lambda.asked[-1]
    assert path == "/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:hot-reader/invocations", path
    scope = headers["authorization"].split("Credential=")[1].split(",")[0].split("/")
    assert (scope[0], scope[2:]) == ("111122223333", ["eu-central-1", "lambda", "aws4_request"]), scope
    assert {**sensor_of, **history}.items() <= document.items(), document
    assert (document["startDateTime"], document["endDateTime"]) == (1793491200, 1793574000), document
    assert (document["maxResults"], document["orderByTime"]) == (2, "DESCENDING")
    assert document["properties"]["iotDeviceId"]["value"] == {"stringValue": "room-1"}
    assert document["properties"]["temperature"]["definition"]["configuration"] == {"column": "t"}
    of_type = twin.get_property_value_history(workspaceId="factory", componentTypeId="factory-sensor", **history)
    assert of_type["propertyValues"][0]["entityPropertyReference"] == {"propertyName": "temperature"}
    refused("ValidationException", twin.get_property_value_history, **sensor_of, selectedProperties=["floor"], **span)
    refused("ValidationException", twin.get_property_value_history, **sensor_of, selectedProperties=["temperature"])
    refused("ValidationException", twin.get_property_value_history, workspaceId="factory", **history)
    refused("ResourceNotFoundException", twin.get_property_value_history, **{**sensor_of, "entityId": "none"}, **history)
    got = twin.get_property_value(**sensor_of, selectedProperties=["floor", "maker", "iotDeviceId"])["propertyValues"]
    shown = {name: one["propertyValue"] for name, one in got.items()}
    assert shown == {"floor": {"integerValue": 2}, "maker": {"stringValue": "Siemens"},
                     "iotDeviceId": {"stringValue": "room-1"}}, shown
    of_type = twin.get_property_value(workspaceId="factory", componentTypeId="factory-sensor", selectedProperties=["floor"])
    assert of_type["propertyValues"]["floor"]["propertyValue"] == {"integerValue": 1}
    failing = sensor(functions={"dataReaderByEntity": function("fail")})
    twin.update_component_type(**failing)
    active(twin.get_component_type, workspaceId="factory", componentTypeId="factory-sensor")
    refused("ConnectorFailureException", twin.get_property_value_history, **sensor_of, **history)
    refused("ValidationException", twin.get_property_value_history, workspaceId="factory",
            componentTypeId="factory-sensor", **history)


def faults(twin):
    control("PUT", "faults", [{"kind": "throttle", "retry_after": 1, "service": "twinmaker"}])
    refused("ThrottlingException", twin.list_workspaces)
    control("PUT", "faults", [{"kind": "error", "status": 500, "code": "InternalServerException"}])
    refused("InternalServerException", twin.list_workspaces)
    control("PUT", "faults", [{"kind": "operation-fails", "service": "twinmaker", "method": "POST"}])
    twin.create_entity(workspaceId="factory", entityId="ill", entityName="ill")
    states = [twin.get_entity(workspaceId="factory", entityId="ill")["status"] for _ in range(2)]
    assert [one["state"] for one in states] == ["CREATING", "ERROR"], states
    assert states[1]["error"]["code"] == "INTERNAL_FAILURE", states
    control("PUT", "faults", [{"kind": "soft-delete", "refusals": 1, "method": "DELETE"}])
    twin.delete_entity(workspaceId="factory", entityId="ill")
    gone(twin.get_entity, workspaceId="factory", entityId="ill")
    refused("ConflictException", twin.create_entity, workspaceId="factory", entityId="ill", entityName="ill")
    control("DELETE", "faults")


def the_end(twin):
    twin.delete_entity(workspaceId="factory", entityId="hall", isRecursive=True)
    gone(twin.get_entity, workspaceId="factory", entityId="hall")
    refused("ResourceNotFoundException", twin.get_entity, workspaceId="factory", entityId="room-1")
    refused("ResourceNotFoundException", twin.delete_entity, workspaceId="factory", entityId="hall")
    for name in ("bare", "factory-sensor"):
        twin.delete_component_type(workspaceId="factory", componentTypeId=name)
        gone(twin.get_component_type, workspaceId="factory", componentTypeId=name)
    refused("ResourceNotFoundException", twin.delete_component_type, workspaceId="factory", componentTypeId="bare")
    twin.delete_workspace(workspaceId="factory")
    refused("ResourceNotFoundException", twin.delete_workspace, workspaceId="factory")
    for name in ("list_scenes", "list_sync_jobs"):
        refused("NotImplemented", getattr(twin, name), workspaceId="factory")
    refused("NotImplemented", twin.get_pricing_plan)


def main():
    server = HTTPServer(("127.0.0.1", 0), Lambda)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    twin = client()
    arns = [workspaces(twin), component_types(twin), entities(twin)]
    tags(twin, arns)
    values(twin, f"http://127.0.0.1:{server.server_port}")
    faults(twin)
    the_end(twin)
    print("\n".join(sorted(SUCCEEDED)))


main()

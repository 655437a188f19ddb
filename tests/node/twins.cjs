// Microsoft's own client of digital twins for JavaScript does to an empty instance what programs do, and checks each answer.
//
// Takes one JSON object on standard input: twins (URL), login (URL), tenant, and endpoint (the name of an endpoint of the instance
// to which events may be routed). The certificate authority to trust is NODE_EXTRA_CA_CERTS. Prints the names of what was checked.

"use strict";

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { DigitalTwinsClient } = require("@azure/digital-twins-core");
const { ClientSecretCredential } = require("@azure/identity");

const ROOM = "dtmi:com:example:Room;1";
const SENSOR = "dtmi:com:example:Sensor;1";
const STALE = 'W/"7e67a355-f19c-4c19-8a10-2d69b2d2253f"';

const MODELS = [
  {
    "@id": SENSOR,
    "@type": "Interface",
    "@context": "dtmi:dtdl:context;2",
    displayName: "Sensor",
    contents: [
      { "@type": "Property", name: "unit", schema: "string" },
      { "@type": "Telemetry", name: "reading", schema: "double" },
    ],
  },
  {
    "@id": ROOM,
    "@type": "Interface",
    "@context": "dtmi:dtdl:context;2",
    displayName: { en: "Room" },
    contents: [
      { "@type": "Property", name: "temperature", schema: "double" },
      { "@type": "Component", name: "sensor", schema: SENSOR },
      {
        "@type": "Relationship",
        name: "nextTo",
        target: ROOM,
        properties: [{ "@type": "Property", name: "door", schema: "boolean" }],
      },
    ],
  },
];

const room = (temperature) => ({
  $metadata: { $model: ROOM },
  temperature,
  sensor: { $metadata: {}, unit: "C" },
});

/** The client's `RestError` of a call that must be refused; its code is the service's, not the transport's. */
async function refused(call, statusCode, code) {
  const error = await call.then(
    () => assert.fail(`not refused with ${statusCode} ${code}`),
    (error) => error,
  );
  assert.equal(error.name, "RestError", error);
  assert.deepEqual([error.statusCode, error.code], [statusCode, code], error.message);
  return error;
}

async function all(iterator) {
  const found = [];
  for await (const each of iterator) found.push(each);
  return found;
}

const checks = {
  async "models are created, shown and listed"(client) {
    const created = await client.createModels(MODELS);
    assert.deepEqual(created.map((model) => model.id), [SENSOR, ROOM]);
    const shown = await client.getModel(ROOM, true);
    assert.deepEqual([shown.displayName, shown.decommissioned], [{ en: "Room" }, false]);
    assert.equal(shown.model["@id"], ROOM);
    assert.ok(shown.uploadTime instanceof Date && !Number.isNaN(shown.uploadTime.getTime()), "the time is one");
    assert.equal((await client.getModel(ROOM)).model, undefined);
    assert.deepEqual((await all(client.listModels())).map((model) => model.id), [SENSOR, ROOM]);
    assert.deepEqual((await all(client.listModels([SENSOR]))).map((model) => model.id), [SENSOR]);
    await refused(client.createModels(MODELS), 409, "ModelIdAlreadyExists");
    await refused(client.createModels([{ "@id": "dtmi:a;1" }]), 400, "DTDLParserError");
    await refused(client.getModel("dtmi:com:example:Nothing;1"), 404, "ModelNotFound");
  },

  async "twins are created, shown and replaced"(client) {
    const created = await client.upsertDigitalTwin("hall", JSON.stringify(room(20)));
    // This version of the client gives the answer's headers, with the twin as their body.
    const { $dtId, $etag, temperature, sensor } = created.body;
    assert.deepEqual([$dtId, temperature, sensor.unit, created.etag], ["hall", 20, "C", $etag]);
    const shown = await client.getDigitalTwin("hall");
    assert.deepEqual(shown.body, created.body);
    assert.equal(shown.body.$metadata.$model, ROOM);
    const replaced = await client.upsertDigitalTwin("hall", JSON.stringify(room(21)));
    assert.equal(replaced.body.temperature, 21);
    assert.notEqual(replaced.etag, created.etag);
    const onlyNew = { ifNoneMatch: "*" };
    await refused(client.upsertDigitalTwin("hall", JSON.stringify(room(1)), onlyNew), 412, "PreconditionFailed");
    const unknown = { $metadata: { $model: ROOM }, colour: "red", sensor: { $metadata: {} } };
    const error = await refused(client.upsertDigitalTwin("x", JSON.stringify(unknown)), 400, "ValidationFailed");
    assert.equal(error.details.error.details[0].message, "colour does not appear on the DTDL for Twin.");
    await refused(client.getDigitalTwin("nobody"), 404, "DigitalTwinNotFound");
  },

  async "patches are conditional on the ETag"(client) {
    const warmer = [{ op: "replace", path: "/temperature", value: 22.5 }];
    const before = await client.getDigitalTwin("hall");
    const patched = await client.updateDigitalTwin("hall", warmer, { ifMatch: before.etag });
    const after = await client.getDigitalTwin("hall");
    assert.deepEqual([after.body.temperature, after.etag], [22.5, patched.etag]);
    assert.notEqual(after.etag, before.etag);
    await refused(client.updateDigitalTwin("hall", warmer, { ifMatch: before.etag }), 412, "PreconditionFailed");
    await refused(client.updateDigitalTwin("hall", warmer, { ifMatch: "x" }), 400, "InvalidArgument");
    const missing = [{ op: "remove", path: "/colour" }];
    await refused(client.updateDigitalTwin("hall", missing), 400, "JsonPatchInvalid");
    await refused(client.updateDigitalTwin("nobody", warmer), 404, "DigitalTwinNotFound");
    assert.equal((await client.getDigitalTwin("hall")).etag, after.etag, "what is refused changes nothing");
  },

  async "components are shown and patched"(client) {
    const patch = [{ op: "replace", path: "/unit", value: "F" }];
    const patched = await client.updateComponent("hall", "sensor", patch);
    // Calls of components answer with the twin's ETag.
    const twin = await client.getDigitalTwin("hall");
    assert.deepEqual([twin.etag, twin.body.sensor.unit], [patched.etag, "F"]);
    assert.deepEqual((await client.getComponent("hall", "sensor")).body, twin.body.sensor);
    await refused(client.updateComponent("hall", "sensor", patch, { ifMatch: STALE }), 412, "PreconditionFailed");
    await refused(client.getComponent("hall", "engine"), 404, "ComponentNotFound");
  },

  async "relationships are created, patched and listed from both ends"(client) {
    await client.upsertDigitalTwin("yard", JSON.stringify(room(5)));
    const body = { $relationshipName: "nextTo", $targetId: "yard", door: false };
    const created = await client.upsertRelationship("hall", "a", body);
    const { $sourceId, $targetId, $relationshipName, door } = created.body;
    assert.deepEqual([$sourceId, $relationshipName, $targetId, door], ["hall", "nextTo", "yard", false]);
    const opened = [{ op: "replace", path: "/door", value: true }];
    await client.updateRelationship("hall", "a", opened, { ifMatch: created.etag });
    assert.equal((await client.getRelationship("hall", "a")).body.door, true);
    const stale = client.updateRelationship("hall", "a", opened, { ifMatch: created.etag });
    await refused(stale, 412, "PreconditionFailed");
    await client.upsertRelationship("yard", "b", { $relationshipName: "nextTo", $targetId: "hall" });
    const outgoing = await all(client.listRelationships("hall"));
    assert.deepEqual(outgoing.map((each) => each.$relationshipId), ["a"]);
    const incoming = await all(client.listIncomingRelationships("hall"));
    assert.deepEqual(incoming.map((each) => [each.relationshipId, each.sourceId]), [["b", "yard"]]);
    const nowhere = { $relationshipName: "nextTo", $targetId: "nobody" };
    await refused(client.upsertRelationship("hall", "c", nowhere), 404, "TargetDigitalTwinNotFound");
    await refused(client.getRelationship("hall", "c"), 404, "RelationshipNotFound");
    await refused(client.deleteDigitalTwin("hall"), 400, "RelationshipsNotDeleted");
  },

  async "relationships come in pages"(client) {
    const ids = Array.from({ length: 150 }, (_, at) => `p${String(at).padStart(3, "0")}`);
    for (const id of ids) {
      await client.upsertRelationship("yard", id, { $relationshipName: "nextTo", $targetId: "hall" });
    }
    const pages = await all(client.listRelationships("yard").byPage());
    assert.ok(pages.length > 1, "more than fit one page");
    const listed = await all(client.listRelationships("yard"));
    assert.deepEqual(listed.map((each) => each.$relationshipId).sort(), ["b", ...ids]);
    for (const id of ids) await client.deleteRelationship("yard", id);
  },

  async "queries come in pages"(client) {
    for (let at = 0; at < 7; at++) await client.upsertDigitalTwin(`room-${at}`, JSON.stringify(room(at)));
    const query = "SELECT * FROM digitaltwins T WHERE STARTSWITH(T.$dtId, 'room-') AND T.temperature > 1";
    const pages = await all(client.queryTwins(query, 2).byPage());
    const sizes = pages.map((page) => page.value.length).filter((size) => size > 0);
    assert.deepEqual(sizes, [2, 2, 1]);
    assert.ok(pages.every((page) => page.queryCharge > 0), "every page says what it cost");
    const twins = await all(client.queryTwins(query, 2));
    assert.deepEqual(twins.map((twin) => twin.$dtId).sort(), ["room-2", "room-3", "room-4", "room-5", "room-6"]);
    const [counted] = await all(client.queryTwins("SELECT COUNT() FROM digitaltwins"));
    assert.deepEqual(counted, { COUNT: 9 });
    await refused(all(client.queryTwins("foo")), 400, "SqlQueryError");
  },

  async "telemetry is taken of twins that are there"(client) {
    await client.publishTelemetry("hall", { reading: 1.5 }, "m-1");
    await client.publishComponentTelemetry("hall", "sensor", JSON.stringify({ reading: 2 }), "m-2");
    await refused(client.publishTelemetry("nobody", { reading: 1 }, "m-3"), 404, "DigitalTwinNotFound");
  },

  async "events are routed to endpoints that are there"(client, { endpoint }) {
    const filter = "type = 'Microsoft.DigitalTwins.Twin.Update'";
    await client.upsertEventRoute("updates", endpoint, filter);
    const shown = await client.getEventRoute("updates");
    assert.deepEqual([shown.id, shown.endpointName, shown.filter], ["updates", endpoint, filter]);
    assert.deepEqual((await all(client.listEventRoutes())).map((route) => route.id), ["updates"]);
    await refused(client.upsertEventRoute("x", "nowhere", "true"), 400, "EventRouteEndpointInvalid");
    await refused(client.upsertEventRoute("x", endpoint, "this is not"), 400, "EventRouteFilterInvalid");
    await client.deleteEventRoute("updates");
    await refused(client.getEventRoute("updates"), 404, "EventRouteNotFound");
  },

  async "what was made is deleted"(client) {
    await client.decomissionModel(ROOM);
    assert.equal((await client.getModel(ROOM)).decommissioned, true);
    await refused(client.upsertDigitalTwin("late", JSON.stringify(room(1))), 400, "ModelDecommissioned");
    await client.deleteRelationship("hall", "a");
    await client.deleteRelationship("yard", "b");
    await refused(client.deleteRelationship("yard", "b"), 404, "RelationshipNotFound");
    for (const { $dtId, $etag } of await all(client.queryTwins("SELECT * FROM digitaltwins"))) {
      await refused(client.deleteDigitalTwin($dtId, { ifMatch: STALE }), 412, "PreconditionFailed");
      await client.deleteDigitalTwin($dtId, { ifMatch: $etag });
    }
    assert.deepEqual(await all(client.queryTwins("SELECT * FROM digitaltwins")), []);
    await refused(client.deleteModel(SENSOR), 409, "ModelReferencesNotDeleted");
    await client.deleteModel(ROOM);
    await client.deleteModel(SENSOR);
    assert.deepEqual(await all(client.listModels()), []);
    await refused(client.deleteDigitalTwin("hall"), 404, "DigitalTwinNotFound");
  },
};

async function main() {
  const given = JSON.parse(readFileSync(0, "utf8"));
  const credential = new ClientSecretCredential(given.tenant, "a-program", "any", {
    authorityHost: given.login.replace(/\/$/, ""),
    disableInstanceDiscovery: true,
  });
  const client = new DigitalTwinsClient(given.twins.replace(/\/$/, ""), credential);
  for (const [name, check] of Object.entries(checks)) {
    await check(client, given).catch((error) => {
      error.message = `${name}: ${error.message}`;
      throw error;
    });
  }
  console.log(JSON.stringify(Object.keys(checks)));
}

main();

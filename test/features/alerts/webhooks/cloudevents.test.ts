import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { structuredEvent } from "../../../../src/features/alerts/webhooks/cloudevents/envelope.ts";
import { readCloudEvents } from "../../../../src/features/alerts/webhooks/cloudevents.ts";
import { inbound } from "./inbound.ts";

type Json = Record<string, unknown>;
const read = (body: object | string, headers: Record<string, string> = {}) =>
  readCloudEvents(inbound("cloudevents", body, { headers }));
const event = (fields: Json): Json => ({
  specversion: "1.0",
  id: "1",
  source: "/ci",
  type: "dev.quarterdeck.deploy",
  time: "2026-11-25T09:00:00Z",
  ...fields,
});
const deployed = {
  subject: {
    id: "service/shop",
    content: {
      environment: { id: "production" },
      artifactId: "pkg:oci/shop@sha256%3A0b31b1c0?repository_url=ghcr.io/acme",
    },
  },
};

describe("CloudEvents", () => {
  it("holds data as JSON, in base64 or as text", () => {
    const data = (fields: Json) => {
      const told = structuredEvent(event(fields));
      return "event" in told ? told.event.data : told.problems;
    };
    const base64 = JSON.parse(
      readFileSync("test/fixtures/payloads/cloudevents-structured_base64.json", "utf8"),
    ) as Json;
    expect(data(base64)).toEqual({ xyz: 123 });
    expect(data({ data: { a: 1 } })).toEqual({ a: 1 });
    expect(data({ data_base64: "aGk=", datacontenttype: "text/plain" })).toBe("hi");
    expect(data({ subject: null })).toBeUndefined();
  });

  it("tells our own types as changes, those of one reference as one", () => {
    const data = {
      service: "shop",
      version: "v42",
      outcome: "started",
      by: "dana",
      url: "https://ci.example.com/1",
      reference: "run-7",
    };
    expect(read(event({ data })).events).toEqual([
      {
        kind: "deploy",
        change: "deploy",
        service: "shop",
        repository: null,
        environment: null,
        version: "v42",
        outcome: "started",
        by: "dana",
        url: "https://ci.example.com/1",
        at: new Date("2026-11-25T09:00:00Z"),
        reference: "cloudevents:/ci run-7",
      },
    ]);
    expect(
      read(event({ type: "dev.quarterdeck.flag", subject: "shop", data: { version: "new_cart on" } })).events,
    ).toMatchObject([
      { change: "flag", service: "shop", outcome: "unknown", reference: "cloudevents:/ci 1" },
    ]);
    expect(
      read(event({ type: "dev.quarterdeck.config", data: { repository: "acme/shop", version: "pool=50" } }))
        .events,
    ).toMatchObject([{ change: "config", service: null, repository: "acme/shop" }]);
  });

  it.each([
    ["dev.cdevents.service.deployed.0.3.0", deployed, "sha256:0b31b1c0"],
    [
      "dev.cdevents.service.upgraded.0.1.1",
      { subject: { ...deployed.subject, content: { artifactId: "pkg:oci/shop@sha256%3A0b?tag=v42" } } },
      "v42",
    ],
    [
      "dev.cdevents.service.rolledback.0.2.0",
      { subject: { ...deployed.subject, content: { artifactId: "v41" } } },
      "v41",
    ],
  ])("tells %s of CDEvents as a deploy", (type, data, version) => {
    expect(read(event({ type, data })).events).toMatchObject([
      { kind: "deploy", service: "shop", outcome: "good", version },
    ]);
  });

  it("shows every other type", () => {
    expect(read(event({ type: "dev.cdevents.service.removed.0.3.0", data: deployed })).events).toMatchObject([
      { kind: "other" },
    ]);
  });

  it("comes in binary mode, its attributes percent-encoded in headers", () => {
    const headers = {
      "content-type": "application/json",
      "ce-specversion": "1.0",
      "ce-id": "9",
      "ce-source": "/%E2%82%AC",
      "ce-type": "dev.quarterdeck.deploy",
    };
    expect(read({ service: "shop", version: "v42" }, headers)).toMatchObject({
      deliveryId: "/€ 9",
      events: [{ version: "v42" }],
    });
    expect(read("{}", { ...headers, "ce-id": "" }).problems).toMatchObject([{ field: "ce-id" }]);
    expect(read("", { ...headers, "ce-type": "ping" }).events).toMatchObject([
      { kind: "other", type: "ping" },
    ]);
  });

  it("is read item by item in a batch: a bad one is named, the others are taken", () => {
    const told = read([
      event({ data: { version: "v1" } }),
      event({ data: { service: "shop", version: "v42" } }),
      7,
      event({ specversion: "0.3" }),
    ]);
    expect(told.events).toHaveLength(1);
    expect(told.problems.map(({ field }) => field).sort()).toEqual([
      "[0].data.service",
      "[2]",
      "[3].specversion",
    ]);
    expect(read([]).problems).toEqual([]);
  });

  it.each([
    [{}, ["specversion", "id", "source", "type"]],
    [event({ data: {}, data_base64: "e30=" }), ["data_base64"]],
    [event({ data_base64: "%%%" }), ["data_base64"]],
    [event({ time: "noon" }), ["time"]],
    [event({ data: { service: "shop" } }), ["data.version"]],
    [event({ data: { service: "shop", version: "v1", outcome: "fine" } }), ["data.outcome"]],
    [
      event({ type: "dev.cdevents.service.deployed.0.3.0", data: { subject: { id: "shop", content: {} } } }),
      ["data.subject.content.artifactId"],
    ],
  ])("names what it cannot read", (body, fields) => {
    const told = read(body);
    expect(told.events).toEqual([]);
    expect(told.problems.map(({ field }) => field)).toEqual(fields);
  });
});

import { afterAll, beforeAll, expect, it } from "vitest";
import { publishJobOf } from "../../../src/features/tickets/publish.ts";
import type { TicketParts } from "../../../src/features/tickets/room.ts";
import { createBuiltinTicketing } from "../../../src/providers/ticketing/builtin.ts";
import type { Ticketing } from "../../../src/providers/ticketing/contract.ts";
import { alert, type Rooms, startRooms } from "./rooms.ts";

let rooms: Rooms;
beforeAll(async () => {
  rooms = await startRooms();
});
afterAll(() => rooms.close());

it("goes on after a crash at any point between the intent and its result, with one ticket outside", async () => {
  await rooms.post([alert()]);
  await rooms.alerts.drainOnce();
  await rooms.tickets.jobs?.find(({ name }) => name === "tickets.follow")?.run("1", { attempt: 1 });
  expect(await rooms.tickets.api.ticketOf("T-1")).toMatchObject({
    wantedVersion: 1,
    publishedVersion: 0,
    externalKey: null,
  });
  const real = createBuiltinTicketing(rooms.db, () => rooms.clock.now());
  const markers: string[] = [];
  let calls = 0;
  let crashAt = 1;
  /** Does what it is asked and then loses the answer, at the call whose turn it is. */
  const crash = async <T>(answer: Promise<T>): Promise<T> => {
    calls += 1;
    const value = await answer;
    if (calls === crashAt) throw new Error("killed");
    return value;
  };
  const failing: Ticketing = {
    ...real,
    create: (content, marker, triedSince) => {
      markers.push(marker);
      return crash(real.create(content, marker, triedSince));
    },
    update: (key, content, marker) => crash(real.update(key, content, marker)),
    close: (key, note) => crash(real.close(key, note)),
    read: (key) => crash(real.read(key)),
  };
  const job = publishJobOf({ platform: rooms.platform, ticketing: () => failing } as unknown as TicketParts);
  for (crashAt = 1; crashAt <= 3; crashAt += 1) {
    calls = 0;
    await expect(job.run("T-1", { attempt: 1 })).rejects.toThrow("killed");
    expect((await rooms.tickets.api.ticketOf("T-1"))?.publishedVersion).toBe(0);
  }
  calls = 0;
  await job.run("T-1", { attempt: 1 });
  expect(new Set(markers)).toEqual(new Set(["T-1"]));
  expect(await rooms.tickets.api.ticketOf("T-1")).toMatchObject({ publishedVersion: 1, externalKey: "T-1" });
  calls = 0;
  await job.run("T-1", { attempt: 1 });
  expect(calls).toBe(0);
});

it("does not take a provider's word for it: what is read back must be what was asked", async () => {
  await rooms.work();
  await rooms.send([alert({ status: "resolved", endsAt: rooms.clock.now() })]);
  const real = createBuiltinTicketing(rooms.db, () => rooms.clock.now());
  await real.update("T-1", { title: "t", body: "b", owner: "o", severity: "s" }, "T-1");
  await rooms.db
    .updateTable("tickets" as never)
    .set({ published_version: 0 } as never)
    .execute();
  const lying: Ticketing = { ...real, close: async () => undefined };
  const job = publishJobOf({ platform: rooms.platform, ticketing: () => lying } as unknown as TicketParts);
  await expect(job.run("T-1", { attempt: 1 })).rejects.toThrow(
    "builtin shows T-1 as open after it was asked for closed",
  );
});

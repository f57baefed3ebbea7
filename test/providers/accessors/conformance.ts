import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AccessTerms } from "../../../src/catalog/schema.ts";
import {
  type Accessor,
  externalNameOf,
  type Granted,
  type GrantIntent,
  type GrantRef,
} from "../../../src/providers/accessors/contract.ts";
import { anybody } from "./granted.ts";

export interface LiveSession {
  /** True while the provider still answers it. */
  isAlive(): Promise<boolean>;
  close(): Promise<void>;
}

/** What the suite needs to know about one kind of accessor, on a real system. */
export interface AccessorHarness {
  accessor: Accessor;
  /** An accessor for the same system whose grant takes effect while its answer never comes. */
  losingAnswers(): Promise<{ accessor: Accessor; close(): Promise<void> }>;
  memberships: readonly [string, string];
  /** The catalog's terms of a role that gives these. */
  termsOf(memberships: readonly string[]): AccessTerms;
  /** Names a catalog could carry that must never reach the system as a role. */
  hostileMemberships: readonly string[];
  canLogIn(granted: Granted): Promise<boolean>;
  openSession(granted: Granted): Promise<LiveSession>;
}

/** The behaviour every accessor owes; `start` gives a harness that lives as long as the suite. */
export function accessorConformance(start: () => Promise<AccessorHarness>): void {
  let harness: AccessorHarness;
  let number = 0;
  const made: GrantRef[] = [];
  const expiresAt = new Date("2099-06-01T10:00:00.123Z");

  const nextIntent = (memberships: readonly string[] = [harness.memberships[0]]): GrantIntent => {
    number += 1;
    return {
      externalName: externalNameOf(`conf-${number}`),
      grantee: anybody,
      terms: harness.termsOf(memberships),
      expiresAt,
    };
  };
  const refOf = ({ expiresAt: _end, ...intent }: GrantIntent, granted?: Granted): GrantRef => ({
    ...intent,
    externalId: granted?.externalId,
  });
  const grant = async (intent: GrantIntent, accessor: Accessor = harness.accessor): Promise<Granted> => {
    made.push(refOf(intent));
    return await accessor.grant(intent, `key-${intent.externalName}`);
  };

  beforeAll(async () => {
    harness = await start();
  });
  afterEach(async () => {
    for (const ref of made.splice(0)) await harness.accessor.revoke(ref);
  });

  describe("a grant", () => {
    it("gives a login that works, and its end makes it fail", async () => {
      const intent = nextIntent();
      const granted = await grant(intent);
      expect(await harness.canLogIn(granted)).toBe(true);
      const revoked = await harness.accessor.revoke(refOf(intent, granted));
      expect(revoked.readBack).toMatchObject({ exists: false, openSessions: 0 });
      expect(await harness.canLogIn(granted)).toBe(false);
    });

    it("carries its end in the provider, to the millisecond", async () => {
      const intent = nextIntent();
      expect((await grant(intent)).expiresAt).toEqual(expiresAt);
      expect((await harness.accessor.verify(refOf(intent))).validUntil).toEqual(expiresAt);
    });

    it("is refused by the provider itself when its end has passed, though nobody revoked it", async () => {
      const intent = { ...nextIntent(), expiresAt: new Date("2020-01-01T00:00:00Z") };
      expect(await harness.canLogIn(await grant(intent))).toBe(false);
    });

    it("reads back as it was meant", async () => {
      const intent = nextIntent([...harness.memberships]);
      await grant(intent);
      expect(await harness.accessor.verify(refOf(intent))).toEqual({
        exists: true,
        canLogin: true,
        validUntil: expiresAt,
        memberships: [...harness.memberships].sort(),
        openSessions: 0,
      });
    });

    it("asked twice is one object: the second answer's secret works, the first's no longer", async () => {
      const intent = nextIntent();
      const first = await grant(intent);
      const second = await grant(intent);
      expect([first.wasAdopted, second.wasAdopted]).toEqual([false, true]);
      expect(second.externalId).toBe(first.externalId);
      expect(await harness.canLogIn(first)).toBe(false);
      expect(await harness.canLogIn(second)).toBe(true);
    });

    it("asked many times at once is one object", async () => {
      const intent = nextIntent();
      const all = await Promise.all([grant(intent), grant(intent), grant(intent)]);
      expect(new Set(all.map((granted) => granted.externalId)).size).toBe(1);
      expect(all.filter((granted) => !granted.wasAdopted)).toHaveLength(1);
      const working = await Promise.all(all.map((granted) => harness.canLogIn(granted)));
      expect(working.filter(Boolean)).toHaveLength(1);
    });

    it("asked again with other rights and another end has those, and not the earlier ones", async () => {
      const [one, other] = harness.memberships;
      const intent = nextIntent([one]);
      await grant(intent);
      const later = new Date("2099-06-01T11:00:00Z");
      await grant({ ...intent, terms: harness.termsOf([other]), expiresAt: later });
      expect(await harness.accessor.verify(refOf(intent))).toMatchObject({
        memberships: [other],
        validUntil: later,
      });
    });

    it("does not take over an object that another grant made", async () => {
      const intent = nextIntent();
      const granted = await grant(intent);
      await expect(harness.accessor.grant(intent, "another-key")).rejects.toMatchObject({ code: "conflict" });
      expect(await harness.canLogIn(granted)).toBe(true);
    });

    it("that timed out but took effect is found by its name and taken over, not doubled", async () => {
      const intent = nextIntent();
      const losing = await harness.losingAnswers();
      try {
        await expect(grant(intent, losing.accessor)).rejects.toMatchObject({ code: "timeout" });
      } finally {
        await losing.close();
      }
      expect((await harness.accessor.verify(refOf(intent))).exists).toBe(true);
      const granted = await grant(intent);
      expect(granted.wasAdopted).toBe(true);
      expect(await harness.canLogIn(granted)).toBe(true);
      const ours = (await harness.accessor.list()).filter(
        ({ ref }) => ref.externalName === intent.externalName,
      );
      expect(ours).toHaveLength(1);
    });

    it("keeps its secret out of everything that prints", async () => {
      const granted = await grant(nextIntent());
      const secrets = granted.credential
        .map(({ value }) => value)
        .filter((value) => typeof value !== "string");
      expect(secrets).not.toEqual([]);
      for (const secret of secrets) {
        expect(JSON.stringify(granted)).not.toContain(secret.reveal());
        expect(secret.reveal().length).toBeGreaterThanOrEqual(32);
      }
    });
  });

  describe("an end", () => {
    it("ends open sessions, several of them", async () => {
      const intent = nextIntent();
      const granted = await grant(intent);
      const sessions = [await harness.openSession(granted), await harness.openSession(granted)];
      expect((await harness.accessor.verify(refOf(intent))).openSessions).toBe(2);
      const revoked = await harness.accessor.revoke(refOf(intent, granted));
      expect(revoked.sessionsEnded).toBe(2);
      for (const session of sessions) {
        expect(await session.isAlive()).toBe(false);
        await session.close();
      }
    });

    it("asked twice, in a row or at once, is a success both times", async () => {
      const intent = nextIntent();
      const granted = await grant(intent);
      const ref = refOf(intent, granted);
      const both = await Promise.all([harness.accessor.revoke(ref), harness.accessor.revoke(ref)]);
      const third = await harness.accessor.revoke(ref);
      for (const revoked of [...both, third]) expect(revoked.readBack.exists).toBe(false);
      expect(third.sessionsEnded).toBe(0);
    });

    it("of something that never was is a success", async () => {
      const revoked = await harness.accessor.revoke(refOf(nextIntent()));
      expect(revoked).toMatchObject({ sessionsEnded: 0, readBack: { exists: false } });
    });

    it("of one of two overlapping grants leaves the other and its sessions alone", async () => {
      const [early, late] = [nextIntent(), nextIntent()];
      const first = await grant(early);
      const second = await grant(late);
      const session = await harness.openSession(second);
      await harness.accessor.revoke(refOf(early, first));
      expect(await harness.canLogIn(first)).toBe(false);
      expect(await harness.canLogIn(second)).toBe(true);
      expect(await session.isAlive()).toBe(true);
      await session.close();
    });
  });

  describe("names", () => {
    it("that are hostile or not declared are refused before anything is asked of the provider", async () => {
      for (const hostile of harness.hostileMemberships) {
        const intent = { ...nextIntent(), terms: harness.termsOf([harness.memberships[0], hostile]) };
        await expect(harness.accessor.grant(intent, "key"), hostile).rejects.toMatchObject({
          name: "ProviderError",
          code: "rejected",
        });
        expect((await harness.accessor.verify(refOf(intent))).exists).toBe(false);
      }
    });

    it("of objects outside the prefix are never touched", async () => {
      for (const name of [
        "postgres",
        "admin",
        "qd_",
        "qd_A",
        'qd_a"; DROP ROLE x; --',
        `qd_${"a".repeat(41)}`,
        "qd_а",
        "",
      ]) {
        const ref = { ...refOf(nextIntent()), externalName: name };
        await expect(harness.accessor.revoke(ref), name).rejects.toMatchObject({ code: "rejected" });
        await expect(harness.accessor.verify(ref), name).rejects.toMatchObject({ code: "rejected" });
        await expect(
          harness.accessor.grant({ ...nextIntent(), externalName: name }, "key"),
          name,
        ).rejects.toMatchObject({ code: "rejected" });
      }
    });
  });

  describe("a list", () => {
    it("holds every object with our prefix, with the key that made it", async () => {
      const intents = [nextIntent(), nextIntent()];
      for (const intent of intents) await grant(intent);
      const found = await harness.accessor.list();
      for (const intent of intents)
        expect(found).toContainEqual(
          expect.objectContaining({
            ref: expect.objectContaining({ externalName: intent.externalName }),
            idempotencyKey: `key-${intent.externalName}`,
          }),
        );
    });
  });

  describe("a dry run", () => {
    it("says what would be done and changes nothing", async () => {
      const intent = nextIntent();
      const plan = await harness.accessor.plan(intent);
      expect(plan.obstacles).toEqual([]);
      expect(plan.words.join(" ")).toContain(intent.externalName);
      expect(plan.statements.length).toBeGreaterThan(0);
      expect(plan.endStatements.length).toBeGreaterThan(0);
      expect((await harness.accessor.verify(refOf(intent))).exists).toBe(false);
    });
  });
}

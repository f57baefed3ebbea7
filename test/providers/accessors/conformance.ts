import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AccessTerms } from "../../../src/catalog/schema.ts";
import {
  type Accessor,
  externalNameOf,
  type Granted,
  type Grantee,
  type GrantIntent,
  type GrantRef,
} from "../../../src/providers/accessors/contract.ts";
import { anybody, somebody } from "./granted.ts";

export interface LiveSession {
  /** True while the provider still answers it. */
  isAlive(): Promise<boolean>;
  close(): Promise<void>;
}

/** What a kind of system can do at all. What it cannot is not asked of it; docs/access-providers.md says so to people. */
export interface AccessorTraits {
  /** How near the end its own one is, in milliseconds (1: the same); null when it knows none. */
  ownEndPrecisionMs: number | null;
  /** It takes an end that has passed, and lets nobody in with it. */
  takesPastEnds: boolean;
  /** `cut`: counted, and an end ends them. `unknown`: nobody can count them. */
  sessions: "cut" | "unknown";
  /** Whether each try hands out a new secret and the one before it no longer works; people use their own account without. */
  secrets: "renewed" | "kept" | "none";
  /** One object per grant, or one effect that several grants of a person share. */
  effect: "own" | "shared";
  /** What was made carries the key that made it, so that another grant's is told from it and left alone. */
  isMarked: boolean;
  /** Whether `list` finds what was made. */
  isListed: boolean;
  /** Whether what was handed out stops at an end; otherwise `lastsUntil` says when. */
  endsAtOnce: boolean;
}

/** What the suite needs to know about one kind of accessor, on a real system. */
export interface AccessorHarness {
  accessor: Accessor;
  /** Two sets of terms at least, each giving something else than the first. */
  roles: readonly [AccessTerms, AccessTerms, ...AccessTerms[]];
  /** What a grant of these terms reads back as, sorted. */
  membershipsOf(terms: AccessTerms): readonly string[];
  /** Terms that a catalog could carry and that must never reach the system. */
  hostileTerms: readonly AccessTerms[];
  /** Two ends that the system can keep; 2099 unless it says otherwise. */
  ends?: readonly [Date, Date];
  /** Two people; anybody and somebody unless it says otherwise. */
  people?: readonly [Grantee, Grantee];
  /** Whether the person can do now what these terms let them do. */
  works(granted: Granted, intent: GrantIntent): Promise<boolean>;
  /** For `sessions: "cut"`. */
  openSession?(granted: Granted): Promise<LiveSession>;
  /** An accessor for the same system whose grant takes effect while its answer never comes; left out where nothing is sent. */
  losingAnswers?(): Promise<{ accessor: Accessor; close(): Promise<void> }>;
}

/** Long enough for a system that is right after a moment only; ends as soon as it is. */
const soon = { timeout: 20_000, interval: 50 };

/** The behaviour every accessor owes; `start` gives a harness that lives as long as the suite. */
export function accessorConformance(traits: AccessorTraits, start: () => Promise<AccessorHarness>): void {
  let harness: AccessorHarness;
  let number = 0;
  const made: GrantRef[] = [];
  const { ownEndPrecisionMs, effect } = traits;
  const isOwn = effect === "own";

  const ends = (): readonly [Date, Date] =>
    harness.ends ?? [new Date("2099-06-01T10:00:00.123Z"), new Date("2099-06-01T11:00:00Z")];
  const people = (): readonly [Grantee, Grantee] => harness.people ?? [anybody, somebody];
  const nextIntent = (terms: AccessTerms = harness.roles[0], grantee: Grantee = people()[0]): GrantIntent => {
    number += 1;
    return { externalName: externalNameOf(`conf-${number}`), grantee, terms, expiresAt: ends()[0] };
  };
  const expectEnd = (found: Date | null, wanted: Date): void => {
    if (ownEndPrecisionMs === null) expect(found).toBeNull();
    else
      expect(Math.abs((found?.getTime() ?? 0) - wanted.getTime())).toBeLessThan(
        Math.max(1, ownEndPrecisionMs),
      );
  };
  const refOf = ({ expiresAt: _end, ...intent }: GrantIntent, granted?: Granted): GrantRef => ({
    ...intent,
    externalId: granted?.externalId,
  });
  /** As the room does it: what was there before is written down first, once. */
  const prepare = async (intent: GrantIntent): Promise<void> => {
    if (intent.before === undefined) intent.before = await harness.accessor.prepare?.(intent);
  };
  const grant = async (intent: GrantIntent, accessor: Accessor = harness.accessor): Promise<Granted> => {
    await prepare(intent);
    made.push(refOf(intent));
    return await accessor.grant(intent, `key-${intent.externalName}`);
  };
  const expectWorks = (granted: Granted, intent: GrantIntent, wanted: boolean): Promise<void> =>
    expect.poll(() => harness.works(granted, intent), soon).toBe(wanted);
  const openSession = async (granted: Granted): Promise<LiveSession> => {
    if (harness.openSession === undefined) throw new Error('a harness with sessions "cut" opens them');
    return await harness.openSession(granted);
  };

  beforeAll(async () => {
    harness = await start();
  });
  afterEach(async () => {
    for (const ref of made.splice(0)) await harness.accessor.revoke(ref);
  });

  describe("a grant", () => {
    it("lets the person in, and its end shuts them out", async () => {
      const intent = nextIntent();
      const granted = await grant(intent);
      await expectWorks(granted, intent, true);
      const revoked = await harness.accessor.revoke(refOf(intent, granted));
      expect(revoked.readBack).toMatchObject({
        exists: false,
        openSessions: traits.sessions === "cut" ? 0 : null,
      });
      if (traits.endsAtOnce) await expectWorks(granted, intent, false);
      else expect(revoked.lastsUntil).toBeInstanceOf(Date);
    });

    it("says the end that the provider keeps itself, or that it keeps none", async () => {
      const intent = nextIntent();
      const granted = await grant(intent);
      expectEnd(granted.expiresAt, intent.expiresAt);
      const { validUntil } = await harness.accessor.verify(refOf(intent, granted));
      expect(validUntil).toEqual(granted.expiresAt);
    });

    it.runIf(traits.takesPastEnds)(
      "is refused by the provider itself when its end has passed, though nobody revoked it",
      async () => {
        const intent = { ...nextIntent(), expiresAt: new Date("2020-01-01T00:00:00Z") };
        await expectWorks(await grant(intent), intent, false);
      },
    );

    it("reads back as it was meant, whatever its terms", async () => {
      for (const terms of harness.roles) {
        const intent = nextIntent(terms);
        const granted = await grant(intent);
        expect(await harness.accessor.verify(refOf(intent, granted))).toEqual({
          exists: true,
          canLogin: true,
          validUntil: granted.expiresAt,
          memberships: harness.membershipsOf(terms),
          openSessions: traits.sessions === "cut" ? 0 : null,
        });
      }
    });

    it("asked twice is one object", async () => {
      const intent = nextIntent();
      const first = await grant(intent);
      const second = await grant(intent);
      expect(second.externalId).toBe(first.externalId);
      if (isOwn) expect([first.wasAdopted, second.wasAdopted]).toEqual([false, true]);
      await expectWorks(second, intent, true);
      if (traits.secrets === "renewed") await expectWorks(first, intent, false);
    });

    it.runIf(isOwn)("asked many times at once is one object", async () => {
      const intent = nextIntent();
      await prepare(intent);
      const all = await Promise.all([grant(intent), grant(intent), grant(intent)]);
      expect(new Set(all.map((granted) => granted.externalId)).size).toBe(1);
      expect(all.filter((granted) => !granted.wasAdopted)).toHaveLength(1);
      if (traits.secrets !== "renewed") return;
      const working = async () =>
        (await Promise.all(all.map((granted) => harness.works(granted, intent)))).filter(Boolean).length;
      await expect.poll(working, soon).toBe(1);
    });

    it.runIf(isOwn)(
      "asked again with other rights and another end has those, and not the earlier ones",
      async () => {
        const [one, other] = harness.roles;
        const intent = nextIntent(one);
        await grant(intent);
        const again = { ...intent, terms: other, expiresAt: ends()[1] };
        const granted = await grant(again);
        expect(await harness.accessor.verify(refOf(again, granted))).toMatchObject({
          memberships: harness.membershipsOf(other),
          validUntil: granted.expiresAt,
        });
        expectEnd(granted.expiresAt, again.expiresAt);
      },
    );

    it.runIf(traits.isMarked)("does not take over an object that another grant made", async () => {
      const intent = nextIntent();
      const granted = await grant(intent);
      await expect(harness.accessor.grant(intent, "another-key")).rejects.toMatchObject({ code: "conflict" });
      await expectWorks(granted, intent, true);
    });

    it("that timed out but took effect is found and taken over, not doubled", async ({ skip }) => {
      if (harness.losingAnswers === undefined) return skip("nothing is sent that could get lost");
      const intent = nextIntent();
      const losing = await harness.losingAnswers();
      try {
        await expect(grant(intent, losing.accessor)).rejects.toMatchObject({ code: "timeout" });
      } finally {
        await losing.close();
      }
      if (isOwn) expect((await harness.accessor.verify(refOf(intent))).exists).toBe(true);
      const granted = await grant(intent);
      if (isOwn) expect(granted.wasAdopted).toBe(true);
      await expectWorks(granted, intent, true);
      if (!traits.isListed) return;
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
      expect(secrets.length > 0).toBe(traits.secrets !== "none");
      for (const secret of secrets) {
        expect(JSON.stringify(granted)).not.toContain(secret.reveal());
        expect(secret.reveal().length).toBeGreaterThanOrEqual(32);
      }
    });
  });

  describe("an end", () => {
    it.runIf(traits.sessions === "cut")("ends open sessions, several of them", async () => {
      const intent = nextIntent();
      const granted = await grant(intent);
      const sessions = [await openSession(granted), await openSession(granted)];
      expect((await harness.accessor.verify(refOf(intent, granted))).openSessions).toBe(2);
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
      const intent = nextIntent();
      await prepare(intent);
      const revoked = await harness.accessor.revoke(refOf(intent));
      expect(revoked).toMatchObject({ sessionsEnded: 0, readBack: { exists: false } });
    });

    it.runIf(isOwn)("of one of two overlapping grants leaves the other alone", async () => {
      const [early, late] = [nextIntent(), nextIntent()];
      const first = await grant(early);
      const second = await grant(late);
      const session = traits.sessions === "cut" ? await openSession(second) : undefined;
      await harness.accessor.revoke(refOf(early, first));
      if (traits.endsAtOnce) await expectWorks(first, early, false);
      await expectWorks(second, late, true);
      if (session === undefined) return;
      expect(await session.isAlive()).toBe(true);
      await session.close();
    });

    it("is shared by grants of one person and one role, where the system has one effect for both", () => {
      const keyOf = (intent: GrantIntent) => harness.accessor.sharedKey?.(refOf(intent));
      const [one, other] = harness.roles;
      const [person, another] = people();
      const key = keyOf(nextIntent(one, person));
      if (isOwn) expect(key).toBeUndefined();
      else {
        expect(keyOf(nextIntent(one, person))).toBe(key);
        expect(keyOf(nextIntent(one, another))).not.toBe(key);
        expect(keyOf(nextIntent(other, person))).not.toBe(key);
      }
    });
  });

  describe("what a catalog could carry", () => {
    it("that is hostile or not declared is refused before anything is asked of the provider", async () => {
      for (const terms of harness.hostileTerms) {
        const intent = nextIntent(terms);
        await expect(harness.accessor.grant(intent, "key"), JSON.stringify(terms)).rejects.toMatchObject({
          name: "ProviderError",
          code: "rejected",
        });
        const harmless = { ...refOf(intent), terms: harness.roles[0] };
        expect((await harness.accessor.verify(harmless)).exists).toBe(false);
      }
    });

    it("as a name outside the prefix is never touched", async () => {
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
    it.runIf(traits.isListed)("holds every object we made, with the key that made it", async () => {
      const [person, another] = people();
      const intents = [nextIntent(harness.roles[0], person), nextIntent(harness.roles[0], another)];
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

    it.runIf(traits.isListed)(
      "gives what its own end takes, when that is all that is known of it",
      async () => {
        const intent = nextIntent();
        await grant(intent);
        const found = (await harness.accessor.list()).find(
          ({ ref }) => ref.externalName === intent.externalName,
        );
        expect(found?.readBack).toMatchObject({ exists: true });
        const revoked = await harness.accessor.revoke(found?.ref ?? refOf(intent));
        expect(revoked.readBack.exists).toBe(false);
      },
    );
  });

  describe("a dry run", () => {
    it("says what would be done and changes nothing", async () => {
      const intent = nextIntent();
      const plan = await harness.accessor.plan(intent);
      expect(plan.obstacles).toEqual([]);
      expect(plan.words.length).toBeGreaterThanOrEqual(2);
      expect(plan.statements.length).toBeGreaterThan(0);
      expect(plan.endStatements.length).toBeGreaterThan(0);
      expect((await harness.accessor.verify(refOf(intent))).exists).toBe(false);
    });
  });
}

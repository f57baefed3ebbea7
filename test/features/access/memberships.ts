import type {
  Accessor,
  ExternalObject,
  Granted,
  GrantRef,
  ReadBack,
  Revoked,
} from "../../../src/providers/accessors/contract.ts";

/**
 * A system in memory whose every grant is the membership of one person in one team, as at GitHub: no mark, no end of
 * its own, nothing handed out.
 */
export class Memberships implements Accessor {
  readonly members = new Set<string>();
  /** Runs inside a call that changes something, before it does. */
  between: (call: "grant" | "revoke") => Promise<void> = async () => undefined;

  sharedKey = ({ grantee }: Pick<GrantRef, "grantee">): string => `team:${grantee.personId}`;

  async prepare({ grantee }: GrantRef) {
    return { membership: this.members.has(grantee.personId) ? "member" : "none" };
  }
  async plan() {
    return { words: [], statements: [], endStatements: ["remove the membership"], obstacles: [] };
  }
  async grant({ grantee, externalName }: GrantRef): Promise<Granted> {
    await this.between("grant");
    const wasAdopted = this.members.has(grantee.personId);
    this.members.add(grantee.personId);
    return { credential: [], expiresAt: null, lastsUntil: null, externalId: externalName, wasAdopted };
  }
  verified = 0;
  async verify({ grantee }: GrantRef): Promise<ReadBack> {
    this.verified += 1;
    const isIn = this.members.has(grantee.personId);
    return {
      exists: isIn,
      canLogin: isIn,
      validUntil: null,
      memberships: isIn ? ["team"] : [],
      openSessions: null,
    };
  }
  async revoke(ref: GrantRef): Promise<Revoked> {
    await this.between("revoke");
    const wasBefore = ref.before?.membership === "member";
    if (!wasBefore) this.members.delete(ref.grantee.personId);
    const gone = { exists: false, canLogin: false, validUntil: null, memberships: [], openSessions: null };
    return {
      sessionsEnded: 0,
      cleaned: [],
      readBack: gone,
      lastsUntil: null,
      stays: wasBefore ? "the membership is older than the grant" : undefined,
    };
  }
  async list(): Promise<ExternalObject[]> {
    return [...this.members].map((personId) => ({
      ref: {
        externalName: "",
        grantee: { personId, slack: { team: "", user: "" }, accounts: {} },
        terms: {},
      },
      idempotencyKey: null,
      words: `${personId} is in the team`,
      readBack: { exists: true, canLogin: true, validUntil: null, memberships: ["team"], openSessions: null },
    }));
  }
}

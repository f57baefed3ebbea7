import type { ServerResponse } from "node:http";
import { createDatabase, createPool, openKysely } from "../../src/platform/db/database.ts";
import { SecretBox } from "../../src/platform/secretbox.ts";
import { createSessions } from "../../src/platform/sessions.ts";
import { until } from "../support/until.ts";
import type { Installation } from "./installation.ts";

/** A person's browser, signed in; it asks whichever web process stands. */
export interface SignedIn {
  /** Claims an approved request; tried again while no web answers. */
  claim(id: string): Promise<void>;
}

export async function signInAtConsole(installation: Installation, person: string): Promise<SignedIn> {
  const db = openKysely(createPool(installation.env.DATABASE_URL as string, 1, () => undefined));
  const box = new SecretBox(installation.env.ENCRYPTION_KEY as string);
  const now = () => new Date();
  const database = createDatabase(db, {
    clock: { now },
    catalogDigest: () => "c0ffee",
    subscribers: () => [],
  });
  let cookie = "";
  const response = {
    appendHeader: (_name: string, value: string) => {
      cookie = value.split(";")[0] as string;
    },
  };
  const sessions = createSessions({ database, box, isSecure: false, isKnown: () => true, now });
  const who = { team: "T0LOCAL", person };
  await sessions.begin(response as unknown as ServerResponse, who, { by: "link" });
  await db.destroy();
  const base = () => installation.webs[0]?.url ?? "http://127.0.0.1:1";
  return {
    claim: (id) =>
      until(
        `${id} to be claimed`,
        async () => {
          const page = await (await fetch(`${base()}/access/${id}`, { headers: { cookie } })).text();
          const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1];
          if (!csrf || !page.includes(`/access/${id}/claim`)) return /is being made|is yours/.test(page);
          const answer = await fetch(`${base()}/access/${id}/claim`, {
            method: "POST",
            redirect: "manual",
            body: new URLSearchParams({ csrf }),
            headers: { cookie, origin: base(), "content-type": "application/x-www-form-urlencoded" },
          });
          return answer.status === 303;
        },
        40_000,
      ).then(() => undefined),
  };
}

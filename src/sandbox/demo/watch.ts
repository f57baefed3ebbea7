import pg from "pg";
import { until } from "./until.ts";

/** Which versions answered real requests through the router, and how many of them failed. */
export async function countVersions(routerUrl: string, requests = 60): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (let sent = 0; sent < requests; sent += 20)
    await Promise.all(
      Array.from({ length: Math.min(20, requests - sent) }, async () => {
        const answer = await fetch(`${routerUrl}/version`, {
          headers: { host: "shop" },
          signal: AbortSignal.timeout(5_000),
        });
        const { version } = (await answer.json()) as { version: string };
        seen[version] = (seen[version] ?? 0) + 1;
      }),
    );
  return seen;
}

/** Waits until every one of the requests is answered by `version`. */
export function onlyVersion(
  routerUrl: string,
  version: string,
  deadlineMs: number,
): Promise<Record<string, number>> {
  return until(
    `all traffic to reach ${version}`,
    async () => {
      const seen = await countVersions(routerUrl);
      if (Object.keys(seen).length === 1 && seen[version]) return seen;
      throw new Error(JSON.stringify(seen));
    },
    deadlineMs,
  );
}

/** Messages of a channel as Slack's Web API gives them. */
export async function history(slackApiUrl: string, channel: string): Promise<{ ts: string; text: string }[]> {
  const answer = await fetch(`${slackApiUrl}conversations.history`, {
    method: "POST",
    headers: { authorization: "Bearer xoxb-local", "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ channel, limit: "200" }),
  });
  const page = (await answer.json()) as {
    ok: boolean;
    error?: string;
    messages?: { ts: string; text: string }[];
  };
  if (!page.ok) throw new Error(`conversations.history: ${page.error}`);
  return page.messages ?? [];
}

export interface Login {
  user: string;
  password: string;
  host: string;
  port: number;
  database: string;
}

/** Signs in with the database's own protocol; answers an open connection. */
export async function signIn(login: Login): Promise<pg.Client> {
  const client = new pg.Client({ ...login, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** The database's refusal when the login no longer works. */
export async function refusalOf(login: Login): Promise<string | undefined> {
  try {
    await (await signIn(login)).end();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

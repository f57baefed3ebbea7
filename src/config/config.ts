import { isIP } from "node:net";
import { z } from "zod";

/**
 * Everything Quarterdeck reads from its environment, in one table. The configuration reference is generated
 * from the descriptions below; this module is the only reader of `process.env`.
 */
const port = (value: number, what: string) =>
  z.coerce.number().int().min(0).max(65_535).default(value).describe(what);

export const settingsSchema = z.object({
  HOST: z.string().default("127.0.0.1").describe("Address that PORT and ADMIN_PORT listen on."),
  PORT: port(3210, "Slack, webhooks, console; in `start` also the local workspace."),
  ADMIN_PORT: port(3211, "`/metrics`, `/healthz`, `/readyz`."),
  PUBLIC_URL: z
    .string()
    .url()
    .optional()
    .describe("Address people and Slack reach PORT by; links and the manifest use it."),
  ROUTER_PORT: port(3212, "User traffic through the `router` role."),
  ROUTER_ADMIN_PORT: port(3213, "Admin interface of the `router` role (bearer token)."),
  ROUTER_ADMIN_HOST: z
    .string()
    .default("127.0.0.1")
    .describe("Address that ROUTER_ADMIN_PORT listens on; a private one when the worker runs elsewhere."),
  ROUTER_TOKEN: z.string().min(16).optional().describe("Bearer token of the router's admin interface."),
  ROUTER_STATE: z.string().optional().describe("File in which the router keeps its last weights."),
  DATA_DIR: z.string().default(".quarterdeck").describe("Folder for embedded data, keys and logs."),
  CATALOG_PATH: z.string().default("config/sample").describe("Folder with the catalog's YAML files."),
  RUNBOOKS_PATH: z.string().default("runbooks").describe("Folder with the runbooks, one Markdown file each."),
  DATABASE_URL: z
    .string()
    .optional()
    .describe("Postgres for the app role. Without it `start` runs an embedded Postgres."),
  DATABASE_MIGRATION_URL: z
    .string()
    .optional()
    .describe("Postgres for the owner role; only `migrate` (the release step) uses it."),
  POSTGRES_PORT: port(3214, "Port of the embedded Postgres."),
  ORDERS_DB_PORT: port(3215, "Port of the demo's second Postgres, `orders-db`."),
  SLACK_API_PORT: port(3216, "Web API port of the local workspace."),
  SHOP_PORT: port(3221, "First of the four ports of the demo service `shop`."),
  REDIS_URL: z.string().optional().describe("Redis for the queue. Without it the queue runs on Postgres."),
  QUEUE_PREFIX: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/)
    .default("quarterdeck")
    .describe("Prefix of the queue's names, for several installations on one Redis."),
  SLACK_BOT_TOKEN: z.string().startsWith("xox").optional().describe("Bot token of the Slack app."),
  SLACK_SIGNING_SECRET: z.string().min(8).optional().describe("Signing secret of the Slack app."),
  SLACK_APP_TOKEN: z
    .string()
    .startsWith("xapp-")
    .optional()
    .describe("App-level token; with it Slack is reached by Socket Mode."),
  SLACK_API_URL: z.string().url().optional().describe("Other base address of Slack's Web API."),
  ENCRYPTION_KEY: z
    .string()
    .regex(/^[0-9a-f]{64}$/i)
    .optional()
    .describe("32 bytes in hex: encrypts secrets at rest and signs sessions. `start` makes its own."),
  OIDC_ISSUER: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      "Identity provider (OpenID Connect) that signs people in to the console, as it writes itself; `https://slack.com` for Slack's own. Its redirect address is `PUBLIC_URL/sign-in/callback`.",
    ),
  OIDC_CLIENT_ID: z.string().optional().describe("Quarterdeck's client id at the identity provider."),
  OIDC_CLIENT_SECRET: z.string().optional().describe("Quarterdeck's client secret at the identity provider."),
  OIDC_SCOPES: z
    .string()
    .regex(/(^| )openid( |$)/, "must hold openid")
    .default("openid email")
    .describe("Scopes asked of the identity provider."),
  OIDC_PERSON: z
    .enum(["slack", "email"])
    .optional()
    .describe(
      "What tells who of the catalog has signed in: Slack ids in claims, or an e-mail address that the provider has verified. Slack's own: slack; any other: email.",
    ),
  OIDC_SLACK_TEAM_CLAIM: z
    .string()
    .default("https://slack.com/team_id")
    .describe("Claim that holds the Slack team id, for `OIDC_PERSON=slack`."),
  OIDC_SLACK_USER_CLAIM: z
    .string()
    .default("https://slack.com/user_id")
    .describe("Claim that holds the Slack user id, for `OIDC_PERSON=slack`."),
  OIDC_GROUPS_CLAIM: z
    .string()
    .optional()
    .describe("Claim that lists groups, which teams of the catalog may name under `groups`."),
  AUDIT_SIGNING_KEY_FILE: z
    .string()
    .optional()
    .describe(
      "File with the Ed25519 key (PEM, PKCS#8) that signs the audit's seals; the worker's. `start` makes its own.",
    ),
  AUDIT_PUBLIC_KEYS: z
    .string()
    .optional()
    .describe("Folder with the public keys (PEM) of earlier signing keys, for `audit verify`."),
  AUDIT_ARCHIVE: z
    .string()
    .optional()
    .describe(
      "Where seals and entries are written once: a folder, or `s3://bucket/prefix` with Object Lock. `start` uses `archive` in DATA_DIR.",
    ),
  AUDIT_ARCHIVE_S3_ENDPOINT: z
    .string()
    .url()
    .optional()
    .describe("Address of an S3-compatible store, when AUDIT_ARCHIVE is not at AWS."),
  AUDIT_ARCHIVE_S3_REGION: z.string().default("us-east-1").describe("Region of AUDIT_ARCHIVE's bucket."),
  AUDIT_KEEP_DAYS: z.coerce
    .number()
    .int()
    .min(30)
    .max(3_650)
    .default(400)
    .describe(
      "Days that audit entries stay in Postgres; older ones leave by whole sealed and archived parts.",
    ),
  OPERATOR_TOKEN: z
    .string()
    .startsWith("qd")
    .optional()
    .describe("Token of `quarterdeck ops`, for a terminal that keeps none in a file."),
  HEARTBEAT_URL: z
    .string()
    .url()
    .optional()
    .describe(
      "Address that is sent a POST each minute while intake, queue and paging are seen to work; what waits there pages when it stays away.",
    ),
  TRUSTED_PROXIES: z
    .string()
    .default("")
    .transform((text) => text.split(/[\s,]+/).filter(Boolean))
    .describe(
      "Addresses or networks of the proxies in front of PORT, by comma (`10.0.0.0/8`): only their X-Forwarded-For is believed.",
    ),
  REQUESTS_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(60)
    .max(10_000_000)
    .default(300)
    .describe("Requests a minute that one person is answered on console, API and terminal, by each `web`."),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal"])
    .default("info")
    .describe("Log level."),
  LOAD_RPS: z.coerce
    .number()
    .min(0)
    .max(5_000)
    .default(200)
    .describe("Requests per second sent to the demo service."),
  CI: z
    .string()
    .optional()
    .describe("Set by continuous integration: a missing service fails instead of skipping."),
});

export type Settings = z.infer<typeof settingsSchema>;

/** A setting that is missing or malformed; the message names the variable and what to do. */
export class SettingsError extends Error {
  readonly code = "settings_invalid";
}

/** Reads the environment. Empty strings count as unset. Throws {@link SettingsError} naming each variable. */
export function readSettings(env: Record<string, string | undefined> = process.env): Settings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = settingsSchema.safeParse(given);
  const lines = parsed.success
    ? [...signInProblems(parsed.data), ...proxyProblems(parsed.data)]
    : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  if (parsed.success && lines.length === 0) return parsed.data;
  throw new SettingsError(`The environment has settings that cannot be used:\n  ${lines.join("\n  ")}`);
}

/** The identity provider is told of whole or not at all, and reached by https unless it is on this machine. */
function signInProblems({ OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET }: Settings): string[] {
  const set = Object.entries({ OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET });
  const missing = set.filter(([, value]) => value === undefined).map(([name]) => name);
  if (missing.length > 0 && missing.length < set.length)
    return missing.map((name) => `${name}: is missing; set it, or unset the other OIDC_ settings`);
  const issuer = OIDC_ISSUER === undefined ? undefined : new URL(OIDC_ISSUER);
  return issuer?.protocol === "http:" && !["127.0.0.1", "localhost", "[::1]"].includes(issuer.hostname)
    ? ["OIDC_ISSUER: must be https, or everybody on the way could sign in as anybody"]
    : [];
}

function proxyProblems({ TRUSTED_PROXIES }: Settings): string[] {
  return TRUSTED_PROXIES.filter((entry) => {
    const [address = "", bits, ...rest] = entry.split("/");
    const bitsMax = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
    return rest.length > 0 || !/^\d{1,3}$/.test(bits ?? "0") || Number(bits ?? 0) > bitsMax;
  }).map((entry) => `TRUSTED_PROXIES: "${entry}" is no address and no network; write 10.0.0.7 or 10.0.0.0/8`);
}

/** The environment as plain data, for catalog interpolation and child processes. */
export function environment(): Record<string, string | undefined> {
  return { ...process.env };
}

/** Links and redirects start here. */
export function publicUrl(settings: Settings): string {
  return (
    settings.PUBLIC_URL ??
    `http://${settings.HOST === "0.0.0.0" ? "127.0.0.1" : settings.HOST}:${settings.PORT}`
  ).replace(/\/$/, "");
}

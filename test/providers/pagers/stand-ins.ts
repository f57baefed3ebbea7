/**
 * Small servers that stand where paging providers would: they take exactly the requests that the makers' documents
 * describe and refuse every other one, with the makers' limits. What they leave out is not proven by a test with them.
 */
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import type { PagerInstance } from "../../../src/catalog/schema.ts";
import type { PagerState } from "../../../src/providers/pagers/contract.ts";

export interface Call {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: unknown;
}

interface Known {
  state: PagerState;
  summary: string;
  by: string | null;
  id: string;
}

export interface PagerStandIn {
  instance: PagerInstance;
  /** Secrets by the variables the instance names. */
  env: Readonly<Record<string, string>>;
  /** Requests that were understood and did something. */
  calls: Call[];
  /** How often phones would have rung for a key. */
  rings(key: string): number;
  pageOf(key: string): Known | undefined;
  /** Somebody does it there. */
  act(key: string, state: PagerState, by: string): void;
  /** It loses a page that it took. */
  forget(key: string): void;
  /** The next requests are answered so and do nothing; 0 answers nothing at all. */
  answerNext(...statuses: number[]): void;
  /** Every request is answered so until the next call. */
  answerAll(status: number | undefined): void;
  close(): Promise<void>;
}

type Judged = { status: number; body: unknown };
type Handle = (call: Call, raw: string, book: Book) => Judged;

class Book {
  readonly pages = new Map<string, Known>();
  readonly rung = new Map<string, number>();
  trigger(key: string, summary: string): void {
    const known = this.pages.get(key);
    if (known && known.state !== "resolved") return;
    this.rung.set(key, (this.rung.get(key) ?? 0) + 1);
    this.pages.set(key, { state: "triggered", summary, by: null, id: `P${this.pages.size + 1}` });
  }
  /** What has no open page is dropped, as the makers say. */
  move(key: string, state: "acknowledged" | "resolved", by: string | null): void {
    const known = this.pages.get(key);
    if (known && known.state !== "resolved") this.pages.set(key, { ...known, state, by });
  }
}

const secrets = {
  PD_ROUTING_KEY: "e93facc04764012d7bfb002500d5d1a6",
  PD_API_TOKEN: "u+readonlytokenofatest",
  OG_KEY: "eb243592-faa2-4ba2-a551-1afdf565c889",
  HOOK_SECRET: `whsec_${Buffer.from("a secret that only tests know of").toString("base64")}`,
};

const pagerDutyEvent = z.discriminatedUnion("event_action", [
  z.strictObject({
    routing_key: z.literal(secrets.PD_ROUTING_KEY),
    event_action: z.literal("trigger"),
    dedup_key: z.string().max(255),
    client: z.string(),
    client_url: z.url().optional(),
    payload: z.strictObject({
      summary: z.string().min(1).max(1_024),
      source: z.string().min(1),
      severity: z.enum(["critical", "error", "warning", "info"]),
      timestamp: z.iso.datetime(),
      component: z.string().optional(),
      group: z.string(),
      custom_details: z.record(z.string(), z.string()),
    }),
  }),
  ...(["acknowledge", "resolve"] as const).map((action) =>
    z.strictObject({
      routing_key: z.literal(secrets.PD_ROUTING_KEY),
      event_action: z.literal(action),
      dedup_key: z.string().min(1).max(255),
    }),
  ),
]);

const pagerDuty: Handle = (call, _raw, book) => {
  const url = new URL(call.path, "http://pd");
  if (call.method === "POST" && url.pathname === "/v2/enqueue" && url.search === "") {
    const event = pagerDutyEvent.safeParse(call.body);
    if (!event.success)
      return {
        status: 400,
        body: {
          status: "invalid event",
          message: "Event object is invalid",
          errors: event.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`),
        },
      };
    const { data } = event;
    if (data.event_action === "trigger") book.trigger(data.dedup_key, data.payload.summary);
    else book.move(data.dedup_key, data.event_action === "acknowledge" ? "acknowledged" : "resolved", null);
    return {
      status: 202,
      body: { status: "success", message: "Event processed", dedup_key: data.dedup_key },
    };
  }
  if (call.method === "GET" && url.pathname === "/incidents") {
    if (call.headers.authorization !== `Token token=${secrets.PD_API_TOKEN}`)
      return { status: 401, body: { error: { message: "Unauthorized" } } };
    if (call.headers.accept !== "application/vnd.pagerduty+json;version=2") return { status: 406, body: {} };
    const known = book.pages.get(url.searchParams.get("incident_key") ?? "");
    const actor = known?.by
      ? { type: "user_reference", id: "PUSER", summary: known.by }
      : { type: "inbound_integration_reference", id: "PINT", summary: "Quarterdeck" };
    const incident = known && {
      id: known.id,
      type: "incident",
      status: known.state,
      acknowledgements:
        known.state === "acknowledged" ? [{ at: "2026-03-02T10:00:00Z", acknowledger: actor }] : [],
      last_status_change_by: actor,
    };
    return { status: 200, body: { incidents: incident ? [incident] : [], limit: 1, offset: 0, more: false } };
  }
  return { status: 404, body: "" };
};

const opsgenieAlert = z.strictObject({
  message: z.string().min(1).max(130),
  alias: z.string().max(512),
  description: z.string().max(15_000),
  entity: z.string().max(512),
  source: z.string().max(100),
  priority: z.enum(["P1", "P2", "P3", "P4", "P5"]),
  details: z.record(z.string(), z.string()),
});
const opsgenieAction = z.strictObject({ source: z.string().max(100), user: z.string().min(1).max(100) });

const opsgenie: Handle = (call, _raw, book) => {
  if (call.headers.authorization !== `GenieKey ${secrets.OG_KEY}`)
    return { status: 403, body: { message: "You are not authorized to perform this operation" } };
  const url = new URL(call.path, "http://og");
  const taken = { status: 202, body: { result: "Request will be processed", took: 0.1, requestId: "r-1" } };
  const invalid = (error: z.ZodError) => ({ status: 422, body: { message: error.issues[0]?.message } });
  if (call.method === "POST" && call.path === "/v2/alerts") {
    const alert = opsgenieAlert.safeParse(call.body);
    if (!alert.success) return invalid(alert.error);
    book.trigger(alert.data.alias, alert.data.message);
    return taken;
  }
  const [, alias, action] = /^\/v2\/alerts\/([^/]+?)(?:\/(acknowledge|close))?$/.exec(url.pathname) ?? [];
  if (alias === undefined || url.search !== "?identifierType=alias") return { status: 404, body: "" };
  const key = decodeURIComponent(alias);
  if (call.method === "POST" && action !== undefined) {
    const asked = opsgenieAction.safeParse(call.body);
    if (!asked.success) return invalid(asked.error);
    book.move(key, action === "close" ? "resolved" : "acknowledged", asked.data.user);
    return taken;
  }
  const known = book.pages.get(key);
  if (call.method !== "GET" || !known) return { status: 404, body: { message: "Alert not found" } };
  const { id, state, by } = known;
  const data = {
    id,
    alias: key,
    status: state === "resolved" ? "closed" : "open",
    acknowledged: state === "acknowledged",
    report: state === "acknowledged" ? { acknowledgedBy: by } : state === "resolved" ? { closedBy: by } : {},
  };
  return { status: 200, body: { data, took: 0.1, requestId: "r-2" } };
};

const onCallPath = "/integrations/v1/formatted_webhook/m12xmIjOcgwH74UF8CN4dk0Dh/";
const formattedAlert = z.strictObject({
  alert_uid: z.string().min(1),
  title: z.string().min(1),
  message: z.string().min(1),
  state: z.enum(["alerting", "acknowledged", "ok"]),
  link_to_upstream_details: z.url().optional(),
});

const grafanaOnCall: Handle = (call, _raw, book) => {
  if (call.method !== "POST" || call.path !== onCallPath) return { status: 404, body: "Not found" };
  const alert = formattedAlert.safeParse(call.body);
  if (!alert.success) return { status: 400, body: "" };
  const { alert_uid: key, state, title } = alert.data;
  if (state === "alerting") book.trigger(key, title);
  else book.move(key, state === "ok" ? "resolved" : "acknowledged", null);
  return { status: 200, body: "Ok." };
};

const webhookBody = z.strictObject({
  type: z.enum(["page.triggered", "page.acknowledged", "page.resolved"]),
  timestamp: z.iso.datetime(),
  data: z.strictObject({
    key: z.string(),
    summary: z.string().min(1).max(80),
    line: z.string(),
    subject: z.string(),
    team: z.string(),
    service: z.string().nullable(),
    openedAt: z.iso.datetime(),
    url: z.url().nullable(),
    by: z.string().nullable(),
  }),
});
/** Seconds a Standard Webhooks receiver lets clocks differ. */
const skewSecMax = 300;

const signedWebhook =
  (now: () => Date): Handle =>
  (call, raw, book) => {
    const { "webhook-id": id, "webhook-timestamp": sent, "webhook-signature": given } = call.headers;
    const key = Buffer.from(secrets.HOOK_SECRET.slice("whsec_".length), "base64");
    const signature = `v1,${createHmac("sha256", key).update(`${id}.${sent}.${raw}`).digest("base64")}`;
    if (given !== signature || Math.abs(Number(sent) - now().getTime() / 1_000) > skewSecMax)
      return { status: 401, body: "" };
    const { data: parsed } = webhookBody.safeParse(call.body);
    if (call.method !== "POST" || call.path !== "/page" || parsed === undefined)
      return { status: 400, body: "" };
    const { type, data } = parsed;
    const state = type.slice("page.".length) as PagerState;
    if (id !== `${data.key}:${state}`) return { status: 400, body: "" };
    if (state === "triggered") book.trigger(data.key, data.summary);
    else book.move(data.key, state, data.by);
    return { status: 204, body: undefined };
  };

async function serve(
  handle: Handle,
  describe: (base: string) => Pick<PagerStandIn, "instance" | "env">,
): Promise<PagerStandIn> {
  const book = new Book();
  const calls: Call[] = [];
  const next: number[] = [];
  let always: number | undefined;
  const server = createServer(async (req, res) => {
    let raw = "";
    for await (const chunk of req) raw += chunk;
    const forced = next.shift() ?? always;
    if (forced === 0) return;
    if (forced !== undefined) {
      res.writeHead(forced).end();
      return;
    }
    if (req.method === "POST" && req.headers["content-type"] !== "application/json") {
      res.writeHead(415).end();
      return;
    }
    const call = {
      method: req.method ?? "",
      path: req.url ?? "",
      headers: req.headers,
      body: raw === "" ? undefined : JSON.parse(raw),
    };
    const { status, body } = handle(call, raw, book);
    if (status < 300) calls.push(call);
    const isText = typeof body === "string";
    res.writeHead(status, { "content-type": isText ? "text/html" : "application/json" });
    res.end(body === undefined ? undefined : isText ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...describe(base),
    calls,
    rings: (key) => book.rung.get(key) ?? 0,
    pageOf: (key) => book.pages.get(key),
    act(key, state, by) {
      const known = book.pages.get(key);
      if (known) book.pages.set(key, { ...known, state, by });
    },
    forget(key) {
      book.pages.delete(key);
      book.rung.delete(key);
    },
    answerNext: (...statuses) => void next.push(...statuses),
    answerAll: (status) => {
      always = status;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A stand-in of each kind; `hookSource` of an instance is its name. */
export const startPagerDuty = (name = "pagerduty"): Promise<PagerStandIn> =>
  serve(pagerDuty, (base) => ({
    instance: {
      name,
      kind: "pagerduty",
      hookSource: name,
      routingKeyEnv: "PD_ROUTING_KEY",
      url: base,
      apiTokenEnv: "PD_API_TOKEN",
      apiUrl: base,
    },
    env: secrets,
  }));
export const startOpsgenie = (name = "opsgenie"): Promise<PagerStandIn> =>
  serve(opsgenie, (base) => ({
    instance: { name, kind: "opsgenie", hookSource: name, keyEnv: "OG_KEY", url: base },
    env: secrets,
  }));
export const startGrafanaOnCall = (name = "oncall"): Promise<PagerStandIn> =>
  serve(grafanaOnCall, (base) => ({
    instance: { name, kind: "oncall", hookSource: name, urlEnv: "ONCALL_URL" },
    env: { ONCALL_URL: `${base}${onCallPath}` },
  }));
export const startSignedWebhook = (now: () => Date, name = "phones"): Promise<PagerStandIn> =>
  serve(signedWebhook(now), (base) => ({
    instance: { name, kind: "webhook", url: `${base}/page`, secretEnv: "HOOK_SECRET" },
    env: secrets,
  }));

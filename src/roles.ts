import type { App } from "./app.ts";
import { apiTokenOf } from "./platform/apitokens.ts";
import { createHookAuth } from "./platform/hooktokens.ts";
import { apiHandler } from "./platform/http/api.ts";
import { commandRoutes } from "./platform/http/api-commands.ts";
import { assetHandler } from "./platform/http/assets.ts";
import { chartRoute } from "./platform/http/cards.ts";
import { consoleHandler, signOutRoute } from "./platform/http/console.ts";
import { doRoutes } from "./platform/http/do.ts";
import { hookHandler } from "./platform/http/hooks.ts";
import { createLimits } from "./platform/http/limits.ts";
import { createLive } from "./platform/http/live.ts";
import { opsHandler } from "./platform/http/ops.ts";
import { type Handle, type HttpServer, listen } from "./platform/http/server.ts";
import { signInHandler } from "./platform/http/signin.ts";
import { localOperatorOf, operatorOf } from "./platform/operatortokens.ts";
import { personLeft } from "./platform/people.ts";
import { createSlackDoor } from "./platform/slack/receiver.ts";

export interface Running {
  /** Ends in order: no new work in, what is under way finished. */
  stop(): Promise<void>;
}

export interface WebOptions {
  signingSecret: string;
  botToken: string;
  appToken?: string | undefined;
  /** Asked before everything else; the local workspace in `start`. */
  before?: Handle | undefined;
}

/** Talks to people and machines; never does slow work. */
export async function startWeb(app: App, options: WebOptions): Promise<Running & { port: number }> {
  const { settings, log } = app;
  const door = createSlackDoor({
    ...options,
    slack: app.slack,
    inbox: app.inbox,
    dispatcher: app.dispatcher,
    catalogs: app.catalogs,
    clock: app.clock,
    log,
    modals: () => app.features.flatMap((feature) => feature.modals ?? []),
    onPersonLeft: (person) => app.database.tx(async (tx) => tx.emit(personLeft, person)),
  });
  const own = () => new URL(app.publicUrl);
  const limits = createLimits({
    perPerson: settings.REQUESTS_PER_MINUTE,
    proxies: settings.TRUSTED_PROXIES,
    now: () => app.clock.now(),
  });
  const live = createLive({ db: app.database.db, now: () => app.clock.now(), sessions: app.sessions, log });
  const routes = [
    signOutRoute(app.sessions),
    live.route,
    chartRoute(app.database.db),
    ...doRoutes({
      dispatcher: app.dispatcher,
      inbox: app.inbox,
      db: app.database.db,
      clock: app.clock,
      catalog: () => app.catalogs.current(),
      modals: () => app.features.flatMap((feature) => feature.modals ?? []),
    }),
    ...app.features.flatMap((feature) => feature.routes ?? []),
  ];
  const apiRoutes = [
    ...app.features.flatMap((feature) => feature.apiRoutes ?? []),
    ...commandRoutes({
      dispatcher: app.dispatcher,
      inbox: app.inbox,
      db: app.database.db,
      clock: app.clock,
      catalog: () => app.catalogs.current(),
    }),
  ];
  const handlers: Handle[] = [
    hookHandler({
      hooks: () => app.features.flatMap((feature) => feature.hooks ?? []),
      authenticate: createHookAuth(app.database.db, () => app.clock.now()),
      clock: app.clock,
      limits,
    }),
    (req, res, url) => {
      if (url.pathname !== "/slack/events") return false;
      door.handle(req, res);
      return true;
    },
    (_req, res, url) => {
      // Browsers ask for it by themselves; there is none.
      if (url.pathname !== "/favicon.ico") return false;
      res.writeHead(204, { "cache-control": "max-age=86400" }).end();
      return true;
    },
    assetHandler(),
    opsHandler({
      authenticate: (token, isLoopback) => operator(app, token, isLoopback && options.before !== undefined),
      dispatcher: app.dispatcher,
      inbox: app.inbox,
      db: app.database.db,
      clock: app.clock,
      catalog: () => app.catalogs.current(),
      limits,
    }),
    apiHandler({
      routes: () => apiRoutes,
      authenticate: (token) => apiTokenOf(app.database.db, token, app.clock.now(), app.box),
      catalog: () => app.catalogs.current(),
      publicUrl: app.publicUrl,
      limits,
    }),
    ...(options.before ? [options.before] : []),
    signInHandler({
      sessions: app.sessions,
      identity: app.identity,
      box: app.box,
      catalog: () => app.catalogs.current(),
      publicUrl: app.publicUrl,
      limits,
      now: () => app.clock.now(),
    }),
    consoleHandler({
      routes: () => routes,
      sessions: app.sessions,
      authz: app.authz,
      limits,
      hasProvider: app.identity !== undefined,
      ownOrigins: () => [own().origin, `http://localhost:${own().port}`],
      catalog: () => app.catalogs.current(),
      clock: app.clock,
      publicUrl: app.publicUrl,
    }),
  ];
  app.catalogs.start();
  await door.start();
  const server = await listen({
    host: settings.HOST,
    port: settings.PORT,
    portOption: "PORT",
    handlers,
    log,
  });
  const loops = await startLoops(app, "web");
  return {
    port: server.port,
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
      live.stop();
      await server.close();
      await door.stop();
    },
  };
}

/** Whose terminal it is. A token made from this machine's key counts where the local workspace stands. */
async function operator(app: App, token: string, isLocal: boolean) {
  const now = app.clock.now();
  const known = await operatorOf(app.database.db, token, now);
  if (known) return { tokenId: known.id, team: known.team, person: known.person };
  const person = isLocal ? localOperatorOf(app.box, token, now) : undefined;
  return person === undefined ? undefined : { tokenId: `local-${person}`, team: app.slackTeam(), person };
}

/** Does the slow work: relays rings, runs jobs. */
export async function startWorker(app: App): Promise<Running> {
  app.catalogs.start();
  // It asks the archive, which may be slow or gone: ends of access wait for no archive.
  void app.audit.start();
  await app.ringSchedules();
  const working = await app.doorbell.work((id, onHandled) => app.runner.run(id, onHandled));
  app.relay.start();
  const loops = await startLoops(app, "worker");
  const beat = async () => {
    const now = app.clock.now();
    await app.database.db
      .insertInto("workers")
      .values({ id: app.instanceId, role: "worker", seen_at: now })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ seen_at: now }))
      .execute();
  };
  await beat();
  const timer = setInterval(
    () =>
      void beat().catch((error: unknown) =>
        app.log.warn({ err: error }, "worker heartbeat could not be written"),
      ),
    10_000,
  );
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(loops.map((loop) => loop.stop()));
      await app.relay.stop();
      await working.drain();
      await app.audit.stop();
      await app.database.db.deleteFrom("workers").where("id", "=", app.instanceId).execute();
    },
  };
}

const startLoops = (app: App, role: "web" | "worker"): Promise<readonly Running[]> =>
  Promise.all(
    app.features
      .flatMap((feature) => feature.loops ?? [])
      .filter((loop) => (loop.role ?? "worker") === role)
      .map((loop) => loop.start()),
  );

/** `/healthz`, `/readyz`, `/metrics` on a port of their own. */
export function startAdmin(app: App): Promise<HttpServer> {
  return listen({
    host: app.settings.HOST,
    port: app.settings.ADMIN_PORT,
    portOption: "ADMIN_PORT",
    log: app.log,
    handlers: [adminHandler(app)],
  });
}

function adminHandler(app: App): Handle {
  return async (_req, res, url) => {
    if (url.pathname === "/healthz") {
      res.writeHead(200, { "content-type": "text/plain" }).end("ok\n");
      return true;
    }
    if (url.pathname === "/readyz") {
      // Ready means: what comes in can be kept. Redis and Slack may be away; that costs lateness only.
      const isReady = await app.measureClock().then(
        () => true,
        () => false,
      );
      res
        .writeHead(isReady ? 200 : 503, { "content-type": "text/plain" })
        .end(isReady ? "ready\n" : "Postgres cannot be reached\n");
      return true;
    }
    if (url.pathname === "/metrics") {
      const { metricsText } = await import("./platform/telemetry.ts");
      res.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(await metricsText(app));
      return true;
    }
    return false;
  };
}

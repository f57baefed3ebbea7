/** A server in a process of its own: told by its parent what to be, answers its port, ends when told or left alone. */
import type { AddressInfo } from "node:net";
import { App, ExpressReceiver, LogLevel } from "@slack/bolt";
import { startWeb, startWorker } from "../../src/roles.ts";
import { botToken, createBenchApp } from "./ground.ts";

export type ServerOrder =
  | { role: "web" | "worker"; databaseUrl: string; slackUrl: string; redisUrl?: string | undefined }
  | { role: "bolt" };

interface Started {
  port: number;
  stop(): Promise<void>;
}

async function start(order: ServerOrder & { signingSecret: string }): Promise<Started> {
  if (order.role === "bolt") return startBolt(order.signingSecret);
  const app = await createBenchApp(order);
  const running =
    order.role === "web"
      ? await startWeb(app, { signingSecret: order.signingSecret, botToken })
      : { port: 0, ...(await startWorker(app)) };
  return {
    port: running.port,
    stop: async () => {
      await running.stop();
      await app.close();
    },
  };
}

/** Bolt as its documentation starts it; it only acknowledges. */
async function startBolt(signingSecret: string): Promise<Started> {
  const receiver = new ExpressReceiver({ signingSecret, logLevel: LogLevel.ERROR });
  const app = new App({
    receiver,
    logLevel: LogLevel.ERROR,
    authorize: async () => ({ botToken, botId: "B0", botUserId: "U0" }),
  });
  app.command("/ops", async ({ ack }) => ack());
  const server = await receiver.start({ port: 0, host: "127.0.0.1" } as never);
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const started = new Promise<Started>((resolve, reject) => {
  process.once("message", (order) =>
    start(order as ServerOrder & { signingSecret: string }).then(resolve, reject),
  );
});
process.once("disconnect", () => process.exit(1));
const { port, stop } = await started;
process.send?.({ port });
process.on("message", (word) => {
  if (word === "stop") void stop().finally(() => process.exit(0));
});

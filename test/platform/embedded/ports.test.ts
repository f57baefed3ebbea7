import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  assertPortFree,
  freePort,
  freePortsInARow,
  isPortFree,
  portHolder,
} from "../../../src/platform/embedded/ports.ts";

async function listen(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

describe("assertPortFree", () => {
  it("accepts a free port, and 0, which means any", async () => {
    await assertPortFree(await freePort(), "127.0.0.1", "PORT");
    await assertPortFree(0, "127.0.0.1", "PORT");
  });

  it("names port, holder and the option that changes it when the port is in use", async () => {
    const port = await listen("127.0.0.1");
    const error = await assertPortFree(port, "127.0.0.1", "ADMIN_PORT").catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "port_in_use", hint: expect.stringContaining("ADMIN_PORT=") });
    expect(error.message).toContain(`Port ${port} on 127.0.0.1 is in use`);
    if (process.platform === "linux") expect(error.message).toContain(`(pid ${process.pid})`);
  });

  it("sees a listener on all addresses", async () => {
    const port = await listen("0.0.0.0");
    expect(await isPortFree(port)).toBe(false);
    await expect(assertPortFree(port, "127.0.0.1", "PORT")).rejects.toMatchObject({ code: "port_in_use" });
  });

  it("names HOST when the machine does not have the address", async () => {
    await expect(assertPortFree(await freePort(), "192.0.2.1", "PORT")).rejects.toMatchObject({
      hint: expect.stringContaining("HOST"),
    });
  });

  it("knows no holder of a port that nobody holds", async () => {
    expect(portHolder(await freePort())).toBeUndefined();
  });
});

it("finds neighbours that are free, where no outgoing connection takes one of them", async () => {
  const first = await freePortsInARow(12);
  expect(first).toBeGreaterThanOrEqual(20_000);
  expect(first + 12).toBeLessThan(32_768);
  for (let index = 0; index < 12; index += 1) expect(await isPortFree(first + index)).toBe(true);
});

import { createHash } from "node:crypto";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { get, metricsOf, setRoute, startBackend, startTestRouter, until } from "./support.ts";

describe("shares over HTTP", () => {
  it("keeps 1 % within half a point over 10,000 requests, names the version and counts each", async () => {
    const [stable, canary] = [await startBackend("v41"), await startBackend("v42")];
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [
      { version: "v41", url: stable.url, weight: 99 },
      { version: "v42", url: canary.url, weight: 1 },
    ]);
    const agent = new Agent({ keepAlive: true, maxSockets: 20 });
    const counts: Record<string, number> = { v41: 0, v42: 0 };
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let n = 0; n < 500; n += 1) {
          const got = await get(router.port, "/", { agent });
          expect(got.body).toBe(got.version);
          counts[got.body] = (counts[got.body] ?? 0) + 1;
        }
      }),
    );
    agent.destroy();
    expect(counts.v41).toBe(10_000 - (counts.v42 ?? 0));
    expect(Math.abs((counts.v42 ?? 0) / 100 - 1)).toBeLessThanOrEqual(0.5);

    const metrics = await metricsOf(router.adminPort);
    expect(metrics).toContain(
      `quarterdeck_router_requests_total{service="shop",version="v42",code="200"} ${counts.v42}\n`,
    );
    expect(metrics).toContain(
      `quarterdeck_router_request_duration_seconds_bucket{service="shop",version="v42",le="+Inf"} ${counts.v42}\n`,
    );
    expect(metrics).toContain('quarterdeck_router_weight_percent{service="shop",version="v41"} 99\n');
    expect(metrics).toContain('quarterdeck_router_inflight_requests{service="shop",version="v41"} 0\n');
  }, 60_000);
});

describe("weight changes", () => {
  it("drop no request under load, and the answer to a change means that the next request follows it", async () => {
    const slow = (version: string) =>
      startBackend(version, (incoming, answer) => {
        incoming.resume();
        setTimeout(() => answer.end(version), 5);
      });
    const [stable, canary] = [await slow("v41"), await slow("v42")];
    const router = await startTestRouter();
    const backends = (percent: number) => [
      { version: "v41", url: stable.url, weight: 100 - percent },
      { version: "v42", url: canary.url, weight: percent },
    ];
    await setRoute(router.adminPort, "shop", backends(0));

    const agent = new Agent({ keepAlive: true, maxSockets: 30 });
    const seen = new Map<string, number>();
    let isLoading = true;
    const load = Promise.all(
      Array.from({ length: 30 }, async () => {
        while (isLoading) {
          const got = await get(router.port, "/", { agent }).catch((error: Error) => ({
            status: error.message,
          }));
          seen.set(String(got.status), (seen.get(String(got.status)) ?? 0) + 1);
        }
      }),
    );
    for (let change = 0; change < 40; change += 1) {
      const percent = [0, 1, 10, 50, 100][change % 5] ?? 0;
      await setRoute(router.adminPort, "shop", backends(percent));
      if (percent === 0) expect((await get(router.port)).version).toBe("v41");
      if (percent === 100) expect((await get(router.port)).version).toBe("v42");
    }
    isLoading = false;
    await load;
    agent.destroy();
    expect([...seen.keys()]).toEqual(["200"]);
    expect(seen.get("200")).toBeGreaterThan(100);
  }, 60_000);
});

describe("failures", () => {
  it("counts a backend that cannot be reached as that version's 502", async () => {
    const backend = await startBackend("v42");
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [{ version: "v42", url: backend.url, weight: 100 }]);
    await backend.stop();
    expect(await get(router.port)).toMatchObject({ status: 502, version: "v42" });
    expect(await metricsOf(router.adminPort)).toContain('{service="shop",version="v42",code="502"} 1\n');
  });

  it("answers 504 when a backend says nothing in time", async () => {
    const backend = await startBackend("v42", () => undefined);
    const router = await startTestRouter({ limits: { connectDeadlineMs: 1_000, answerDeadlineMs: 50 } });
    await setRoute(router.adminPort, "shop", [{ version: "v42", url: backend.url, weight: 100 }]);
    expect(await get(router.port)).toMatchObject({ status: 504, version: "v42" });
    expect(await metricsOf(router.adminPort)).toContain('{service="shop",version="v42",code="504"} 1\n');
  });

  it("cuts the answer short when the backend does, and counts it as the version's", async () => {
    const backend = await startBackend("v42", (_incoming, answer) => {
      answer.writeHead(200, { "content-length": "100" });
      answer.write("half");
      answer.socket?.end();
    });
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [{ version: "v42", url: backend.url, weight: 100 }]);
    await expect(get(router.port)).rejects.toThrow();
    expect(await metricsOf(router.adminPort)).toContain('{service="shop",version="v42",code="502"} 1\n');
  });

  it("takes a fresh connection when a kept one was closed by the backend just then", async () => {
    const backend = await startBackend("v41");
    let served = 0;
    backend.server.prependListener("request", (_incoming, answer) => {
      served += 1;
      // From the second request on a connection, it is closed instead of answered.
      const socket = answer.socket as (NodeJS.WritableStream & { seen?: boolean; destroy(): void }) | null;
      if (socket?.seen) socket.destroy();
      else if (socket) socket.seen = true;
    });
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [{ version: "v41", url: backend.url, weight: 100 }]);
    expect((await get(router.port)).status).toBe(200);
    expect((await get(router.port)).status).toBe(200);
    expect(served).toBe(3);
    // What may not be sent twice is not.
    expect((await get(router.port)).status).toBe(200);
    expect((await get(router.port, "/", { method: "POST", body: "once" })).status).toBe(502);
    expect(served).toBe(5);
  });

  it("calls the backend off when the client goes away, and blames nobody", async () => {
    let closed = false;
    const backend = await startBackend("v41", (incoming) => {
      incoming.on("close", () => {
        closed = true;
      });
    });
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [{ version: "v41", url: backend.url, weight: 100 }]);
    const sent = request({ host: "127.0.0.1", port: router.port });
    sent.on("error", () => undefined);
    sent.end();
    await until(
      () => metricsOf(router.adminPort),
      (text) => /inflight_requests\{[^}]*\} 1\n/.test(text),
    );
    sent.destroy();
    await until(() => closed, Boolean);
    await until(
      () => metricsOf(router.adminPort),
      (text) => text.includes('version="v41",code="499"} 1\n'),
    );
  });

  it("answers 503 without routes, and 404 naming the routes where none matches", async () => {
    const backend = await startBackend("v1");
    const router = await startTestRouter();
    expect(await get(router.port)).toMatchObject({ status: 503, version: undefined });
    for (const service of ["shop", "payments"]) {
      await setRoute(router.adminPort, service, [{ version: service, url: backend.url, weight: 100 }]);
    }
    const lost = await get(router.port, "/", { headers: { host: "other" } });
    expect(lost).toMatchObject({ status: 404, body: "404 no route for this host; routes: shop, payments\n" });
    expect((await get(router.port, "/", { headers: { host: "payments.localhost" } })).version).toBe(
      "payments",
    );
    expect(await metricsOf(router.adminPort)).toContain("quarterdeck_router_unrouted_requests_total 2\n");
  });
});

describe("what passes through", () => {
  it("one connection after the other request, kept open on both sides", async () => {
    const backend = await startBackend("v41");
    let opened = 0;
    backend.server.on("connection", () => {
      opened += 1;
    });
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [{ version: "v41", url: backend.url, weight: 100 }]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    agent.on("free", (socket: Socket) => ports.add(socket.localPort));
    for (let n = 0; n < 50; n += 1) expect((await get(router.port, "/", { agent })).status).toBe(200);
    agent.destroy();
    expect(ports.size).toBe(1);
    expect(opened).toBe(1);
  });

  it("a body of 50 MB both ways, unchanged, with or without a declared length", async () => {
    const backend = await startBackend("v41", (incoming, answer) => incoming.pipe(answer));
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [{ version: "v41", url: backend.url, weight: 100 }]);
    const chunk = Buffer.alloc(1_000_000, "0123456789abcdef");
    for (const headers of [{ "content-length": String(50 * chunk.length) }, {}]) {
      const [sentHash, gotHash] = [createHash("sha256"), createHash("sha256")];
      await new Promise<void>((resolve, reject) => {
        const sent = request({ host: "127.0.0.1", port: router.port, method: "POST", headers }, (answer) => {
          answer.on("data", (part: Buffer) => gotHash.update(part));
          answer.on("end", resolve);
          answer.on("error", reject);
        });
        sent.on("error", reject);
        let left = 50;
        const more = () => {
          while (left > 0) {
            left -= 1;
            sentHash.update(chunk);
            if (!sent.write(chunk)) return;
          }
          sent.end();
        };
        sent.on("drain", more);
        more();
      });
      expect(gotHash.digest("hex")).toBe(sentHash.digest("hex"));
    }
  }, 60_000);

  it("repeated and end-to-end fields, but none of one connection's own, and who asked", async () => {
    let received: NodeJS.Dict<string | string[]> = {};
    const backend = await startBackend("v41", (incoming, answer) => {
      received = incoming.headers;
      answer.setHeader("set-cookie", ["a=1", "b=2"]);
      answer.setHeader("x-quarterdeck-version", "forged");
      answer.end();
    });
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [{ version: "v41", url: backend.url, weight: 100 }]);
    const got = await get(router.port, "/", {
      headers: {
        host: "shop.localhost",
        connection: "close, x-private",
        "x-private": "1",
        "x-kept": "2",
        "x-forwarded-for": "10.0.0.9",
      },
    });
    expect(got.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(got.version).toBe("v41");
    expect(received).toMatchObject({
      host: "shop.localhost",
      "x-kept": "2",
      "x-forwarded-for": "10.0.0.9, 127.0.0.1",
      "x-forwarded-host": "shop.localhost",
      connection: "keep-alive",
    });
    expect(received).not.toHaveProperty("x-private");
  });

  it("an answer's head before its body, and each word of a stream before the next", async () => {
    let say: (words: string) => void = () => {};
    const backend = await startBackend("v41", (_incoming, answer) => {
      answer.writeHead(200, { "content-type": "text/event-stream" });
      answer.flushHeaders();
      say = (words) => answer.write(words);
    });
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [{ version: "v41", url: backend.url, weight: 100 }]);
    const answer = await fetch(`http://127.0.0.1:${router.port}/`);
    const reader = answer.body?.getReader();
    for (const words of ["data: first\n\n", "data: second\n\n"]) {
      say(words);
      expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe(words);
    }
    await reader?.cancel();
  });

  it("a WebSocket, both ways, with what follows the handshake in the same packet", async () => {
    const backend = await startBackend("v41");
    backend.server.on("upgrade", (incoming, socket, head) => {
      expect(incoming.headers["sec-websocket-key"]).toBe("dGhlIHNhbXBsZSBub25jZQ==");
      socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n");
      if (head.length > 0) socket.write(head);
      socket.pipe(socket);
    });
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [{ version: "v41", url: backend.url, weight: 100 }]);
    const client = connect(router.port, "127.0.0.1");
    let received = "";
    client.setEncoding("latin1");
    client.on("data", (text: string) => {
      received += text;
    });
    client.write(
      "GET /chat HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\nearly",
    );
    await until(
      () => received,
      (text) => text.endsWith("\r\n\r\nearly"),
    );
    expect(received).toMatch(/^HTTP\/1\.1 101 /);
    expect(received.toLowerCase()).toContain("x-quarterdeck-version: v41\r\n");
    const payload = "x".repeat(1_000_000);
    client.write(payload);
    await until(
      () => received.length,
      (length) => length > payload.length,
    );
    expect(received.endsWith(`early${payload}`)).toBe(true);
    client.end();
    await new Promise((resolve) => client.on("close", resolve));
    expect(await metricsOf(router.adminPort)).toContain('{service="shop",version="v41",code="101"} 1\n');
  });

  it("a WebSocket handshake that the backend refuses, or cannot answer, as its answer", async () => {
    const backend = await startBackend("v41", (_incoming, answer) => {
      answer.statusCode = 403;
      answer.end("not here");
    });
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [{ version: "v41", url: backend.url, weight: 100 }]);
    const headers = { connection: "Upgrade", upgrade: "websocket" };
    expect(await get(router.port, "/", { headers })).toMatchObject({
      status: 403,
      body: "not here",
      version: "v41",
    });
    await backend.stop();
    expect(await get(router.port, "/", { headers })).toMatchObject({ status: 502, version: "v41" });
    const metrics = await metricsOf(router.adminPort);
    expect(metrics).toContain('{service="shop",version="v41",code="403"} 1\n');
    expect(metrics).toContain('{service="shop",version="v41",code="502"} 1\n');
  });

  it("a request that offers another protocol, with its body, on a connection that ends with it", async () => {
    let received: NodeJS.Dict<string | string[]> = {};
    const backend = await startBackend("v41", (incoming, answer) => {
      received = incoming.headers;
      incoming.pipe(answer);
    });
    const router = await startTestRouter();
    await setRoute(router.adminPort, "shop", [{ version: "v41", url: backend.url, weight: 100 }]);
    const got = await get(router.port, "/", {
      method: "POST",
      headers: { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABk" },
      body: "the body",
    });
    expect(got).toMatchObject({ status: 200, body: "the body", version: "v41" });
    expect(got.headers.connection).toBe("close");
    expect(received.connection).toBe("close");
    expect(received).not.toHaveProperty("upgrade");
  });
});

import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  guardRefusal,
  isForwarded,
  type Knock,
  Sessions,
  workspaceRefusal,
} from "../../../src/sandbox/workspace/guard.ts";
import { ada, type Harness, openHarness, ops, Person, rawRequest } from "./harness.ts";

const knock: Knock = {
  remoteAddress: "127.0.0.1",
  host: "127.0.0.1:3210",
  method: "POST",
  origin: "http://127.0.0.1:3210",
  fetchSite: "same-origin",
  isForwarded: false,
};

describe("the door", () => {
  it("opens for this machine under its own names", () => {
    expect(guardRefusal(knock)).toBeUndefined();
    for (const remoteAddress of ["::1", "::ffff:127.0.0.1", "127.8.8.8"]) {
      expect(guardRefusal({ ...knock, remoteAddress })).toBeUndefined();
    }
    for (const host of ["localhost", "localhost:3210", "[::1]:3210"]) {
      expect(guardRefusal({ ...knock, host, origin: `http://${host}` })).toBeUndefined();
    }
  });

  it("stays shut for another machine, even for a look", () => {
    for (const remoteAddress of ["10.0.0.7", "::ffff:10.0.0.7", "fe80::1", "1270.0.0.1", undefined]) {
      expect(guardRefusal({ ...knock, method: "GET", remoteAddress })).toMatch(/this machine only/);
    }
  });

  it("stays shut for a name that only points here", () => {
    for (const host of [
      "evil.example",
      "127.0.0.1.evil.example",
      "localhost.evil.example:3210",
      "",
      undefined,
    ]) {
      expect(guardRefusal({ ...knock, method: "GET", host })).toMatch(/Host/);
    }
  });

  it("stays shut for what a proxy on this machine brings, even under its names", () => {
    expect(guardRefusal({ ...knock, method: "GET", isForwarded: true })).toMatch(/proxy/);
    for (const header of ["x-forwarded-for", "forwarded", "x-real-ip", "via"])
      expect(isForwarded({ [header]: "203.0.113.9" })).toBe(true);
    expect(isForwarded({ host: "localhost" })).toBe(false);
  });

  it("takes deeds from its own origin or from programs, not from other sites", () => {
    for (const origin of ["http://evil.example", "http://127.0.0.1:9999", "null", "https://127.0.0.1:3210"]) {
      expect(guardRefusal({ ...knock, origin })).toMatch(/Origin/);
    }
    expect(guardRefusal({ ...knock, origin: undefined, fetchSite: undefined })).toBeUndefined();
    expect(guardRefusal({ ...knock, origin: undefined, fetchSite: "cross-site" })).toMatch(/another site/);
  });
});

describe("the workspace", () => {
  it("runs in start and demo only, and never beside a Slack token", () => {
    expect(workspaceRefusal("start", false)).toBeUndefined();
    expect(workspaceRefusal("demo", false)).toBeUndefined();
    expect(workspaceRefusal("web", false)).toContain("web");
    expect(workspaceRefusal("worker", false)).toContain("worker");
    expect(workspaceRefusal("start", true)).toContain("Slack token");
  });
});

describe("sessions", () => {
  const sessions = new Sessions("one secret");

  it("are read back, and not when forged, cut or signed with another secret", () => {
    const value = sessions.issue(ada);
    expect(sessions.read(`a=b; quarterdeck_workspace=${value}`)?.userId).toBe(ada);
    const forged = value.replace(ada, "U0LEA");
    for (const cookie of [
      undefined,
      "",
      `quarterdeck_workspace=${forged}`,
      `quarterdeck_workspace=${value.slice(0, -1)}`,
    ]) {
      expect(sessions.read(cookie)).toBeUndefined();
    }
    expect(new Sessions("another").read(`quarterdeck_workspace=${value}`)).toBeUndefined();
  });

  it("have a token each that fits no other", () => {
    const [one, two] = [sessions.issue(ada), sessions.issue(ada)];
    expect(sessions.isCsrfToken(one, sessions.csrfToken(one))).toBe(true);
    expect(sessions.isCsrfToken(two, sessions.csrfToken(one))).toBe(false);
    expect(sessions.isCsrfToken(one, undefined)).toBe(false);
  });
});

describe("over HTTP", () => {
  let h: Harness;
  beforeAll(async () => {
    h = await openHarness();
  });
  afterAll(() => h.close());

  const send = (headers: Record<string, string>): ReturnType<typeof rawRequest> =>
    rawRequest(h.origin, "/workspace/api/send", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ channel: ops, text: "hello" }),
    });

  it("another Host is refused on every path, the page included", async () => {
    for (const path of ["/", "/workspace/api/session", "/workspace/workspace.js"]) {
      expect((await rawRequest(h.origin, path, { headers: { host: "evil.example" } })).status).toBe(403);
    }
    for (const path of ["/", "/workspace/oidc/authorize"]) {
      const headers = { "x-forwarded-for": "203.0.113.9" };
      expect((await rawRequest(h.origin, path, { headers })).status).toBe(403);
    }
    const api = new URL(h.workspace.webApiUrl);
    const refused = await rawRequest(api.origin, "/api/auth.test", {
      method: "POST",
      headers: { host: "evil.example" },
    });
    expect(refused.status).toBe(403);
  });

  it("a deed from another origin is refused, with the right cookie and token too", async () => {
    const person = await Person.as(h, ada);
    const own = { cookie: person.cookie, "x-csrf-token": person.token };
    expect((await send({ ...own, origin: "http://evil.example" })).status).toBe(403);
    expect((await send({ ...own, origin: h.origin })).status).toBe(200);
  });

  it("a deed without the token, with another's token or without a session is refused", async () => {
    const person = await Person.as(h, ada);
    const other = await Person.as(h, ada);
    expect((await send({ cookie: person.cookie })).status).toBe(403);
    expect((await send({ cookie: person.cookie, "x-csrf-token": other.token })).status).toBe(403);
    expect((await send({ "x-csrf-token": person.token })).status).toBe(401);
    expect((await send({ cookie: person.cookie, "x-csrf-token": person.token })).status).toBe(200);
  });

  it("the cookie is httpOnly and SameSite=Strict", async () => {
    const res = await fetch(`${h.origin}/workspace/api/session`);
    const [cookie = ""] = res.headers.getSetCookie();
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
  });

  it("nobody can act as a person who is not offered", async () => {
    const person = await Person.as(h, ada);
    expect(await person.post("act-as", { user: "U0ROB" })).toMatchObject({
      ok: false,
      error: "user_not_found",
    });
    expect((await person.screen()).me).toBe(ada);
  });

  it("the page runs nothing inline and is framed by nobody", async () => {
    const res = await fetch(h.origin);
    const policy = res.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(await res.text()).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=/);
  });

  it("files are shown to a session only, and only pictures in place", async () => {
    const text = Buffer.from("<script>alert(1)</script>");
    const uploaded = await h.client.files.uploadV2({ filename: "x.html", file: text });
    const [first] = (uploaded as unknown as { files: { files: { id: string }[] }[] }).files;
    const path = `${h.origin}/workspace/files/${first?.files[0]?.id}`;
    expect((await fetch(path)).status).toBe(404);
    const { cookie } = await Person.as(h, ada);
    const res = await fetch(path, { headers: { cookie } });
    expect(res.headers.get("content-disposition")).toBe("attachment");
    expect(res.headers.get("content-type")).toBe("application/octet-stream");
    expect((await fetch(`${h.origin}/workspace/..%2findex.ts`)).status).toBe(404);
  });
});

it("has the host end its session whenever somebody else acts", async () => {
  let ended = 0;
  const h = await openHarness({
    signOut: async (_req, res) => {
      ended += 1;
      res.appendHeader("set-cookie", "host_session=; Max-Age=0");
    },
  });
  try {
    const res = await fetch(`${h.origin}/workspace/api/session`);
    expect(res.headers.getSetCookie().map((one) => one.split("=")[0])).toEqual([
      "host_session",
      "quarterdeck_workspace",
    ]);
    await Person.as(h, "U0LEA");
    expect(ended).toBe(3);
  } finally {
    await h.close();
  }
});

it("tells the identity provider who acts, and nobody when nobody sits there", async () => {
  const seats: (string | undefined)[] = [];
  const issuer = {
    handle: async (
      path: string,
      _req: unknown,
      res: ServerResponse,
      seat: { userId: string } | undefined,
    ) => {
      seats.push(`${path} ${seat?.userId}`);
      res.writeHead(204).end();
    },
  };
  const h = await openHarness({ issuer });
  try {
    const { cookie } = await Person.as(h, "U0LEA");
    await fetch(`${h.origin}/workspace/oidc/authorize?a=b`, { headers: { cookie } });
    await fetch(`${h.origin}/workspace/oidc/jwks`);
    expect(seats).toEqual(["/authorize U0LEA", "/jwks undefined"]);
  } finally {
    await h.close();
  }
});

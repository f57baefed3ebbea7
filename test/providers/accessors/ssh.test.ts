import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { AccessTerms } from "../../../src/catalog/schema.ts";
import { poll } from "../../../src/platform/embedded/wait.ts";
import { Secret } from "../../../src/platform/secret.ts";
import type { Accessor, GrantIntent } from "../../../src/providers/accessors/contract.ts";
import { createSshAccessor, type SshAccessorOptions } from "../../../src/providers/accessors/ssh.ts";
import { requireService } from "../../support/services.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { accessorConformance } from "./conformance.ts";
import { anybody, partOf } from "./granted.ts";
import { caKeyIn, type Sshd, startSshd } from "./sshd.ts";

const binary = requireService("sshd");

describe.runIf(binary)("the SSH accessor, with a real sshd", () => {
  let sshd: Sshd;
  let terms: Record<"operator" | "stranger" | "bound", AccessTerms>;
  const accessor = (change: Partial<SshAccessorOptions> = {}): Accessor =>
    createSshAccessor({
      caKey: new Secret(caKeyIn(sshd)),
      hosts: [`127.0.0.1:${sshd.port}`],
      directory: sshd.directory,
      grantable: Object.values(terms),
      deadlineMs: 20_000,
      now: () => new Date(),
      randomBytes,
      ...change,
    });
  const intentOf = (externalName: string, change: Partial<GrantIntent> = {}): GrantIntent => ({
    externalName,
    grantee: anybody,
    terms: terms.operator,
    expiresAt: new Date("2099-06-01T10:00:00Z"),
    ...change,
  });

  beforeAll(async () => {
    sshd = await startSshd(binary ?? "");
    terms = {
      operator: { principals: [sshd.principal], login: sshd.login },
      stranger: { principals: ["somebody-else", "dev"], login: sshd.login },
      bound: {
        principals: [sshd.principal],
        sourceAddresses: ["127.0.0.0/8"],
        forceCommand: "echo nothing but this, said 'so'",
        permit: [],
      },
    };
  });
  afterAll(async () => {
    await sshd?.stop();
  });

  accessorConformance(
    {
      ownEndPrecisionMs: 1_000,
      takesPastEnds: true,
      sessions: "unknown",
      secrets: "renewed",
      effect: "own",
      isMarked: true,
      isListed: true,
      endsAtOnce: true,
    },
    async () => ({
      accessor: accessor(),
      roles: [terms.operator, terms.stranger],
      membershipsOf: ({ principals }) =>
        [...(principals as string[])].sort().map((name) => `principal ${name}`),
      hostileTerms: [
        { principals: ["-oProxyCommand=true"] },
        { principals: ["a,root"] },
        { principals: ["a\nroot"] },
        { principals: ["root"] },
        { principals: [] },
        { principals: [sshd.principal], forceCommand: "true\nfalse" },
        { principals: [sshd.principal], permit: ["everything"] },
        { principals: [sshd.principal], sourceAddresses: ["everywhere"] },
        { grantRole: "app_ro" },
      ],
      works: async (granted) => (await sshd.run(granted, "echo in")) === "in\n",
    }),
  );

  it("lets nobody in whose certificate names another principal", async () => {
    const granted = await accessor().grant(intentOf("qd_other", { terms: terms.stranger }), "other");
    expect(await sshd.run(granted, "echo in")).toBeUndefined();
    expect(sshd.log()).toContain("Certificate does not contain an authorized principal");
    await accessor().revoke(intentOf("qd_other"));
  });

  it("runs the one command, from the declared addresses, without a terminal; hosts log the grant's name", async () => {
    const granted = await accessor().grant(intentOf("qd_bound", { terms: terms.bound }), "bound");
    expect(await sshd.run(granted, "id")).toBe("nothing but this, said so\n");
    expect(sshd.log()).toContain("ID qd_bound");
    const elsewhere = { ...terms.bound, sourceAddresses: ["203.0.113.7"] };
    const away = await accessor({ grantable: [elsewhere] }).grant(
      intentOf("qd_away", { terms: elsewhere }),
      "away",
    );
    expect(await sshd.run(away, "id")).toBeUndefined();
    for (const name of ["qd_bound", "qd_away"]) await accessor().revoke(intentOf(name));
  });

  it("goes on in a session that is open when it ends: a certificate is looked at when one logs in", async () => {
    const granted = await accessor().grant(intentOf("qd_live"), "live");
    const session = spawn("ssh", [...sshd.argsFor(granted), "echo up; read line; echo still $line"]);
    let said = "";
    session.stdout.on("data", (chunk: Buffer) => (said += chunk));
    await poll(() => said.includes("up") || undefined, 15_000);
    await accessor().revoke(intentOf("qd_live"));
    expect(await sshd.run(granted, "echo in")).toBeUndefined();
    session.stdin.write("here\n");
    await new Promise<void>((resolve) => session.once("exit", () => resolve()));
    expect(said).toContain("still here");
    expect((await accessor().plan(intentOf("qd_next"))).words.join(" ")).toContain(
      "go on until they are closed",
    );
  });

  it("hands out the key, the certificate and the line to log in with, for each host", async () => {
    const hosts = ["bastion.example", "10.0.0.7:2222", "[2001:db8::7]:22"];
    const granted = await accessor({ hosts }).grant(intentOf("qd_parts"), "parts");
    expect(granted.credential.map(({ id, fileName }) => [id, fileName])).toEqual([
      ["key", "qd_parts"],
      ["certificate", "qd_parts-cert.pub"],
      ["command", undefined],
      ["command-2", undefined],
      ["command-3", undefined],
    ]);
    expect(granted.credential.slice(2).map(({ value }) => value)).toEqual([
      `ssh -i qd_parts -o IdentitiesOnly=yes ${sshd.login}@bastion.example`,
      `ssh -i qd_parts -o IdentitiesOnly=yes -p 2222 ${sshd.login}@10.0.0.7`,
      `ssh -i qd_parts -o IdentitiesOnly=yes -p 22 ${sshd.login}@2001:db8::7`,
    ]);
    await accessor().revoke(intentOf("qd_parts"));
  });

  it("brings the list to the hosts and ends sessions by the programs that are named", async () => {
    const folder = tempDir();
    const program = (name: string, text: string) => {
      const path = join(folder, name);
      writeFileSync(path, `#!/bin/sh\n${text}\n`);
      chmodSync(path, 0o755);
      return path;
    };
    const change = {
      publishCommand: program("publish", `cp "$1" ${folder}/brought`),
      endSessionsCommand: program("end", `echo "$@" > ${folder}/asked; echo ended 3`),
    };
    await accessor(change).grant(intentOf("qd_brought"), "brought");
    const revoked = await accessor(change).revoke(intentOf("qd_brought"));
    expect(revoked.sessionsEnded).toBe(3);
    expect(readFileSync(join(folder, "asked"), "utf8")).toBe(`qd_brought ${sshd.principal}\n`);
    expect(readFileSync(join(folder, "brought"))).toEqual(readFileSync(join(sshd.directory, "revoked.krl")));

    await accessor().grant(intentOf("qd_stuck"), "stuck");
    const failing = accessor({ publishCommand: program("fails", "echo no way to host 2 >&2; exit 1") });
    await expect(failing.revoke(intentOf("qd_stuck"))).rejects.toMatchObject({
      message: expect.stringContaining("no way to host 2"),
    });
    expect((await accessor().verify(intentOf("qd_stuck"))).exists).toBe(true);
    expect((await accessor().revoke(intentOf("qd_stuck"))).readBack.exists).toBe(false);
  });

  it("refuses what it was told of only by its record, and forgets it a day after it has expired", async () => {
    const lost = tempDir();
    const elsewhere = accessor({ directory: lost });
    const granted = await accessor().grant(intentOf("qd_lost"), "lost");
    expect(await sshd.run(granted, "echo in")).toBe("in\n");
    await elsewhere.revoke(intentOf("qd_lost"));
    expect(readdirSync(lost)).not.toContain("revoked.krl");
    await elsewhere.revoke({ ...intentOf("qd_lost"), externalId: granted.externalId });
    expect(readdirSync(join(lost, "revoked"))).toEqual(["qd_lost.json"]);
    expect((await accessor().revoke(intentOf("qd_lost"))).readBack.exists).toBe(false);

    const later = accessor({ directory: lost, now: () => new Date(Date.now() + 3 * 86_400_000) });
    await later.grant(intentOf("qd_after"), "after");
    expect(readdirSync(join(lost, "revoked"))).toEqual([]);
    await expect(accessor().grant(intentOf("qd_lost"), "lost")).rejects.toMatchObject({ code: "conflict" });
  });

  it("takes a lock over from a worker that died, and waits for one that lives", async () => {
    const directory = tempDir();
    const lock = join(directory, "lock");
    writeFileSync(lock, "somebody");
    const waiting = accessor({ directory, deadlineMs: 300 }).grant(intentOf("qd_lock"), "lock");
    await expect(waiting).rejects.toMatchObject({ code: "timeout" });
    utimesSync(lock, new Date(0), new Date(0));
    expect((await accessor({ directory }).grant(intentOf("qd_lock"), "lock")).wasAdopted).toBe(false);
    expect(readdirSync(directory).sort()).toEqual(["issued", "revoked", "revoked.krl"]);
  });

  it("leaves no key behind, in the temporary folder or in its own", async () => {
    const temporary = tempDir();
    const { TMPDIR } = process.env;
    process.env.TMPDIR = temporary;
    onTestFinished(() => {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    });
    const granted = await accessor().grant(intentOf("qd_clean"), "clean");
    expect(readdirSync(temporary)).toEqual([]);
    const kept = readFileSync(join(sshd.directory, "issued", "qd_clean.json"), "utf8");
    expect(kept).not.toContain("PRIVATE KEY");
    expect(kept).toContain(partOf(granted, "certificate").trim().split(" ")[1]);
    await accessor().revoke(intentOf("qd_clean"));
  });

  it("says what is wrong with the key or the folder, and never the key", async () => {
    const noKey = accessor({ caKey: new Secret("-----BEGIN OPENSSH PRIVATE KEY-----\nhidden\n-----END") });
    const error = await noKey.list().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "ProviderError", code: "rejected" });
    expect(JSON.stringify(error) + String(error)).not.toContain("hidden");
    const absent = join(tempDir(), "absent");
    for (const call of [
      () => accessor({ directory: absent }).verify(intentOf("qd_none")),
      () => accessor({ directory: absent }).revoke(intentOf("qd_none")),
      () => accessor({ directory: absent }).list(),
    ])
      await expect(call()).rejects.toMatchObject({
        code: "not_found",
        hint: expect.stringContaining("all workers share"),
      });
    expect((await accessor({ directory: absent }).plan(intentOf("qd_none"))).obstacles).toHaveLength(1);
    mkdirSync(absent);
    expect((await accessor({ directory: absent }).plan(intentOf("qd_none"))).obstacles).toEqual([]);
  });
});

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { claimGrant, revealSecret } from "../../../src/features/access/claim.ts";
import type { Granted } from "../../../src/providers/accessors/contract.ts";
import { type Sshd, startSshd } from "../../providers/accessors/sshd.ts";
import { requireService } from "../../support/services.ts";
import { type AccessRoom, dev, lena, startAccess } from "./rooms.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const binary = requireService("sshd");

describe.runIf(binary)("a grant of a certificate", () => {
  let sshd: Sshd;
  let access: AccessRoom;
  beforeAll(async () => {
    sshd = await startSshd(binary ?? "");
    access = await startAccess({
      env: { SSH_CA_KEY_FILE: sshd.caKeyFile },
      change: (catalog) => {
        const [orders] = catalog.resources;
        const [role] = orders?.roles ?? [];
        if (!orders || !role) throw new Error("the sample has no role");
        catalog.providers.accessors.push({
          name: "bastion",
          kind: "ssh",
          caKeyFileEnv: "SSH_CA_KEY_FILE",
          hosts: [`127.0.0.1:${sshd.port}`],
          directory: sshd.directory,
        });
        const terms = { principals: [sshd.principal], login: sshd.login };
        catalog.resources.push({
          ...structuredClone(orders),
          name: "machines",
          accessor: "bastion",
          roles: [{ ...structuredClone(role), name: "operate", narrowerThan: undefined, terms }],
        });
      },
    });
  });
  afterAll(async () => {
    await access?.close();
    await sshd?.stop();
  });

  it("lets in from the claim to its end, and nobody after it, though the certificate is valid still", async () => {
    const id = await access.request("machines operate 15m INC-42 look at the queue");
    expect((await access.ask(lena, `access approve ${id}`)).ok).toBe(true);
    expect((await claimGrant(access.room, id, dev)).ok).toBe(true);
    await access.work();
    const revealed = await revealSecret(access.room, id, dev);
    if (!revealed.ok) throw new Error(revealed.refusal.message);
    const granted = { credential: revealed.value } as unknown as Granted;
    expect(await sshd.run(granted, "echo in")).toBe("in\n");
    expect(sshd.log()).toContain("ID qd_g");

    expect((await access.ask(dev, `access return ${id}`)).ok).toBe(true);
    await access.work();
    expect((await access.grantOf(id)).state.is).toBe("ended");
    expect(await sshd.run(granted, "echo in")).toBeUndefined();
    await access.run("access.reconcile");
    expect((await access.grantOf(id)).state.is).toBe("ended");
  });
});

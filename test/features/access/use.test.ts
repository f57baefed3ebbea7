import { expect, it } from "vitest";
import { ownAccountText, useOf } from "../../../src/features/access/use.ts";

const part = (id: string, value: string, fileName?: string) => ({ id, label: id, value, fileName });

it("a database login is used with psql, its password typed and not on the command line", () => {
  const steps = useOf("postgres", [
    part("login", "qd_g1"),
    part("password", "hush"),
    part("address", "[::1]:5432/orders"),
  ]).join("\n");
  expect(steps).toContain("psql -h ::1 -p 5432 -U qd_g1 -d orders");
  expect(steps).not.toContain("hush");
});

it("files are saved for oneself alone, and lines for a shell are pasted, whatever the kind", () => {
  const steps = useOf("webhook", [
    part("file", "a\nb", "client.yaml"),
    part("env", "export A_KEY=hush\nexport A_ID=1"),
  ]);
  expect(steps[0]).toContain("chmod 600 client.yaml");
  expect(steps[1]).toContain("begin with export");
  expect(steps.join("\n")).not.toContain("hush");
});

it("a certificate names the key it belongs to", () => {
  const steps = useOf("ssh", [
    part("key", "-----\n", "qd_g7"),
    part("certificate", "ssh-ed25519-cert", "qd_g7-cert.pub"),
  ]).join("\n");
  expect(steps).toContain("ssh -i qd_g7 -o CertificateFile=qd_g7-cert.pub");
});

it("where nothing is handed out, people are told to use their own account", () => {
  for (const kind of ["github", "slack", "webhook"]) expect(ownAccountText(kind)).toContain("your own");
});

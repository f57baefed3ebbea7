import type { Granted, Grantee } from "../../../src/providers/accessors/contract.ts";

export const anybody: Grantee = {
  personId: "dev",
  slack: { team: "T0", user: "U0" },
  accounts: { github: "dev" },
};

export const somebody: Grantee = {
  personId: "ops",
  slack: { team: "T0", user: "U1" },
  accounts: { github: "ops" },
};

/** A part of a credential in clear. Throws when it has none of that name. */
export function partOf({ credential }: Pick<Granted, "credential">, id: string): string {
  const value = credential.find((part) => part.id === id)?.value;
  if (value === undefined) throw new Error(`the credential has no ${id}`);
  return typeof value === "string" ? value : value.reveal();
}

export const loginOf = (granted: Granted): [login: string, password: string] => [
  partOf(granted, "login"),
  partOf(granted, "password"),
];

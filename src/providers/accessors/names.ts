import { ProviderError } from "../errors.ts";
import { externalNamePattern } from "./contract.ts";

const keyPattern = /^[\x21-\x7e]{1,120}$/;

/** Throws `rejected`: what is not named as we name things is not ours to touch. */
export function assertExternalName(name: string): void {
  if (externalNamePattern.test(name)) return;
  throw new ProviderError(
    "rejected",
    `${JSON.stringify(name)} is no name of a grant outside`,
    `externalName must match ${externalNamePattern.source}; make it with externalNameOf()`,
  );
}

/** Throws `rejected` when it could not be written on what it makes. */
export function assertKey(idempotencyKey: string): void {
  if (keyPattern.test(idempotencyKey)) return;
  throw new ProviderError(
    "rejected",
    "The idempotency key is empty, too long or has blanks",
    "Use 1 to 120 printable ASCII characters",
  );
}

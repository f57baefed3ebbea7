import type { Platform } from "../platform/platform.ts";
import { Secret } from "../platform/secret.ts";
import { ProviderError } from "./errors.ts";

/**
 * Reads the secret that an instance of the catalog names by its environment variable. `what` says what it is, for the
 * message. Throws ProviderError `unauthorised` when it is not set.
 */
export function secretOf(
  { env }: Pick<Platform, "env">,
  { name }: { readonly name: string },
  variable: string,
  what = "secret",
): Secret<string> {
  const value = env(variable);
  if (value !== undefined && value !== "") return new Secret(value);
  throw new ProviderError(
    "unauthorised",
    `The ${what} of ${name} is not set`,
    `Set ${variable}, which the catalog names for it.`,
  );
}

import { randomBytes } from "node:crypto";
import type { AccessorInstance } from "../../catalog/schema.ts";
import type { Platform } from "../../platform/platform.ts";
import { Secret } from "../../platform/secret.ts";
import { ProviderError } from "../errors.ts";
import type { Accessor } from "./contract.ts";
import { createPostgresAccessor } from "./postgres.ts";
import { addressOf } from "./postgres-session.ts";

/** Each call to an outside system ends by then, in milliseconds. */
const callDeadlineMs = 10_000;

export interface Accessors {
  /**
   * The accessor of an instance as it is declared, or as it was when a grant was made: revoking must work when the
   * catalog names the instance no more. Its secret is read from the environment at each call.
   *
   * @param groups what may be granted through it
   * Throws ProviderError `unauthorised` when the variable with its address is not set.
   */
  of(instance: AccessorInstance, groups: readonly string[]): Accessor;
}

/** @param wrap lets a caller stand between us and every accessor */
export function createAccessors(
  platform: Pick<Platform, "env">,
  wrap: (accessor: Accessor) => Accessor = (accessor) => accessor,
): Accessors {
  return {
    of(instance, groups) {
      const url = platform.env(instance.urlEnv);
      if (url === undefined || url === "")
        throw new ProviderError(
          "unauthorised",
          `The address of ${instance.name} is not set`,
          `Set ${instance.urlEnv}, which the catalog names for it, to the connection string of its manager`,
        );
      return wrap(
        createPostgresAccessor({
          url: new Secret(url),
          address: instance.publicUrl === undefined ? undefined : addressOf(new Secret(instance.publicUrl)),
          groups,
          leftoversOwner: instance.leftoversOwner,
          connectionsMax: instance.connectionsMax,
          deadlineMs: callDeadlineMs,
          randomBytes,
        }),
      );
    },
  };
}

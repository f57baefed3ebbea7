import { z } from "zod";
import {
  type AccessorInstance,
  type AccessTerms,
  accessTermsSchemas,
  type TermsOf,
} from "../../catalog/schema.ts";
import { canonicalJson } from "../../platform/canonical.ts";
import { ProviderError } from "../errors.ts";

/** A role's terms as an accessor of that kind understands them. Throws ProviderError `rejected` that names the field. */
export function readTerms<Kind extends AccessorInstance["kind"]>(
  kind: Kind,
  terms: AccessTerms,
): TermsOf<Kind> {
  const parsed = accessTermsSchemas[kind].safeParse(terms);
  if (parsed.success) return parsed.data as TermsOf<Kind>;
  throw new ProviderError(
    "rejected",
    `The role's terms are not ones of ${kind}: ${z.prettifyError(parsed.error)}`,
    "Correct terms of the role in the catalog",
  );
}

/** Throws `rejected` unless these are terms of a role that may be granted. `what` they give stands in the message. */
export function assertDeclared(grantable: readonly AccessTerms[], terms: AccessTerms, what: string): void {
  if (grantable.some((one) => canonicalJson(one) === canonicalJson(terms))) return;
  throw new ProviderError(
    "rejected",
    `${what} is not what this accessor may grant`,
    "Declare a role with these terms in the catalog",
  );
}

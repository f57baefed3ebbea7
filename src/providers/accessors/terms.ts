import { z } from "zod";
import {
  type AccessorInstance,
  type AccessTerms,
  accessTermsSchemas,
  type TermsOf,
} from "../../catalog/schema.ts";
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

/** Any system behind a signed webhook. */
import { z } from "zod";
import { envNameField, nameField, urlField } from "./fields.ts";

/** Answers hold secrets: they cross a network by TLS, or no network. */
const isPrivate = (url: string): boolean => {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
};

export const webhookAccessorSchema = z.strictObject({
  name: nameField,
  kind: z.literal("webhook"),
  url: urlField.refine((url) => URL.canParse(url) && isPrivate(url), {
    error: "must begin with https://, or lead to this machine: its answers hold secrets",
  }),
  /** Variable with the secret that both sides sign by. */
  secretEnv: envNameField,
});

/** Characters of the terms as JSON; they are sent with each request. */
const termsCharsMax = 8_192;

/** Whatever the receiver understands. */
export const webhookTermsSchema = z
  .record(z.string(), z.json())
  .refine((terms) => Object.keys(terms).length > 0, "says nothing of what is to be given")
  .refine(
    (terms) => JSON.stringify(terms).length <= termsCharsMax,
    `is longer than ${termsCharsMax} characters`,
  );

/** Access to machines by SSH certificates: the instance, and what a role on it stands for. */
import { z } from "zod";
import { envNameField, nameField } from "./fields.ts";

/** A name or an address, with a port where it is not 22. */
const hostField = z
  .string()
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?$/i,
    "must be a host, with a port where it is not 22: bastion.example:2222",
  );

/** What goes into a certificate and onto a command line: never an option, a list or a second line. */
const principalField = z
  .string()
  .regex(
    /^[a-z0-9_][a-z0-9_.@-]{0,62}$/i,
    "must be letters, digits, '_', '.', '@' or '-', not beginning with '-'",
  );

const addressField = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
  error: "must be an address or a range, such as 203.0.113.0/24",
});

export const sshAccessorSchema = z
  .strictObject({
    name: nameField,
    kind: z.literal("ssh"),
    /** Variable with the private key that signs, as ssh-keygen writes it, without a passphrase; or */
    caKeyEnv: envNameField.optional(),
    /** variable with the path of a file that holds it. */
    caKeyFileEnv: envNameField.optional(),
    /** Where people log in. */
    hosts: z.array(hostField).min(1).max(50),
    /** Folder for what was signed and for `revoked.krl`, which hosts read; all workers share it. */
    directory: z.string().regex(/^\/[^\0\n]+$/, "must be an absolute path"),
    /** Variable with the path of a program that brings the list to the hosts; it is run with the path of the list. */
    publishCommandEnv: envNameField.optional(),
    /** Variable with the path of a program that ends open sessions; it is run with the grant's name and principals. */
    endSessionsCommandEnv: envNameField.optional(),
  })
  .refine(({ caKeyEnv, caKeyFileEnv }) => (caKeyEnv === undefined) !== (caKeyFileEnv === undefined), {
    path: ["caKeyEnv"],
    error: "caKeyEnv or caKeyFileEnv is needed, not both",
  });

/** Extensions of a certificate. Source: OpenSSH, PROTOCOL.certkeys. */
export const sshPermits = [
  "pty",
  "port-forwarding",
  "agent-forwarding",
  "X11-forwarding",
  "user-rc",
] as const;

export const sshTermsSchema = z.strictObject({
  /** Whom hosts take the certificate for. */
  principals: z.array(principalField).min(1).max(10),
  /** Account people log in to; the first principal when left out. */
  login: principalField.optional(),
  /** Where it may be used from; anywhere when left out. */
  sourceAddresses: z.array(addressField).min(1).max(20).optional(),
  /** The one command it runs, whatever is asked for. */
  forceCommand: z
    .string()
    .regex(/^[\x20-\x7e]{1,500}$/, "must be one line of printable ASCII")
    .optional(),
  /** What a session may do beside its commands; nothing when empty. */
  permit: z.array(z.enum(sshPermits)).default(["pty"]),
});

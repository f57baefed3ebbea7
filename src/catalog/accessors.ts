/** Systems people are given access to, the resources in them, their roles and who may have those. */
import { z } from "zod";
import { accessPolicySchema } from "./access-policy.ts";
import { awsAccessorSchema, awsTermsSchema } from "./accessors-aws.ts";
import { kubernetesAccessorSchema, kubernetesTermsSchema } from "./accessors-kubernetes.ts";
import {
  githubAccessorSchema,
  githubTermsSchema,
  slackAccessorSchema,
  slackTermsSchema,
} from "./accessors-members.ts";
import { sshAccessorSchema, sshTermsSchema } from "./accessors-ssh.ts";
import { webhookAccessorSchema, webhookTermsSchema } from "./accessors-webhook.ts";
import { envNameField, nameField, wordsField } from "./fields.ts";

const postgresRoleField = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,62}$/, "must be a Postgres role: lower-case letters, digits, '_'; at most 63");

const postgresSchema = z.strictObject({
  name: nameField,
  kind: z.literal("postgres"),
  /** Variable with the connection address of a role that may create roles. */
  urlEnv: envNameField,
  /** Address people connect to, without user or password; taken from `urlEnv` when left out. */
  publicUrl: z.url({ protocol: /^postgres(ql)?$/, error: "must start with postgres://" }).optional(),
  /** Every database in which a grant may leave something behind. */
  databases: z.array(z.string().min(1).max(63)).min(1),
  /** NOLOGIN role that inherits what people made with a grant. */
  leftoversOwner: postgresRoleField.default("quarterdeck_leftovers"),
  connectionsMax: z.number().int().min(1).max(50).default(3),
});
export const accessorInstanceSchema = z.discriminatedUnion("kind", [
  postgresSchema,
  kubernetesAccessorSchema,
  sshAccessorSchema,
  awsAccessorSchema,
  githubAccessorSchema,
  slackAccessorSchema,
  webhookAccessorSchema,
]);
export type AccessorInstance = z.output<typeof accessorInstanceSchema>;

/** What a role stands for in its system, by the kind of the accessor. Kept with a grant as it was written. */
export const accessTermsSchemas = {
  postgres: z.strictObject({
    /** Group role that the login is a member of, or several. */
    grantRole: z.union([postgresRoleField, z.array(postgresRoleField).min(1).max(10)]),
  }),
  aws: awsTermsSchema,
  kubernetes: kubernetesTermsSchema,
  github: githubTermsSchema,
  ssh: sshTermsSchema,
  slack: slackTermsSchema,
  webhook: webhookTermsSchema,
} as const satisfies Record<AccessorInstance["kind"], z.ZodType>;

/** Whose accounts people need in the catalog, for kinds that give a right to an account they have. */
export const accountsNeeded: Partial<Record<AccessorInstance["kind"], "github">> = { github: "github" };

/** As the catalog holds them: read with the schema of the accessor's kind, {@link accessTermsSchemas}. */
export type AccessTerms = Readonly<Record<string, unknown>>;
export type TermsOf<Kind extends AccessorInstance["kind"]> = z.output<(typeof accessTermsSchemas)[Kind]>;

const accessRoleSchema = z.strictObject({
  name: nameField,
  /** What it lets people do, in their words. */
  grants: wordsField,
  /** What the accessor is told. */
  terms: z.record(z.string(), z.json()),
  /** Roles of the same resource that let people do more than this one does. */
  narrowerThan: z.array(nameField).optional(),
  policy: accessPolicySchema,
});
export type AccessRole = z.output<typeof accessRoleSchema>;

export const resourceSchema = z.strictObject({
  name: nameField,
  /** Accessor instance. */
  accessor: nameField,
  /** Service it belongs to; its team owns it. */
  service: nameField.optional(),
  description: wordsField.optional(),
  roles: z.array(accessRoleSchema).min(1),
});
export type Resource = z.output<typeof resourceSchema>;

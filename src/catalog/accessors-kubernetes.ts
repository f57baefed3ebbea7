/** Access to a Kubernetes cluster: the instance, and what a role on it stands for. */
import { z } from "zod";
import { envNameField, nameField, wordsField } from "./fields.ts";

/** RFC 1123 label, as namespaces are named. */
const namespaceField = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "must be a namespace: a-z, 0-9 and '-', at most 63");

/** Names of Roles may hold what URLs may; these are the ones people give them. */
const roleField = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9:._-]{0,251}[A-Za-z0-9])?$/,
    "must be the name of a Role: letters, digits, ':', '.', '_' and '-'",
  )
  .refine((name) => name !== "cluster-admin" && !name.startsWith("system:"), {
    error:
      "gives power over the cluster itself, its own end included; make a role with the rights that are needed",
  });

export const kubernetesAccessorSchema = z
  .strictObject({
    name: nameField,
    kind: z.literal("kubernetes"),
    /** Variable with the path of a kubeconfig; without it the service account of the pod Quarterdeck runs in. */
    kubeconfigEnv: envNameField.optional(),
    /** Context in that kubeconfig; its current one when left out. */
    context: wordsField.optional(),
    /** Holds the service accounts of grants, and nothing else. */
    namespace: namespaceField.default("quarterdeck-access"),
    /** Address people reach the API server by; the kubeconfig's when left out. */
    publicUrl: z.url({ protocol: /^https$/, error: "must start with https://" }).optional(),
  })
  .refine(({ kubeconfigEnv, publicUrl }) => kubeconfigEnv !== undefined || publicUrl !== undefined, {
    path: ["publicUrl"],
    error: "is needed without kubeconfigEnv: people do not reach the cluster by its inner address",
  });

export const kubernetesTermsSchema = z
  .strictObject({
    /** ClusterRole that is bound, or */
    clusterRole: roleField.optional(),
    /** a Role, which stands in each of the namespaces. */
    role: roleField.optional(),
    /** Where it holds; `all` binds a ClusterRole in the whole cluster. */
    namespaces: z.union(
      [
        z
          .array(namespaceField)
          .min(1)
          .max(20)
          .refine((names) => new Set(names).size === names.length, { error: "names a namespace twice" }),
        z.literal("all"),
      ],
      { error: "must be a list of namespaces, or all" },
    ),
  })
  .refine(({ clusterRole, role }) => (clusterRole === undefined) !== (role === undefined), {
    error: "must name a clusterRole or a role, not both",
  })
  .refine(({ role, namespaces }) => role === undefined || namespaces !== "all", {
    path: ["namespaces"],
    error: "must list namespaces: a Role stands in one; for all of them bind a clusterRole",
  });

/** The parts of Kubernetes objects that are read here. Templates keep what they hold besides, to be put back whole. */
import { z } from "zod";
import type { Resource } from "./api.ts";

export const deployments: Resource = { group: "apps", version: "v1", plural: "deployments" };
export const replicaSets: Resource = { group: "apps", version: "v1", plural: "replicasets" };
export const pods: Resource = { group: "", version: "v1", plural: "pods" };
export const httpRoutes: Resource = {
  group: "gateway.networking.k8s.io",
  version: "v1",
  plural: "httproutes",
};
export const argoRollouts: Resource = { group: "argoproj.io", version: "v1alpha1", plural: "rollouts" };

const textsSchema = z.record(z.string(), z.string()).nullish();

export const metadataSchema = z.object({
  name: z.string(),
  namespace: z.string().default(""),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.number().default(0),
  labels: textsSchema,
  annotations: textsSchema,
  ownerReferences: z.array(z.object({ uid: z.string(), controller: z.boolean().default(false) })).default([]),
  /** Which programs wrote to it. */
  managedFields: z.array(z.object({ manager: z.string().default("") })).default([]),
  deletionTimestamp: z.string().optional(),
});
export type Metadata = z.output<typeof metadataSchema>;

const containerSchema = z.looseObject({ name: z.string(), image: z.string().default("") });

export const podTemplateSchema = z.looseObject({
  metadata: z.looseObject({ labels: textsSchema }).default({}),
  spec: z.looseObject({ containers: z.array(containerSchema) }),
});
export type PodTemplate = z.output<typeof podTemplateSchema>;

export const selectorSchema = z.object({
  matchLabels: textsSchema,
  matchExpressions: z
    .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).default([]) }))
    .default([]),
});
export type Selector = z.output<typeof selectorSchema>;

export const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(""),
  message: z.string().default(""),
  observedGeneration: z.number().optional(),
});
export type Condition = z.output<typeof conditionSchema>;

export const deploymentSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({
    replicas: z.number().default(1),
    paused: z.boolean().default(false),
    selector: selectorSchema,
    template: podTemplateSchema,
  }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      replicas: z.number().default(0),
      updatedReplicas: z.number().default(0),
      availableReplicas: z.number().default(0),
      conditions: z.array(conditionSchema).default([]),
    })
    .prefault({}),
});
export type Deployment = z.output<typeof deploymentSchema>;

const replicaSetSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({ replicas: z.number().default(1), template: podTemplateSchema }),
  status: z
    .object({
      replicas: z.number().default(0),
      readyReplicas: z.number().default(0),
      availableReplicas: z.number().default(0),
    })
    .prefault({}),
});
export type ReplicaSet = z.output<typeof replicaSetSchema>;
export const replicaSetListSchema = z.object({ items: z.array(replicaSetSchema) });

const containerStatusSchema = z.object({
  name: z.string(),
  ready: z.boolean().default(false),
  restartCount: z.number().default(0),
  state: z
    .object({ waiting: z.object({ reason: z.string().default(""), message: z.string().default("") }) })
    .partial()
    .default({}),
});

const podSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({ containers: z.array(containerSchema) }),
  status: z
    .object({
      conditions: z.array(conditionSchema).default([]),
      containerStatuses: z.array(containerStatusSchema).default([]),
      initContainerStatuses: z.array(containerStatusSchema).default([]),
    })
    .prefault({}),
});
export type Pod = z.output<typeof podSchema>;
export const podListSchema = z.object({ items: z.array(podSchema) });

const backendRefSchema = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  kind: z.string().default("Service"),
  group: z.string().default(""),
  weight: z.number().default(1),
});

export const httpRouteSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({
    parentRefs: z.array(z.object({ name: z.string() })).default([]),
    rules: z.array(z.object({ backendRefs: z.array(backendRefSchema).default([]) })).default([]),
  }),
  status: z
    .object({
      parents: z
        .array(
          z.object({
            parentRef: z.object({ name: z.string() }),
            conditions: z.array(conditionSchema).default([]),
          }),
        )
        .default([]),
    })
    .prefault({}),
});
export type HttpRoute = z.output<typeof httpRouteSchema>;

const pauseSchema = z.object({ duration: z.union([z.string(), z.number()]).optional() });

export const argoRolloutSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({
    replicas: z.number().default(1),
    paused: z.boolean().default(false),
    selector: selectorSchema.optional(),
    /** Left out when `workloadRef` names a Deployment that holds it. */
    template: podTemplateSchema.optional(),
    workloadRef: z.object({ kind: z.string(), name: z.string() }).optional(),
    strategy: z
      .object({
        blueGreen: z.looseObject({}).optional(),
        canary: z
          .object({
            steps: z
              .array(z.looseObject({ setWeight: z.number().optional(), pause: pauseSchema.nullish() }))
              .default([]),
            trafficRouting: z.looseObject({ maxTrafficWeight: z.number().optional() }).optional(),
          })
          .optional(),
      })
      .default({}),
  }),
  status: z
    .object({
      phase: z.string().default(""),
      message: z.string().default(""),
      /** A number in quotes. */
      observedGeneration: z.string().default(""),
      /** Of the Deployment that `workloadRef` names. */
      workloadObservedGeneration: z.string().default(""),
      currentPodHash: z.string().default(""),
      stableRS: z.string().default(""),
      currentStepIndex: z.number().nullish(),
      abort: z.boolean().default(false),
      promoteFull: z.boolean().default(false),
      controllerPause: z.boolean().default(false),
      pauseConditions: z
        .array(z.object({ reason: z.string() }))
        .nullish()
        .transform((conditions) => conditions ?? []),
      canary: z
        .object({
          weights: z
            .object({
              canary: z.object({ weight: z.number().default(0) }),
              stable: z.object({ weight: z.number().default(0) }),
            })
            .nullish(),
        })
        .default({}),
    })
    .prefault({}),
});
export type ArgoRollout = z.output<typeof argoRolloutSchema>;

/** As a query writes it: `app=shop,tier in (web,api)`. */
export function labelSelectorOf({ matchLabels, matchExpressions }: Selector): string {
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const others = matchExpressions.map(({ key, operator, values }) => {
    switch (operator) {
      case "In":
        return `${key} in (${values.join(",")})`;
      case "NotIn":
        return `${key} notin (${values.join(",")})`;
      case "DoesNotExist":
        return `!${key}`;
      default:
        return key;
    }
  });
  return [...equal, ...others].join(",");
}

export const isOwnedBy = ({ ownerReferences }: Metadata, { uid }: Metadata): boolean =>
  ownerReferences.some((owner) => owner.controller && owner.uid === uid);

export const conditionOf = (conditions: readonly Condition[], type: string): Condition | undefined =>
  conditions.find((condition) => condition.type === type);

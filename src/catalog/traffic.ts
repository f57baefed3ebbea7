/** Where a service's traffic is moved: instances of traffic engines, and what each service has on them. */
import { z } from "zod";
import { migrationSchema } from "./data-migration.ts";
import { envNameField, nameField, urlField, wordsField } from "./fields.ts";

const instanceBase = {
  name: nameField,
  /** Environment it carries the traffic of; every one when left out. */
  environment: nameField.optional(),
  /** Cluster or site it stands in, for people to tell instances apart. */
  cluster: nameField.optional(),
};

const routerSchema = z.strictObject({
  ...instanceBase,
  kind: z.literal("router"),
  adminUrl: urlField,
  tokenEnv: envNameField,
});

const socketField = z
  .string()
  .regex(
    /^(unix:\/\S+|tcp:[^\s:]+:[0-9]{1,5})$/,
    "must be unix:/path/of/socket or tcp:host:port, such as unix:/run/haproxy/admin.sock",
  );

const haproxyNameField = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_.:-]+$/, "must be a name as HAProxy takes it: letters, digits, '_', '.', ':' or '-'");

const haproxySchema = z.strictObject({
  ...instanceBase,
  kind: z.literal("haproxy"),
  /** Runtime API of every HAProxy process that carries this traffic; all of them are kept alike. */
  sockets: z.array(socketField).min(1).max(20),
});

const kubernetesSchema = z.strictObject({
  ...instanceBase,
  kind: z.literal("kubernetes"),
  /** Variable with the path of a kubeconfig; without it the service account of the pod Quarterdeck runs in. */
  kubeconfigEnv: envNameField.optional(),
  /** Context in that kubeconfig; its current one when left out. */
  context: wordsField.optional(),
});

export const trafficInstanceSchema = z.discriminatedUnion("kind", [
  routerSchema,
  haproxySchema,
  kubernetesSchema,
]);
export type TrafficInstance = z.output<typeof trafficInstanceSchema>;

const versionSchema = z.strictObject({
  name: nameField,
  /** Address of this version, for a router and for warm-up requests. */
  url: urlField.optional(),
  /** HAProxy's backend of this version, where shares are set by a map. */
  backend: haproxyNameField.optional(),
  /** Its servers in the entry's backend, where HAProxy sets shares by their weights. */
  servers: z.array(haproxyNameField).min(1).optional(),
  migration: migrationSchema.optional(),
});

const kubernetesObjectSchema = z.strictObject({
  /** A Rollout of Argo Rollouts, an HTTPRoute of the Gateway API, or a plain Deployment. */
  kind: z.enum(["rollout", "http-route", "deployment"]),
  namespace: nameField,
  name: nameField,
  /** Container whose image carries the version; the only one when left out. */
  container: nameField.optional(),
  /** Image of a version, with `{version}` where it stands. */
  image: z.string().includes("{version}", "must hold {version}, such as ghcr.io/acme/shop:{version}"),
  /**
   * For an HTTPRoute: the Services it divides traffic over, each with its Deployment. A new version goes into one that
   * has no traffic, so they take turns.
   */
  backends: z
    .array(z.strictObject({ service: nameField, deployment: nameField }))
    .max(16)
    .default([]),
  /** Address of the canary, whichever version it is, for warm-up requests. */
  canaryUrl: urlField.optional(),
  /** An autoscaler sets the number of pods: it is neither kept in snapshots nor put back. */
  autoscaled: z.boolean().default(false),
});

const stickySchema = z.strictObject({
  /** Its value forces a version: `canary`, `stable` or a version's name. */
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,100}$/, "must be the name of a header of your own, such as X-Version")
    .refine(
      (name) =>
        !["host", "cookie", "authorization", "connection", "content-length"].includes(name.toLowerCase()),
      "is a header with a meaning of its own",
    )
    .optional(),
  /** Keeps a person where they are as long as the weights allow. */
  cookie: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,100}$/, "must be letters, digits, '.', '_' or '-', such as shop_version")
    .optional(),
});

const entrySchema = z.strictObject({
  /** The service's first environment when left out. */
  environment: nameField.optional(),
  /** Traffic instance. */
  provider: nameField,
  /** Versions that can be given traffic; with an image any version can. */
  versions: z.array(versionSchema).max(200).default([]),
  /** Version that has all traffic before the first rollout. */
  initialVersion: nameField.optional(),
  /** What keeps a tester (header) or a person (cookie) on one version, for a router. */
  sticky: stickySchema.optional(),
  /** Path at which a version says that it is well, for a router: 2xx or 3xx; its address itself when left out. */
  healthPath: z.string().startsWith("/", "must begin with /").max(500).optional(),
  /** HAProxy's map of 10,000 numbers that deals out the requests: its path, as in HAProxy's configuration. */
  map: z
    .string()
    .regex(/^\/[A-Za-z0-9._/-]+$/, "must be the map's path, such as /etc/haproxy/maps/shop.map")
    .optional(),
  /** HAProxy's backend with the servers of every version, where there is no map. */
  backend: haproxyNameField.optional(),
  /** Object that carries the versions, for Kubernetes. */
  kubernetes: kubernetesObjectSchema.optional(),
});
export type ServiceTraffic = z.output<typeof entrySchema>;

/** One entry per environment; one alone may be written without the list. */
export const serviceTrafficSchema = z.preprocess(
  (value) => (typeof value === "object" && value !== null && !Array.isArray(value) ? [value] : value),
  z.array(entrySchema).min(1).max(50),
);

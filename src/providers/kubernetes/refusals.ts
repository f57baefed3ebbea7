/** What a Kubernetes API server's refusal means for whoever asked. Source: Kubernetes API conventions, "Response Status Kind". */
import { z } from "zod";
import { ProviderError, RateLimited } from "../errors.ts";
import type { Answer, Request } from "./api.ts";

const statusSchema = z.object({
  message: z.string().default("no reason given"),
  reason: z.string().default(""),
  details: z
    .object({
      name: z.string().optional(),
      kind: z.string().optional(),
      causes: z.array(z.unknown()).default([]),
    })
    .default({ causes: [] }),
});
type Status = z.output<typeof statusSchema>;

/** How long to stay away when it does not say; milliseconds. */
const stayAwayMs = 1_000;
/** Longest reason passed on, in characters. */
const reasonCharactersMax = 500;

export function refused(request: Request, answer: Answer): ProviderError {
  const status = statusIn(answer.text);
  const reason = status.message.slice(0, reasonCharactersMax);
  const what = nameOf(request);
  switch (answer.status) {
    case 401:
      return new ProviderError(
        "unauthorised",
        `The cluster does not accept our credentials: ${reason}`,
        "Renew the kubeconfig's user, or the service account's token.",
      );
    case 403:
      return forbidden(request, reason);
    case 404:
      return absent(request, status);
    case 409:
      return new ProviderError(
        "conflict",
        `Somebody changed ${what} at the same moment`,
        "Read it, decide and try again.",
      );
    case 422:
      if (isFailedTest(request, status))
        return new ProviderError(
          "conflict",
          `${what} is not what was read before: somebody changed it at the same moment`,
          "Read it, decide and try again.",
        );
      return new ProviderError(
        "rejected",
        `The cluster refused ${what}: ${reason}`,
        "Correct the named field.",
      );
    case 429:
      return new RateLimited(
        `The cluster asks us to come back later: ${reason}`,
        "It is asked again by itself.",
        Number(answer.headers["retry-after"]) * 1_000 || stayAwayMs,
      );
  }
  if (answer.status === 504)
    return new ProviderError(
      "timeout",
      `The cluster gave up on ${what}: ${reason}`,
      "The change may have happened; read before trying again.",
    );
  if (answer.status >= 500)
    return new ProviderError(
      "unreachable",
      `The cluster is in trouble (${answer.status}): ${reason}`,
      "User traffic goes on as it is; it is asked again by itself.",
    );
  return new ProviderError(
    "rejected",
    `The cluster refused ${what} (${answer.status}): ${reason}`,
    "Check the server of the kubeconfig's cluster, and the named field.",
  );
}

/** Missing rights, or a policy in the cluster (an admission webhook, a quota) that says no. */
function forbidden(request: Request, reason: string): ProviderError {
  if (!/\bcannot \w+ resource\b/.test(reason))
    return new ProviderError(
      "rejected",
      `A rule of the cluster refused ${nameOf(request)}: ${reason}`,
      "Ask the cluster's administrators about that rule.",
    );
  const { verb, resource, subresource, namespace } = request;
  const plural = [resource.plural, subresource].filter((part) => part !== undefined).join("/");
  const group = resource.group === "" ? "core" : resource.group;
  return new ProviderError(
    "unauthorised",
    `Quarterdeck may not ${verb} ${plural} (${group}) ${namespace === "" ? "in the cluster" : `in the namespace ${namespace}`}`,
    `Add the verb ${verb} for ${plural} to its Role; deploy/kubernetes has all it needs.`,
  );
}

function absent(request: Request, { details, message }: Status): ProviderError {
  const { resource, name, namespace } = request;
  if (details.kind === "namespaces")
    return new ProviderError(
      "not_found",
      `The cluster has no namespace ${namespace}`,
      "Make it, or correct the catalog; check the instance's context.",
    );
  // An object that is not there is named; a kind that is not there is not.
  if (name !== undefined && details.name === undefined && !message.includes(`"${name}"`))
    return new ProviderError(
      "not_found",
      `The cluster has no ${resource.plural} of ${resource.group}/${resource.version}`,
      "Is what defines them installed, in this version?",
    );
  return new ProviderError(
    "not_found",
    `The cluster has no ${nameOf(request)}`,
    "Check namespace and name in the catalog, and the instance's context.",
  );
}

/** The server names the causes when an object is not valid, and none when a patch did not apply. */
const isFailedTest = ({ body }: Request, { details }: Status): boolean =>
  body?.type === "application/json-patch+json" && details.causes.length === 0;

/** `deployments shop/web`. */
function nameOf({ resource, namespace, name, subresource }: Request): string {
  const of = subresource === undefined ? "" : `${subresource} of `;
  return `${of}${resource.plural} ${namespace === "" ? "" : `${namespace}/`}${name ?? "*"}`;
}

function statusIn(text: string): Status {
  try {
    return statusSchema.parse(JSON.parse(text));
  } catch {
    return statusSchema.parse({ message: text.slice(0, 200) || undefined });
  }
}

/** No answer: over time, or no connection. */
export function unanswered(
  cause: unknown,
  { server, deadlineMs, isOver }: { server: string; deadlineMs: number; isOver: boolean },
): ProviderError {
  if (isOver)
    return new ProviderError(
      "timeout",
      `The cluster at ${server} did not answer within ${deadlineMs} ms`,
      "The change may have happened; read before trying again.",
      cause,
    );
  const code = z.object({ code: z.string() }).safeParse(cause).data?.code ?? "";
  return new ProviderError(
    "unreachable",
    `The cluster at ${server} cannot be reached${code === "" ? "" : ` (${code})`}`,
    /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO/.test(code)
      ? "Its certificate is not from the kubeconfig's certificate-authority, or not for this name."
      : "Is the address right, and is there a way to it from here? User traffic goes on as it is.",
    cause,
  );
}

import { type ProviderCode, ProviderError } from "../../../src/providers/errors.ts";
import type { ClusterObjects, ObjectPath } from "../../../src/providers/gitops/contract.ts";

const codes: Record<number, ProviderCode> = { 403: "unauthorised", 404: "not_found", 409: "conflict" };

/** Asks the stand-in as the Kubernetes client does. */
export function objectsAt(url: string): ClusterObjects {
  const send = async (path: ObjectPath, body?: unknown): Promise<unknown> => {
    const { resource, namespace, name } = path;
    const at = `${url}/apis/${resource.group}/${resource.version}/namespaces/${namespace}/${resource.plural}/${name}`;
    const answer = await fetch(at, {
      method: body === undefined ? "GET" : "PATCH",
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/merge-patch+json" } }),
    }).catch((error: unknown) => {
      throw new ProviderError("unreachable", "the cluster cannot be reached", "", error);
    });
    const json: unknown = await answer.json();
    if (answer.ok) return json;
    const { message } = json as { message: string };
    throw new ProviderError(codes[answer.status] ?? "rejected", message, "");
  };
  return {
    get: async (path, schema) => schema.parse(await send(path)),
    merge: async (path, json, schema) => schema.parse(await send(path, json)),
  };
}

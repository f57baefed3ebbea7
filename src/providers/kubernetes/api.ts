/**
 * Requests to a Kubernetes API server. Objects go through as JSON, not as the library's typed models: a model of
 * another release would drop the fields it does not know from what is written back.
 */
import { setMaxListeners } from "node:events";
import { type RequestOptions as HttpOptions, request as httpRequest, type IncomingMessage } from "node:http";
import { type RequestOptions as HttpsOptions, request as httpsRequest } from "node:https";
import { z } from "zod";
import { ProviderError } from "../errors.ts";
import { refused, unanswered } from "./refusals.ts";

export interface KubernetesCall {
  /** Milliseconds for all requests together. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A kind of object, as it stands in paths. */
export interface Resource {
  /** Empty for pods and services. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

export interface ObjectPath {
  readonly resource: Resource;
  /** Empty for what stands in no namespace. */
  readonly namespace: string;
  readonly name: string;
}

export type JsonPatch = readonly {
  readonly op: "add" | "remove" | "replace" | "test";
  readonly path: string;
  readonly value?: unknown;
}[];

export interface Request {
  readonly verb: "get" | "list" | "patch" | "create" | "delete";
  readonly resource: Resource;
  readonly namespace: string;
  readonly name?: string | undefined;
  readonly subresource?: "status" | "token" | undefined;
  readonly labelSelector?: string | undefined;
  readonly body?: { readonly type: string; readonly json: unknown } | undefined;
}

const methods = { get: "GET", list: "GET", patch: "PATCH", create: "POST", delete: "DELETE" } as const;

/** An answer larger than this is refused: no object of ours comes near. */
const bodyBytesMax = 32 * 1024 * 1024;

export class KubernetesApi {
  readonly #signal: AbortSignal;

  constructor(
    private readonly server: string,
    private readonly options: HttpsOptions,
    private readonly call: KubernetesCall,
  ) {
    const deadline = AbortSignal.timeout(call.deadlineMs);
    this.#signal = call.signal ? AbortSignal.any([deadline, call.signal]) : deadline;
    // One listener per request in flight: many at once are no leak.
    setMaxListeners(0, this.#signal);
    // One handshake for all requests of a call.
    if (typeof options.agent === "object") Object.assign(options.agent, { keepAlive: true });
  }

  close(): void {
    if (typeof this.options.agent === "object") this.options.agent.destroy();
  }

  get<Schema extends z.ZodType>(path: ObjectPath, schema: Schema): Promise<z.output<Schema>> {
    return this.#send({ verb: "get", ...path }, schema);
  }

  /** Undefined when there is no such object. */
  async find<Schema extends z.ZodType>(
    path: ObjectPath,
    schema: Schema,
  ): Promise<z.output<Schema> | undefined> {
    try {
      return await this.get(path, schema);
    } catch (error) {
      if (error instanceof ProviderError && error.code === "not_found") return undefined;
      throw error;
    }
  }

  list<Schema extends z.ZodType>(
    at: { resource: Resource; namespace: string; labelSelector: string },
    schema: Schema,
  ): Promise<z.output<Schema>> {
    return this.#send({ verb: "list", ...at }, schema);
  }

  /** RFC 6902. A `test` that fails is `conflict`: somebody else was there first. */
  patch<Schema extends z.ZodType>(
    path: ObjectPath,
    json: JsonPatch,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    return this.#send(
      { verb: "patch", ...path, body: { type: "application/json-patch+json", json } },
      schema,
    );
  }

  /** RFC 7386. */
  merge<Schema extends z.ZodType>(
    path: ObjectPath & { subresource?: "status" },
    json: unknown,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    return this.#send(
      { verb: "patch", ...path, body: { type: "application/merge-patch+json", json } },
      schema,
    );
  }

  /** `conflict` when there is one of that name. With a name: a subresource of that object. */
  create<Schema extends z.ZodType>(
    at: { resource: Resource; namespace: string; name?: string; subresource?: "token" },
    json: unknown,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    return this.#send({ verb: "create", ...at, body: { type: "application/json", json } }, schema);
  }

  /** With `uid` only that very object: `conflict` when another one of its name stands there. Absent is a success. */
  async remove(path: ObjectPath, uid?: string): Promise<void> {
    const json = { kind: "DeleteOptions", apiVersion: "v1", ...(uid && { preconditions: { uid } }) };
    try {
      await this.#send({ verb: "delete", ...path, body: { type: "application/json", json } }, z.unknown());
    } catch (error) {
      if (!(error instanceof ProviderError && error.code === "not_found")) throw error;
    }
  }

  async #send<Schema extends z.ZodType>(request: Request, schema: Schema): Promise<z.output<Schema>> {
    let answer: Answer;
    try {
      answer = await this.#exchange(request);
    } catch (error) {
      throw unanswered(error, {
        server: this.server,
        deadlineMs: this.call.deadlineMs,
        isOver: this.#signal.aborted,
      });
    }
    if (answer.status < 200 || answer.status >= 300) throw refused(request, answer);
    const read = schema.safeParse(parse(answer.text));
    if (read.success) return read.data;
    const [issue] = read.error.issues;
    throw new ProviderError(
      "rejected",
      `What answers at ${this.server} is no Kubernetes as documented: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
      "Check the server of the kubeconfig's cluster.",
      read.error,
    );
  }

  #exchange(request: Request): Promise<Answer> {
    const url = new URL(pathOf(request), this.server);
    const send = url.protocol === "http:" ? httpRequest : httpsRequest;
    const body = request.body && JSON.stringify(request.body.json);
    const options: HttpOptions = {
      ...this.options,
      method: methods[request.verb],
      headers: {
        ...(this.options.headers as Record<string, string>),
        accept: "application/json",
        "user-agent": "quarterdeck",
        ...(request.body && {
          "content-type": request.body.type,
          "content-length": Buffer.byteLength(body ?? ""),
        }),
      },
      signal: this.#signal,
    };
    return new Promise((resolve, reject) => {
      const sent = send(url, options, (response) => {
        readBody(response).then(resolve, reject);
      });
      sent.once("error", reject);
      sent.end(body);
    });
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

async function readBody(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > bodyBytesMax) throw new Error(`the answer is larger than ${bodyBytesMax} bytes`);
    chunks.push(chunk as Buffer);
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: Buffer.concat(chunks).toString("utf8"),
  };
}

function pathOf({ resource, namespace, name, subresource, labelSelector }: Request): string {
  const { group, version, plural } = resource;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const parts = [name, subresource].filter((part) => part !== undefined).map(encodeURIComponent);
  const place = namespace === "" ? [] : ["namespaces", encodeURIComponent(namespace)];
  const query = labelSelector === undefined ? "" : `?labelSelector=${encodeURIComponent(labelSelector)}`;
  return `${[root, ...place, plural, ...parts].join("/")}${query}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** For a JSON pointer (RFC 6901). */
export const pointer = (...parts: readonly (string | number)[]): string =>
  parts.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

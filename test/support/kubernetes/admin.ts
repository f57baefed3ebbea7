import { Agent, type RequestOptions, request } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import type { z } from "zod";

/** An administrator's plain requests, for what tests set up and what other people and controllers do. */
export class AdminClient {
  readonly #config = new KubeConfig();
  readonly #agents: Agent[] = [];

  constructor(kubeconfig: string) {
    this.#config.loadFromFile(kubeconfig);
  }

  async get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    return schema.parse(await this.#json("GET", path));
  }

  text(path: string): Promise<string> {
    return this.#send("GET", path).then(({ text }) => text);
  }

  async exists(path: string): Promise<boolean> {
    return (await this.#send("GET", path)).status === 200;
  }

  /** Leaves one that is there already as it is. */
  async create(path: string, body: unknown): Promise<void> {
    const { status, text } = await this.#send("POST", path, body, "application/json");
    if (status !== 201 && status !== 409) throw new Error(`POST ${path}: ${status} ${text}`);
  }

  post(path: string, body: unknown): Promise<unknown> {
    return this.#json("POST", path, body, "application/json");
  }

  merge(path: string, body: unknown): Promise<unknown> {
    return this.#json("PATCH", path, body, "application/merge-patch+json");
  }

  put(path: string, body: unknown): Promise<unknown> {
    return this.#json("PUT", path, body, "application/json");
  }

  async delete(path: string): Promise<void> {
    await this.#send("DELETE", path);
  }

  async #json(method: string, path: string, body?: unknown, type?: string): Promise<unknown> {
    const { status, text } = await this.#send(method, path, body, type);
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text);
  }

  async #send(method: string, path: string, body?: unknown, type?: string) {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const agent =
      this.#agents[0] ?? new Agent({ keepAlive: true, ca: options.ca, cert: options.cert, key: options.key });
    this.#agents[0] = agent;
    const url = new URL(path, this.#config.getCurrentCluster()?.server);
    return new Promise<{ status: number; text: string }>((resolve, reject) => {
      const headers = {
        ...(options.headers as Record<string, string>),
        ...(type && { "content-type": type }),
      };
      const sent = request(url, { method, agent, headers }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      sent.once("error", reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

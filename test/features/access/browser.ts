import type { Login } from "./orders.ts";

export interface Shown {
  status: number;
  html: string;
  headers: Headers;
}

/** The console as a person's browser uses it, with the cookies it has. */
export class Browser {
  constructor(
    private readonly base: string,
    private readonly cookie: string,
  ) {}

  async get(path: string): Promise<Shown> {
    const answer = await fetch(this.base + path, { headers: { cookie: this.cookie }, redirect: "manual" });
    return { status: answer.status, html: await answer.text(), headers: answer.headers };
  }

  async post(path: string, form: Record<string, string>, origin = this.base): Promise<Shown> {
    const answer = await fetch(this.base + path, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams(form),
      headers: { cookie: this.cookie, origin, "content-type": "application/x-www-form-urlencoded" },
    });
    return { status: answer.status, html: await answer.text(), headers: answer.headers };
  }
}

export const csrfIn = (html: string): string => /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? "";

/** What a page shows once, by the id of its part. */
export function secretsIn(html: string): ReadonlyMap<string, string> {
  return new Map(
    [...html.matchAll(/data-secret="([^"]+)">([^<]*)</g)].map(([, id = "", value = ""]) => [id, value]),
  );
}

export function loginIn(html: string): Login {
  const secrets = secretsIn(html);
  const value = (id: string): string => secrets.get(id) ?? "";
  return { login: value("login"), password: value("password"), address: value("address") };
}

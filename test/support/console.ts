import type { Person } from "./person.ts";

export interface Shown {
  status: number;
  html: string;
  headers: Headers;
}

/** The console as a person's browser without scripts uses it: pages read, forms sent with what is hidden in them. */
export class ConsolePerson {
  constructor(
    private readonly base: string,
    private readonly person: Pick<Person, "cookie">,
  ) {}

  async get(path: string): Promise<Shown> {
    return shownOf(
      await fetch(this.base + path, { headers: { cookie: this.person.cookie }, redirect: "manual" }),
    );
  }

  /** Sends a form and follows where it leads. */
  async post(path: string, form: Record<string, string>, origin = this.base): Promise<Shown> {
    const answer = await shownOf(
      await fetch(this.base + path, {
        method: "POST",
        redirect: "manual",
        body: new URLSearchParams(form),
        headers: { cookie: this.person.cookie, origin, "content-type": "application/x-www-form-urlencoded" },
      }),
    );
    const to = answer.headers.get("location");
    return to === null ? answer : this.get(to);
  }

  /** Presses the button of that label on a page: sends its form as it stands there. */
  async press(page: Shown, label: string, filled: Record<string, string> = {}): Promise<Shown> {
    const form = formsIn(page.html).find(({ labels }) => labels.includes(label));
    if (!form) throw new Error(`the page has no button ${label}: ${textOf(page.html)}`);
    return this.post(form.action, { ...form.fields, ...filled });
  }
}

async function shownOf(answer: Response): Promise<Shown> {
  return { status: answer.status, html: await answer.text(), headers: answer.headers };
}

export interface PageForm {
  action: string;
  fields: Record<string, string>;
  labels: string[];
}

export function formsIn(html: string): PageForm[] {
  return [...html.matchAll(/<form method="post" action="([^"]+)">(.*?)<\/form>/gs)].map(
    ([, action = "", inside = ""]) => ({
      action: unescapeHtml(action),
      fields: Object.fromEntries(
        [...inside.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(
          ([, name = "", value = ""]) => [name, unescapeHtml(value)],
        ),
      ),
      labels: [...inside.matchAll(/<button[^>]*>([^<]*)<\/button>/g)].map(([, label = ""]) =>
        unescapeHtml(label),
      ),
    }),
  );
}

/** Where the link of that label leads. */
export function hrefOf(html: string, label: string): string | undefined {
  for (const [, attributes = "", text = ""] of html.matchAll(/<a ([^>]*)>(.*?)<\/a>/gs))
    if (unescapeHtml(text.replace(/<[^>]+>/g, "")) === label)
      return unescapeHtml(/href="([^"]*)"/.exec(attributes)?.[1] ?? "");
  return undefined;
}

/** What a page says, without its tags. */
export const textOf = (html: string): string =>
  unescapeHtml(html.replace(/<(style|head)[\s\S]*?<\/\1>|<[^>]+>/g, " "))
    .replace(/\s+/g, " ")
    .trim();

const unescapeHtml = (text: string): string =>
  text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");

import { until } from "./until.ts";
import type { Login } from "./watch.ts";

/** The console as a signed-in browser uses it. */
export async function openConsole(
  baseUrl: string,
  cookie: string,
): Promise<{ claim(id: string): Promise<Login> }> {
  const get = async (path: string): Promise<string> => {
    const answer = await fetch(baseUrl + path, { headers: { cookie } });
    const html = await answer.text();
    if (answer.status !== 200) throw new Error(`GET ${path} answered ${answer.status}: ${textOf(html)}`);
    return html;
  };
  const post = async (path: string, csrf: string): Promise<string> => {
    const answer = await fetch(baseUrl + path, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ csrf }),
      headers: { cookie, origin: baseUrl, "content-type": "application/x-www-form-urlencoded" },
    });
    const html = await answer.text();
    if (answer.status >= 400) throw new Error(`POST ${path} answered ${answer.status}: ${textOf(html)}`);
    return html;
  };
  return {
    async claim(id) {
      const page = await get(`/access/${id}`);
      await post(`/access/${id}/claim`, csrfIn(page));
      const ready = await until("the grant to be active", async () => {
        const html = await get(`/access/${id}`);
        return html.includes(`/access/${id}/reveal`) && html;
      });
      const shown = await post(`/access/${id}/reveal`, csrfIn(ready));
      const value = (name: string): string => {
        const found = new RegExp(`data-secret="${name}"[^>]*>([^<]+)<`).exec(shown)?.[1];
        if (!found) throw new Error(`the page shows no ${name}: ${textOf(shown)}`);
        return unescapeHtml(found);
      };
      const [, host, port, database] = /^(.*):(\d+)\/(.+)$/.exec(value("address")) ?? [];
      return {
        user: value("login"),
        password: value("password"),
        host: host ?? "",
        port: Number(port),
        database: database ?? "",
      };
    },
  };
}

function csrfIn(html: string): string {
  const token = /name="csrf" value="([^"]+)"/.exec(html)?.[1];
  if (!token) throw new Error(`the page has no form: ${textOf(html)}`);
  return unescapeHtml(token);
}

const textOf = (html: string): string =>
  html
    .replace(/<style[\s\S]*?<\/style>|<[^>]+>/g, " ")
    .replace(/\s+/g, " ")
    .slice(0, 300);
const unescapeHtml = (text: string): string =>
  text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");

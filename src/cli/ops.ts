import { randomUUID } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { publicUrl, readSettings, type Settings } from "../config/config.ts";
import { signLocalOperator } from "../platform/operatortokens.ts";
import { SecretBox } from "../platform/secretbox.ts";
import { CommandError, encryptionKey, reasonOf, say, startedUrl } from "./world.ts";

export interface OpsOptions {
  token?: string;
  url?: string;
  as?: string;
  json?: boolean;
}

export interface SignIn {
  url: string;
  token: string;
}

/** What the door answers. */
export interface Answer {
  done: boolean;
  id?: string;
  ok?: boolean;
  text?: string;
  error?: string;
  message?: string;
}

const signInFile = () => join(homedir(), ".config", "quarterdeck", "operator.json");
/** Milliseconds one request may take; the door itself answers within 20 s. */
const requestDeadlineMs = 30_000;
/** Milliseconds until the terminal gives the prompt back; what was asked is done all the same. */
const patienceMs = 120_000;

/** Says a line at the terminal's door and prints the answer. Exit code 1 when it was refused, 2 when not done yet. */
export async function run(words: readonly string[], options: OpsOptions): Promise<void> {
  const settings = readSettings();
  const line = words
    .join(" ")
    .replace(/^\s*\/?ops\s+/, "")
    .trim();
  if (line === "" && words.length === 0 && options.token !== undefined) return signIn(settings, options);
  const access = await accessOf(settings, options);
  const answer = await ask(access, line);
  if (options.json) say(JSON.stringify(answer));
  else if (answer.done) say(answer.text ?? "");
  else
    say(
      `I have it (${answer.id}) and cannot do it yet. I keep trying; nothing is lost. Is a worker running? \`quarterdeck doctor\` says.`,
    );
  if (!answer.done) process.exitCode = 2;
  else if (!answer.ok) process.exitCode = 1;
}

async function signIn(settings: Settings, options: OpsOptions): Promise<void> {
  const access = { url: addressOf(settings, options), token: options.token as string };
  await ask(access, "help");
  const path = signInFile();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, `${JSON.stringify(access)}\n`, { mode: 0o600 });
  await chmod(path, 0o600);
  say(`Signed in at ${access.url}. Kept in ${path}.`);
}

const addressOf = (settings: Settings, options: OpsOptions): string =>
  (options.url ?? publicUrl(settings)).replace(/\/$/, "");

/** How this terminal comes in: as a person of the local workspace, with a token, or as it was signed in. */
export async function accessOf(settings: Settings, options: OpsOptions): Promise<SignIn> {
  if (options.as !== undefined) return localAccess(settings, options, options.as);
  const token = options.token ?? settings.OPERATOR_TOKEN;
  if (token !== undefined) return { url: addressOf(settings, options), token };
  const kept = await readFile(signInFile(), "utf8").catch(() => undefined);
  if (kept !== undefined)
    return { ...(JSON.parse(kept) as SignIn), ...(options.url ? { url: options.url } : {}) };
  throw new CommandError(
    "This terminal is not signed in.",
    'A platform engineer makes a token: quarterdeck token create ops --person <Slack id>; then: quarterdeck ops --token <it>. On a machine with `npm start`: quarterdeck ops --as U0ONCALL "status".',
  );
}

/** Beside a running `start`, its key makes a token for any person of the local workspace. */
async function localAccess(settings: Settings, options: OpsOptions, person: string): Promise<SignIn> {
  const [url, key] = await Promise.all([startedUrl(settings), encryptionKey(settings)]);
  if (url === undefined || key === undefined)
    throw new CommandError(
      `--as works beside a running \`quarterdeck start\`; none runs on ${settings.DATA_DIR}.`,
      "Start it, or sign in with --token.",
    );
  const token = signLocalOperator(new SecretBox(key), person, new Date());
  return { url: options.url ?? url, token };
}

/** Says one line at the door and waits for its answer. */
export async function ask({ url, token }: SignIn, line: string): Promise<Answer> {
  const endMs = performance.now() + patienceMs;
  const id = randomUUID();
  let answer = await request(`${url}/api/ops`, token, { line, id });
  while (!answer.done && answer.id !== undefined && performance.now() < endMs)
    answer = await request(`${url}/api/ops/${answer.id}`, token);
  return answer;
}

async function request(url: string, token: string, body?: unknown): Promise<Answer> {
  const send = () =>
    fetch(url, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(requestDeadlineMs),
    });
  // The request has an id of its own, so sending it again after a broken connection does nothing twice.
  const response = await send()
    .catch(send)
    .catch((cause: unknown) => {
      throw new CommandError(
        `${new URL(url).origin} cannot be reached: ${reasonOf(cause)}.`,
        "Check that `quarterdeck web` (or start) runs there, or give its address with --url.",
        cause,
      );
    });
  const answer = (await response.json().catch(() => ({}))) as Answer;
  if (response.ok) return answer;
  throw new CommandError(answer.message ?? `The answer was HTTP ${response.status}.`, "");
}

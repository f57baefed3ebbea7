/** Small HTTP pieces: bodies with a limit, JSON out. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isJson, type Json } from "./model.ts";

/** Bytes of a body; uploads have their own. */
export const bodyBytesMax = 2 * 1024 * 1024;
export const uploadBytesMax = 20 * 1024 * 1024;

export class BodyTooLarge extends Error {
  readonly code = "body_too_large";
}

export async function readBody(req: IncomingMessage, bytesMax = bodyBytesMax): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req) {
    const part = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    bytes += part.length;
    if (bytes > bytesMax) throw new BodyTooLarge(`body over ${bytesMax} bytes`);
    chunks.push(part);
  }
  return Buffer.concat(chunks);
}

export function parseObject(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJson(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  res.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    ...headers,
  });
  res.end(JSON.stringify(body));
}

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Handle } from "./server.ts";

const files = {
  "/console.css": { file: "console.css", type: "text/css; charset=utf-8" },
  "/console.js": { file: "console.js", type: "text/javascript; charset=utf-8" },
} as const;

/** The console's own files: as they are in the source, nothing is built. */
export function assetHandler(): Handle {
  const read = new Map(
    Object.entries(files).map(([path, { file, type }]) => {
      const body = readFileSync(new URL(`./assets/${file}`, import.meta.url));
      const tag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 16)}"`;
      return [path, { body, type, tag }] as const;
    }),
  );
  return (req, res, url) => {
    const asset = read.get(url.pathname);
    if (!asset || req.method !== "GET") return false;
    res.setHeader("etag", asset.tag);
    res.setHeader("cache-control", "no-cache");
    res.setHeader("x-content-type-options", "nosniff");
    if (req.headers["if-none-match"] === asset.tag) res.writeHead(304).end();
    else
      res.writeHead(200, { "content-type": asset.type, "content-length": asset.body.length }).end(asset.body);
    return true;
  };
}

/** Each entry's own bytes, a line each: what is hashed and sealed, so that it can be compared to the byte. */
import type { ExportFormat } from "./entry.ts";

export const jsonl: ExportFormat = { head: "", line: ({ body }) => `${body}\n` };

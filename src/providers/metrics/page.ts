import { ProviderError } from "../errors.ts";
import { type Exposition, ExpositionError, formatOf, parseExposition } from "./exposition.ts";

export interface PageOptions {
  deadlineMs: number;
  signal?: AbortSignal | undefined;
  fetch?: typeof fetch | undefined;
}

/** A metrics page's size at most. */
const pageBytesMax = 16 * 1024 * 1024;

/** Reads one metrics page, whole or not at all. Throws ProviderError. */
export async function readPage(url: string, options: PageOptions): Promise<Exposition> {
  const deadline = AbortSignal.timeout(options.deadlineMs);
  try {
    const response = await (options.fetch ?? fetch)(url, {
      headers: { accept: "text/plain;version=0.0.4" },
      signal: options.signal ? AbortSignal.any([deadline, options.signal]) : deadline,
      redirect: "error",
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new ProviderError(
        "rejected",
        `HTTP ${response.status}`,
        "Open the target's address by hand; it must answer 200 with metrics text",
      );
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > pageBytesMax)
        throw new ProviderError(
          "rejected",
          `the page is larger than ${pageBytesMax} bytes`,
          "Have the target show fewer series",
        );
      chunks.push(chunk);
    }
    return parseExposition(
      Buffer.concat(chunks).toString("utf8"),
      formatOf(response.headers.get("content-type") ?? undefined),
    );
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    if (error instanceof ExpositionError)
      throw new ProviderError("rejected", error.message, error.hint, error);
    if (deadline.aborted || options.signal?.aborted)
      throw new ProviderError(
        "timeout",
        `no answer within ${options.deadlineMs} ms`,
        "Look at the target, or raise the instance's deadline in the catalog",
        error,
      );
    throw new ProviderError(
      "unreachable",
      "no connection",
      "Check the target's address in the catalog, and that it runs",
      error,
    );
  }
}

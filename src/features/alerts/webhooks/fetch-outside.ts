/** Reads a small document by GET, as senders ask us to; follows no redirect and takes no longer than it may. */
const deadlineMs = 5_000;
const bytesMax = 100_000;

/** An answer other than 200; `status` tells whether asking again can help. */
export class AnswerError extends Error {
  readonly status: number;

  constructor(url: URL, status: number) {
    // The path and query of an address may hold a secret.
    super(`${url.hostname} answered ${status}`);
    this.status = status;
  }
}

export async function fetchOutside(url: URL): Promise<Buffer> {
  const response = await fetch(url, {
    redirect: "manual",
    signal: AbortSignal.timeout(deadlineMs),
    headers: { accept: "*/*" },
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new AnswerError(url, response.status);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new Error(`${url.hostname} answered more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

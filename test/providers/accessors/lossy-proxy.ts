import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Forwards to a server until the client has sent `word`; passes that on and swallows every answer from then on. */
export async function losingAnswersAfter(
  word: string,
  serverPort: number,
): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = connect(serverPort, "127.0.0.1");
    let isLosing = false;
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        client.destroy();
        server.destroy();
      });
    }
    client.on("data", (chunk) => {
      if (chunk.includes(word)) isLosing = true;
      server.write(chunk);
    });
    server.on("data", (chunk) => {
      if (!isLosing) client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => proxy.close(() => resolve()));
    },
  };
}

import type { HaproxyProcess } from "./haproxy-api.ts";

/** A line of `show servers state`. */
export interface ServerState {
  readonly server: string;
  /** 0 to 256, as set at runtime. */
  readonly weight: number;
  /** In maintenance or drain by a person, the configuration or name resolution. */
  readonly isOut: boolean;
}

/** Forced, inherited and resolution maintenance; forced and inherited drain. Source: `show servers state`, srv_admin_state. */
const outBits = 0x01 | 0x02 | 0x08 | 0x10 | 0x20;

/** @throws {ProviderError} `not_found` when HAProxy has no such backend */
export async function readServers(process: HaproxyProcess, backend: string): Promise<ServerState[]> {
  const reply = await process.ask(`show servers state ${backend}`);
  const lines = reply.split("\n");
  const header = lines.find((line) => line.startsWith("# be_id "));
  if (header === undefined) throw process.refused(reply);
  const names = header.slice(2).split(" ");
  return lines
    .filter((line) => /^\d+ /.test(line))
    .map((line) => {
      const values = line.split(" ");
      const value = (name: string) => values[names.indexOf(name)] ?? "";
      return {
        server: value("srv_name"),
        weight: Number(value("srv_uweight")),
        isOut: (Number(value("srv_admin_state")) & outBits) !== 0,
      };
    });
}

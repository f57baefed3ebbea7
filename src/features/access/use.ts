/** How what was granted is used, in words under the credential. Pure. */
import type { Revealed } from "./claim.ts";

/** Nothing is handed out: the person signs in as they always do. */
export function ownAccountText(kind: string): string {
  return `${ownAccounts[kind] ?? "There is nothing to copy: use your own account there."} It ends there by itself.`;
}

const ownAccounts: Readonly<Record<string, string>> = {
  github: "There is nothing to copy: your own GitHub account is in the team now.",
  slack: "There is nothing to copy: your own Slack account is in the user group now.",
};

/**
 * Steps for people. What a kind is used with is named; parts that are files or lines for a shell say what to do with
 * them whatever the kind.
 */
export function useOf(kind: string, parts: Revealed): readonly string[] {
  const files = parts.flatMap(({ fileName }) => (fileName === undefined ? [] : [fileName]));
  return [
    ...files.map((file) => `Save it as ${file}, readable by you alone: chmod 600 ${file}`),
    ...(kinds[kind]?.(parts, files) ?? []),
    ...(parts.some(({ value }) => /^export [A-Z_]+=/m.test(value))
      ? [
          "Paste the lines that begin with export into the shell you work in; another shell knows nothing of them.",
        ]
      : []),
    "It ends by itself; what you have not saved by then is lost with the session.",
  ];
}

type Steps = (parts: Revealed, files: readonly string[]) => readonly string[];

const kinds: Readonly<Record<string, Steps>> = {
  postgres: (parts) => {
    const value = (id: string): string => parts.find((part) => part.id === id)?.value ?? "";
    const [server = "", database = ""] = value("address").split("/");
    const at = server.lastIndexOf(":");
    return [
      `psql -h ${server.slice(0, at).replace(/^\[(.*)\]$/, "$1")} -p ${server.slice(at + 1)} -U ${value("login")} -d ${database}`,
      "psql asks for the password; on the command line others on the machine could read it.",
    ];
  },
  kubernetes: (_parts, [file]) => [`kubectl --kubeconfig ${file ?? "<file>"} auth whoami`],
  ssh: (_parts, files) => {
    const certificate = files.find((file) => file.endsWith("-cert.pub"));
    const key = files.find((file) => !file.endsWith(".pub"));
    return certificate === undefined
      ? []
      : [
          `ssh -i ${key ?? certificate.replace(/-cert\.pub$/, "")} -o CertificateFile=${certificate} <login>@<host>`,
        ];
  },
  aws: () => ["aws sts get-caller-identity shows whose session it is"],
};

/** What the doctor found about one system. */
export interface Finding {
  system: string;
  state: "ok" | "failed" | "not proven" | "not set";
  /** What was seen. */
  saw: string;
  /** What to do; for a failure always there. */
  cure?: string | undefined;
}

export const ok = (system: string, saw: string): Finding => ({ system, state: "ok", saw });
export const failed = (system: string, saw: string, cure: string): Finding => ({
  system,
  state: "failed",
  saw,
  cure,
});
export const notProven = (system: string, saw: string, cure?: string): Finding => ({
  system,
  state: "not proven",
  saw,
  cure,
});
export const notSet = (system: string, saw: string, cure?: string): Finding => ({
  system,
  state: "not set",
  saw,
  cure,
});

const marks: Record<Finding["state"], string> = {
  ok: "ok        ",
  failed: "FAILED    ",
  "not proven": "not proven",
  "not set": "not set   ",
};

export function findingText({ system, state, saw, cure }: Finding): string {
  return `${marks[state]}  ${system}: ${saw}${cure ? `\n            → ${cure}` : ""}`;
}

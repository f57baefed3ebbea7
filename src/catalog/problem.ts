/** What is wrong with a catalog, where, and what to do. */
export interface Problem {
  file: string;
  /** Counted from 1. */
  line: number;
  /** Field path; entries of lists by name: `services.shop.rollout.steps.0`. */
  field: string;
  /** What is wrong, what to do. */
  message: string;
}

/** `config/storefront.yaml:12: services.shop.dri: names person "olve", …` */
export function problemText({ file, line, field, message }: Problem): string {
  return `${file}:${line}: ${field === "" ? "" : `${field}: `}${message}`;
}

/** Versions as they stand in images: `ghcr.io/acme/shop:{version}`. */
import { ProviderError } from "../errors.ts";
import type { PodTemplate } from "../kubernetes/objects.ts";

/** Source: OCI Distribution Specification 1.1, "Pulling manifests": what a tag may be. */
const tag = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}";
const tagPattern = new RegExp(`^${tag}$`);

export const isTag = (version: string): boolean => tagPattern.test(version);

export interface Naming {
  readonly name: string;
  /** With `{version}` where it stands. */
  readonly image: string;
  /** Null: the only container. */
  readonly container: string | null;
}

export const imageOf = ({ image }: Pick<Naming, "image">, version: string): string =>
  image.replaceAll("{version}", version);

/** The version of an image; of an image that is named otherwise, the image itself. */
export function versionOf({ image: template }: Pick<Naming, "image">, image: string): string {
  const [first = "", ...rest] = template.split("{version}").map(escaped);
  // A digest behind the tag says the same again, more exactly.
  const pattern = new RegExp(
    `^${first}(?<version>${tag})${rest.join("\\k<version>")}(?:@sha256:[0-9a-f]{64})?$`,
  );
  return pattern.exec(image)?.groups?.version ?? image;
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

export interface Carrier {
  readonly index: number;
  readonly name: string;
  readonly image: string;
}

/** The container whose image carries the version. Throws ProviderError `rejected` when it cannot be told. */
export function carrierOf(naming: Naming, template: PodTemplate): Carrier {
  const { containers } = template.spec;
  const names = containers.map(({ name }) => name);
  const index = naming.container === null ? 0 : names.indexOf(naming.container);
  const found = containers[index];
  if (found !== undefined && (naming.container !== null || containers.length === 1))
    return { index, name: found.name, image: found.image };
  throw new ProviderError(
    "rejected",
    naming.container === null
      ? `${naming.name} has several containers: ${names.join(", ")}`
      : `${naming.name} has no container ${naming.container}; it has ${names.join(", ")}`,
    "Name the one whose image carries the version: container of the service's traffic in the catalog.",
  );
}

/** The version a template runs. */
export const versionIn = (naming: Naming, template: PodTemplate): string =>
  versionOf(naming, carrierOf(naming, template).image);

/** Pod templates: compared, given another image, put back from the history. Pure. */
import { canonicalJson } from "../../platform/canonical.ts";
import { type JsonPatch, pointer } from "../kubernetes/api.ts";
import type { PodTemplate, ReplicaSet } from "../kubernetes/objects.ts";
import { carrierOf, imageOf, type Naming } from "./kubernetes-images.ts";
import type { Fields } from "./kubernetes-kind.ts";

/** `image.web`: every container of a template, by name. */
export const imageFields = (template: PodTemplate, prefix = "image"): Fields =>
  Object.fromEntries(template.spec.containers.map(({ name, image }) => [`${prefix}.${name}`, image]));

/** A template with the images that were kept, where the one that was kept whole is gone. */
export function withImages(template: PodTemplate, fields: Fields, prefix = "image"): PodTemplate {
  const containers = template.spec.containers.map((container) => {
    const image = fields[`${prefix}.${container.name}`];
    return typeof image === "string" ? { ...container, image } : container;
  });
  return { ...template, spec: { ...template.spec, containers } };
}

/** `kubectl set image` takes them so: `web=ghcr.io/acme/web:v41`. */
export const imagesKept = (fields: Fields, prefix = "image"): string[] =>
  Object.entries(fields).flatMap(([field, image]) =>
    field.startsWith(`${prefix}.`) && typeof image === "string"
      ? [`${field.slice(prefix.length + 1)}=${image}`]
      : [],
  );

export function withVersion(naming: Naming, template: PodTemplate, version: string): PodTemplate {
  const { index } = carrierOf(naming, template);
  const containers = template.spec.containers.map((container, at) =>
    at === index ? { ...container, image: imageOf(naming, version) } : container,
  );
  return { ...template, spec: { ...template.spec, containers } };
}

/** The template kept in the history by its hash; the present one with the images kept, when that is gone. */
export function keptTemplate(
  { template, history }: { template: PodTemplate; history: readonly ReplicaSet[] },
  fields: Fields,
  field: string,
  label: string,
): PodTemplate {
  const kept = history.find(({ metadata }) => metadata.labels?.[label] === fields[field]);
  return kept ? withoutLabel(kept.spec.template, label) : withImages(template, fields);
}

export function withoutLabel(template: PodTemplate, label: string): PodTemplate {
  const { [label]: _hash, ...labels } = template.metadata.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

export const sameTemplate = (one: PodTemplate, other: PodTemplate): boolean =>
  canonicalJson(one) === canonicalJson(other);

/** Only the image, where only the image differs: other fields may be somebody else's. */
export function templatePatch(naming: Naming, from: PodTemplate, to: PodTemplate): JsonPatch {
  const { index, name } = carrierOf(naming, from);
  const image = to.spec.containers[index]?.image;
  const at = ["spec", "template", "spec", "containers", index] as const;
  if (image !== undefined && canonicalJson(to) === canonicalJson(withImage(from, index, image)))
    return [
      { op: "test", path: pointer(...at, "name"), value: name },
      { op: "replace", path: pointer(...at, "image"), value: image },
    ];
  return [{ op: "replace", path: "/spec/template", value: to }];
}

const withImage = (template: PodTemplate, index: number, image: string): PodTemplate => ({
  ...template,
  spec: {
    ...template.spec,
    containers: template.spec.containers.map((container, at) =>
      at === index ? { ...container, image } : container,
    ),
  },
});

/** What our change of a template says, for the mark. */
export const settingOf = (template: PodTemplate): unknown => imageFields(template);
